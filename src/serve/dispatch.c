/* SPDX-License-Identifier: ISC */
/*
 * The story of one stream client, and what all kinds of clients share: the verdict, the
 * start of a program, the records. Datagrams are in flows.c and answering.c, wait = yes
 * in wait.c.
 */
#include "usherd/serve/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/serve/answering.h"
#include "usherd/serve/flows.h"
#include "usherd/serve/post.h"
#include "usherd/serve/serving.h"
#include "usherd/serve/stderr_pipe.h"
#include "usherd/serve/wait.h"

/* Clients taken from one listener before others have their turn. */
#define ACCEPT_BATCH 16

/* How long a listener rests when the system is out of something. */
#define SHORTAGE_REST_NS (CLOCK_NS_PER_SECOND / 2)

bool dispatch_may_log(struct post *post, struct line_budget *budget, const char *what)
{
	struct engine *engine = post->engine;
	uint64_t now_ns = loop_now_ns(engine->loop);

	if (now_ns - budget->window_ns >= CLOCK_NS_PER_SECOND) {
		if (budget->suppressed > 0)
			report_message(engine->reporter, LOG_LEVEL_WARNING,
				       "service '%s': %u %s not logged",
				       post->service->id, budget->suppressed, what);
		*budget = (struct line_budget){ .window_ns = now_ns };
	}
	if (budget->written >= DISPATCH_LINES_PER_SECOND) {
		budget->suppressed++;
		return false;
	}
	budget->written++;
	return true;
}

void dispatch_refuse(struct post *post, enum reason reason, const struct addr *peer)
{
	struct event event = { .kind = EVENT_FAIL,
			       .fields = post->service->log_on_failure,
			       .peer = *peer };

	if (event.fields == 0 || !dispatch_may_log(post, &post->failures, "refusals"))
		return;
	(void)text_copy(event.service, sizeof(event.service), post->service->id);
	(void)text_copy(event.reason, sizeof(event.reason), reason_word(reason));
	report_event(post->engine->reporter, &event);
}

bool dispatch_admits(struct post *post, const struct addr *peer)
{
	struct surroundings around = engine_surroundings(post->engine);
	struct verdict verdict;

	tally_arrive(&post->tally, around.now_ns);
	verdict = guard_decide(&post->service->policy, &post->tally, &around, peer);
	if (verdict.reason == REASON_NONE)
		return true;
	dispatch_refuse(post, verdict.reason, peer);
	if (verdict.reason == REASON_CPS && verdict.pause_until_ns > around.now_ns)
		post_pause(post, verdict.pause_until_ns);
	return false;
}

int dispatch_spawn(struct post *post, const struct invocation *invocation, pid_t *ret_pid)
{
	static const struct addr unknown;
	struct engine *engine = post->engine;
	struct error err = { 0 };
	int r = spawn_program(engine->spawner, post->plan, invocation, ret_pid, &err);

	if (r == 0)
		return 0;
	report_throttled(engine->reporter, &post->trouble, loop_now_ns(engine->loop),
			 LOG_LEVEL_ERROR, "service '%s': cannot start '%s': %s",
			 post->service->id, post->service->program.path, err.text);
	dispatch_refuse(post, REASON_FORK,
			invocation->peer != NULL ? invocation->peer : &unknown);
	return r;
}

static void child_ended(struct child *child, int wait_status, uint64_t now_ns)
{
	struct serving *serving = (struct serving *)child;

	serving_end(serving, wait_status, now_ns);
	free(serving);
}

static void session_ended(void *data, uint64_t bytes_in, uint64_t bytes_out)
{
	struct serving *serving = data;
	struct engine *engine = serving->post->engine;

	(void)bytes_in;
	(void)bytes_out;
	serving_end(serving, 0, loop_now_ns(engine->loop));
	free(serving);
	if (engine->session_over != NULL)
		engine->session_over(engine);
}

/* A program with the connection on its standard descriptors. */
static int start_program(struct serving *serving, struct listener *listener,
			 struct connection *connection)
{
	struct post *post = serving->post;
	struct invocation invocation = { .fd = connection->fd,
					 .stderr_fd = stderr_pipe_fd(post->stderr_pipe),
					 .transport = listener->endpoint.transport,
					 .peer = &connection->peer,
					 .local = &connection->local };

	return serving_spawn(serving, &invocation, child_ended);
}

static int start_session(struct serving *serving, struct listener *listener,
			 struct connection *connection)
{
	struct post *post = listener->post;
	struct session_owner owner = { .ended = session_ended, .data = serving };
	struct error err = { 0 };
	int fd = connection->fd;
	int r;

	serving_started(serving);
	r = session_start(post->engine->sessions, post->builtin, fd,
			  post->service->idle_timeout_ns, &owner, &err);
	if (r == 0) {
		connection->fd = -1;
		return 0;
	}
	report_throttled(post->engine->reporter, &post->trouble,
			 loop_now_ns(post->engine->loop), LOG_LEVEL_ERROR,
			 "service '%s': cannot serve a client: %s", post->service->id,
			 err.text);
	dispatch_refuse(post, REASON_RESOURCES, &connection->peer);
	return r;
}

static void serve_connection(struct listener *listener, struct connection *connection)
{
	struct post *post = listener->post;
	struct serving *serving;
	int r;

	if (!dispatch_admits(post, &connection->peer))
		return;
	serving = malloc(sizeof(*serving));
	if (serving == NULL || serving_begin(serving, post, &connection->peer) < 0) {
		free(serving);
		dispatch_refuse(post, REASON_RESOURCES, &connection->peer);
		return;
	}
	r = post->builtin != NULL ? start_session(serving, listener, connection)
				  : start_program(serving, listener, connection);
	if (r < 0) {
		serving_cancel(serving);
		free(serving);
	}
}

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
	if ((shortage == -EMFILE || shortage == -ENFILE) &&
	    reserve_refuse(&engine->reserve, listener->fd, &peer) == 0)
		dispatch_refuse(listener->post, REASON_RESOURCES, &peer);
	else
		listener_rest(listener, SHORTAGE_REST_NS);
}

static void stream_ready(struct listener *listener)
{
	struct connection connection;

	for (int i = 0; i < ACCEPT_BATCH && loop_is_watching(&listener->watch); i++) {
		int r = accept_connection(listener->fd, &connection);

		if (r == -EAGAIN)
			return;
		if (r < 0) {
			survive_shortage(listener, r);
			return;
		}
		serve_connection(listener, &connection);
		fd_close(&connection.fd);
	}
}

/* What a ready listener means, by the kind of its service; first row that fits. */
static const struct {
	bool any_wait, wait, any_stream, stream, internal;
	void (*ready)(struct listener *listener);
} ways[] = {
	{ .wait = true, .any_stream = true, .ready = wait_ready },
	{ .any_wait = true, .stream = true, .internal = true, .ready = stream_ready },
	{ .any_wait = true, .stream = true, .ready = stream_ready },
	{ .any_wait = true, .internal = true, .ready = answering_ready },
	{ .any_wait = true, .ready = flows_ready },
};

void dispatch_ready(struct watch *watch, short revents)
{
	struct listener *listener = watch->data;
	const struct post *post = listener->post;
	bool stream = transport_is_stream(listener->endpoint.transport);

	(void)revents;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if ((ways[i].any_wait || ways[i].wait == post->service->wait) &&
		    (ways[i].any_stream || ways[i].stream == stream) &&
		    ways[i].internal == (post->builtin != NULL)) {
			ways[i].ready(listener);
			return;
		}
	}
}
