/* SPDX-License-Identifier: ISC */
/* A listener is ready: what that means for its kind of service, and how many clients are
 * taken from it in a turn. What becomes of one is dispatch.c's. */
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/serve/answering.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/dispatch.h"
#include "usherd/serve/door.h"
#include "usherd/serve/flows.h"
#include "usherd/serve/forwarding.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/pause.h"
#include "usherd/serve/post.h"
#include "usherd/serve/record.h"
#include "usherd/serve/wait.h"
#include "usherd/serve/watching.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/*
 * Clients taken from one listener before others have their turn. After a turn without one
 * that was served it rests for a moment: a flood at one service would otherwise take a
 * processor whole, and what is started for the clients of another would wait for the end
 * of our time slice. Longer, and the queue of a flood runs over, whose clients then try
 * again for many seconds.
 */
#define ACCEPT_BATCH     16
#define REFUSALS_REST_NS (CLOCK_NS_PER_MS * 15 / 100)

/* How long a listener rests when the system is out of something. */
#define SHORTAGE_REST_NS (CLOCK_NS_PER_SECOND / 2)

/*
 * Out of descriptors: with the reserve the waiting client is taken and turned away, so it
 * does not hang and its listener does not wake us for ever. Out of anything else, or when
 * even that fails: look away for a moment.
 */
static void survive_shortage(struct listener *listener, int shortage)
{
	struct engine *engine = listener->post->engine;
	struct addr peer;

	report_throttled(engine->reporter, &engine->short_of_resources,
			 loop_now_ns(engine->loop), LOG_LEVEL_ERROR,
			 "service '%s': cannot accept: %s; turning clients away",
			 listener->post->service->id, strerror(-shortage));
	if ((shortage == -EMFILE || shortage == -ENFILE) && listener->fd != -1 &&
	    reserve_refuse(&engine->reserve, listener->fd, &peer) == 0)
		record_refusal(listener->post, REASON_RESOURCES, &peer);
	else
		listener_rest(listener, SHORTAGE_REST_NS);
}

/* Another worker has found that the service has to rest, and has closed the socket for
 * both: then there is nobody to be accepted. */
static bool rests_together(const struct listener *listener, int r)
{
	return r == -EINVAL && listener->watch.shared &&
	       listener->endpoint.transport == TRANSPORT_TCP;
}

/* After a turn in which @refused of @taken clients were. */
static void after_turn(struct listener *listener, unsigned taken, unsigned refused)
{
	if (refused < taken)
		door_let_in(listener);
	else if (refused > 0 && door_turned_away(listener, refused))
		return;
	if (refused == ACCEPT_BATCH)
		listener_rest(listener, REFUSALS_REST_NS);
	else
		listener_stand_back(listener);
}

static void stream_ready(struct listener *listener)
{
	struct connection connection;
	unsigned taken = 0, refused = 0;

	for (; taken < ACCEPT_BATCH && loop_is_watching(&listener->watch); taken++) {
		int r = accept_connection(listener->fd, &listener->local, &connection);

		if (r == -EAGAIN || rests_together(listener, r))
			break;
		if (r < 0) {
			survive_shortage(listener, r);
			return;
		}
		refused += !dispatch_connection(
			listener->post, listener->endpoint.transport, &connection, NULL);
		fd_close(&connection.fd);
	}
	after_turn(listener, taken, refused);
}

/* What a ready listener means, by the kind of its service; first row that fits. */
static const struct {
	bool any_wait, wait, any_stream, stream, internal, flows;
	void (*ready)(struct listener *listener);
} ways[] = {
	{ .wait = true, .any_stream = true, .ready = wait_ready },
	{ .any_wait = true, .stream = true, .internal = true, .ready = stream_ready },
	{ .any_wait = true, .stream = true, .ready = stream_ready },
	{ .any_wait = true, .internal = true, .flows = true, .ready = forwarding_ready },
	{ .any_wait = true, .internal = true, .ready = answering_ready },
	{ .any_wait = true, .ready = flows_ready },
};

static void serve_listener(struct listener *listener)
{
	const struct post *post = listener->post;
	bool stream = transport_is_stream(listener->endpoint.transport);
	bool flows = post->internal != NULL && post->internal->open_flow != NULL;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if ((ways[i].any_wait || ways[i].wait == post->service->wait) &&
		    (ways[i].any_stream || ways[i].stream == stream) &&
		    ways[i].internal == (post->internal != NULL) &&
		    (!ways[i].flows || flows)) {
			ways[i].ready(listener);
			return;
		}
	}
}

void dispatch_ready(struct watch *watch, short revents)
{
	struct listener *listener = watch->data;
	int r = listener_hold(listener);

	if (r < 0) {
		survive_shortage(listener, r);
		return;
	}
	if ((revents & (POLLHUP | POLLRDHUP | POLLNVAL)) == 0)
		serve_listener(listener);
	else if (!pause_join(listener->post))
		listener_mend(listener);
	listener_release(listener);
}
