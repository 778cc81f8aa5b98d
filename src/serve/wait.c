/* SPDX-License-Identifier: ISC */
/*
 * Handing a listener over to its program, and taking it back with the queue as it is.
 * While something has to be found out about the first sender he stays in the queue, and
 * the listener is as good as handed over.
 */
#include "usherd/serve/wait.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "usherd/base/backoff.h"
#include "usherd/base/fd.h"
#include "usherd/net/datagram.h"
#include "usherd/serve/admission.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/inquiries.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/record.h"
#include "usherd/serve/screening.h"
#include "usherd/serve/serving.h"
#include "usherd/serve/stderr_pipe.h"
#include "usherd/serve/watching.h"

struct wait_child {
	struct serving serving; /* first: a child leads back here */
	struct holder holder;
	uint64_t head; /* of the queue, when what is first in it was asked about */
};

/* The end of one program may be the beginning of the next. */
static void serve(struct listener *listener, const struct datagram *first);

/* Connections that wait on a listening socket (TCP_INFO says so in tcpi_unacked); 0 where
 * the kernel does not tell, as for UNIX sockets. */
static uint64_t waiting_count(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		return 0;
	return info.tcpi_unacked;
}

static bool is_stream(const struct listener *listener)
{
	return transport_is_stream(listener->endpoint.transport);
}

/* Is somebody there, and the socket not shut down? */
static bool is_readable(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN | POLLRDHUP };

	return poll(&one, 1, 0) == 1 && one.revents == POLLIN;
}

/* Who is first in the queue; streams do not say. 0 or a negative errno, -EAGAIN: nobody
 * (any more). */
static int look(struct listener *listener, struct datagram *first)
{
	memset(first, 0, sizeof(*first));
	first->local = listener->local;
	if (!is_stream(listener))
		return datagram_peek_marked(listener->fd, &listener->local, first,
					    &listener->head);
	listener->head = waiting_count(listener->fd);
	return 0;
}

/*
 * Has the program ended without taking anything? Of a datagram (@r and listener->head are
 * of another look) that is certain. Streams can only be counted, and one may have come
 * for one that was taken: a program that says it failed is believed, others when that has
 * happened too often.
 */
static bool took_nothing(struct listener *listener, uint64_t head, int r, int wait_status)
{
	if (!is_stream(listener))
		return r == 0 && listener->head == head;
	if (listener->head < head) {
		listener->unmoved = 0;
		return false;
	}
	return wait_status != 0 || ++listener->unmoved > WAIT_UNMOVED_MAX;
}

static void rest_after_failure(struct listener *listener, const char *what)
{
	struct post *post = listener->post;
	struct engine *engine = post->engine;
	uint64_t ns =
		backoff_ns(++listener->failures, WAIT_REST_FIRST_NS, WAIT_REST_MAX_NS);

	report_throttled(engine->reporter, &post->trouble, loop_now_ns(engine->loop),
			 LOG_LEVEL_WARNING,
			 "service '%s': '%s' %s; next start in %llu ms",
			 post->service->id, post->service->program.path, what,
			 (unsigned long long)(ns / 1000000));
	listener_rest(listener, ns);
}

/* Its first client is still in the queue, and must not wake us for ever. */
static void start_failed(struct listener *listener)
{
	rest_after_failure(listener, "could not be started");
}

/* A reload may have made something else of the service. */
static bool waits(const struct post *post)
{
	return post->plan != NULL && post->service->wait;
}

/* Most likely somebody else came meanwhile, who need not wait for the next turn. */
static void ended_at_once(struct listener *listener, int wait_status)
{
	struct datagram first;
	uint64_t head = listener->head;
	int r = look(listener, &first);

	if (took_nothing(listener, head, r, wait_status)) {
		rest_after_failure(listener, "ended without reading");
		return;
	}
	listener->failures = 0;
	if (r == 0 && !is_stream(listener) && waits(listener->post) &&
	    listener_is_wanted(listener))
		serve(listener, &first);
	else
		listener_update(listener);
}

/* The program has ended, or not begun: watch the socket again, at once or after a rest.
 */
static void take_back(struct listener *listener, uint64_t lived_ns, int wait_status)
{
	struct post *post = listener->post;

	listener->holder = NULL;
	/* It had the same open file description and may have left it blocking. */
	(void)fd_set_nonblock(listener->fd, true);
	if (post->internal != NULL) {
		/* A reload has made it an in-process service: a worker may have it now.
		 */
		post->engine->internal_changed(post->engine);
		return;
	}
	if (wait_status == CHILD_NOT_STARTED) {
		start_failed(listener);
		return;
	}
	if (lived_ns < WAIT_QUICK_NS && is_readable(listener->fd)) {
		ended_at_once(listener, wait_status);
		return;
	}
	listener->failures = 0;
	listener_update(listener);
}

static void wait_ended(struct child *child, int wait_status, uint64_t now_ns)
{
	struct wait_child *program = (struct wait_child *)child;
	struct listener *listener = program->holder.listener;
	uint64_t lived_ns = now_ns - program->serving.started_ns;

	serving_end(&program->serving, wait_status, now_ns);
	free(program);
	if (listener == NULL)
		return;
	if (wait_status == CHILD_FORGOTTEN) {
		listener->holder = NULL;
	} else if (listener_hold(listener) == 0) {
		take_back(listener, lived_ns, wait_status);
		listener_release(listener);
	} else {
		/* Out of descriptors: what the program left is looked at later. */
		listener->holder = NULL;
		listener_rest(listener, WAIT_QUICK_NS);
	}
}

/* Who is first is refused: take him out of the queue. */
static void turn_away(struct listener *listener)
{
	if (!is_stream(listener))
		datagram_drop(listener->fd);
	else
		/* Who waits here cannot be told apart: leave them in the queue a while.
		 */
		listener_rest(listener, WAIT_QUICK_NS);
}

/* False: refused, and dropped. */
static bool is_welcome(struct listener *listener, const struct datagram *first)
{
	if (admission_ask(listener->post, &first->peer))
		return true;
	turn_away(listener);
	return false;
}

/* With a place for who is first, and the listener in its hands. NULL: out of memory. */
static struct wait_child *prepare(struct listener *listener, const struct datagram *first)
{
	struct wait_child *program = malloc(sizeof(*program));

	if (program == NULL)
		return NULL;
	if (serving_begin(&program->serving, listener->post, &first->peer) < 0) {
		free(program);
		return NULL;
	}
	program->holder = (struct holder){ .listener = listener };
	program->head = listener->head;
	listener->holder = &program->holder;
	return program;
}

static void abandon(struct wait_child *program)
{
	struct listener *listener = program->holder.listener;

	if (listener != NULL)
		listener->holder = NULL;
	serving_cancel(&program->serving);
	free(program);
}

static void start(struct wait_child *program, const struct datagram *first)
{
	struct listener *listener = program->holder.listener;
	struct post *post = listener->post;
	bool known = first->peer.length > 0;
	struct invocation invocation = { .fd = listener->fd,
					 .stderr_fd = stderr_pipe_fd(post->stderr_pipe),
					 .transport = listener->endpoint.transport,
					 .peer = known ? &first->peer : NULL,
					 .local = &first->local };

	/* The one before may have taken it off. */
	if (screening_put(listener) == 0 &&
	    serving_spawn(&program->serving, &invocation, wait_ended) == 0) {
		program->holder.runs = true;
		listener_update(listener);
		return;
	}
	abandon(program);
	start_failed(listener);
}

/* A reload may have made something else of the service, or of who has its socket. */
static bool is_still_its(const struct wait_child *program,
			 const struct listener *listener)
{
	return listener->post == program->serving.post && waits(listener->post);
}

/* Whose listener that is, with its socket at hand; NULL: abandoned. */
static struct listener *find_held(struct wait_child *program)
{
	struct listener *listener = program->holder.listener;

	if (listener == NULL || listener_hold(listener) == 0) {
		if (listener == NULL)
			abandon(program);
		return listener;
	}
	abandon(program);
	listener_rest(listener, WAIT_QUICK_NS);
	return NULL;
}

/* Somebody else may have read the one that was asked about. */
static bool is_still_first(const struct wait_child *program, struct listener *listener,
			   struct datagram *first)
{
	return look(listener, first) == 0 && listener->head == program->head;
}

static void held_serve(struct held_client *client)
{
	struct wait_child *program = (struct wait_child *)client->serving;
	struct listener *listener = find_held(program);
	struct datagram first;

	if (listener == NULL)
		return;
	if (is_still_its(program, listener) &&
	    is_still_first(program, listener, &first)) {
		start(program, &first);
	} else {
		abandon(program);
		take_back(listener, WAIT_QUICK_NS, 0);
	}
	listener_release(listener);
}

static void held_refuse(struct held_client *client, enum reason reason)
{
	struct wait_child *program = (struct wait_child *)client->serving;
	struct listener *listener;
	struct datagram first;

	record_refusal(program->serving.post, reason, &client->connection.peer);
	listener = find_held(program);
	if (listener == NULL)
		return;
	if (listener->post == program->serving.post &&
	    is_still_first(program, listener, &first))
		turn_away(listener);
	abandon(program);
	take_back(listener, WAIT_QUICK_NS, 0);
	listener_release(listener);
}

static void held_let_go(struct held_client *client)
{
	abandon((struct wait_child *)client->serving);
}

/* Has more to be found out about who is first? True: then it goes on from there. */
static bool hold(struct wait_child *program, const struct datagram *first)
{
	static const struct inquiries_ends ends = { .serve = held_serve,
						    .refuse = held_refuse,
						    .let_go = held_let_go };
	struct listener *listener = program->holder.listener;
	const struct post *post = listener->post;
	struct held_client client = {
		.serving = &program->serving,
		.connection = { .fd = -1, .peer = first->peer, .local = first->local },
		.ends = &ends
	};

	if (inquiries_questions(post, &client.connection) == 0)
		return false;
	listener_update(listener);
	if (post->engine->inquiries != NULL)
		inquiries_hold(post->engine->inquiries, &client);
	else
		held_refuse(&client, REASON_RESOURCES);
	return true;
}

static void serve(struct listener *listener, const struct datagram *first)
{
	struct wait_child *program;

	if (!is_welcome(listener, first)) {
		listener_update(listener);
		return;
	}
	program = prepare(listener, first);
	if (program == NULL)
		start_failed(listener);
	else if (!hold(program, first))
		start(program, first);
}

void wait_ready(struct listener *listener)
{
	struct datagram first;
	int r = look(listener, &first);

	if (r == 0)
		serve(listener, &first);
	else if (r != -EAGAIN)
		listener_unreadable(listener, r);
}
