/* SPDX-License-Identifier: ISC */
/*
 * One process per datagram peer. Who belongs to which flow is decided here; sockets of
 * one peer are net/datagram's.
 *
 * Opening a flow, in this order so that nothing is lost and nothing goes astray:
 *   1. the first datagram is read from the listener and kept;
 *   2. a socket is bound beside the listener and connected to the peer: from now on the
 *      kernel gives it everything this peer sends;
 *   3. what waits is read: from the listener, which has the older ones, then from the
 *      socket, which may have got anybody's between bind and connect; out of all that
 *      the peer's are taken, the others are dispatched afterwards like any other;
 *   4. the peer's are put into the socket in order, and the program is started on it.
 * If something has to be found out about the peer, that comes between 1 and 2, and what
 * the listener has of him meanwhile is kept with the first.
 * A datagram of the peer that the listener has all the same is put into the socket when
 * its turn comes.
 */
/* Out of memory makes HASH_ADD leave hh.tbl NULL in place of ending the process. */
#define HASH_NONFATAL_OOM 1
#include "usherd/serve/flows.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flows_internal.h"
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/net/datagram.h"
#include "usherd/serve/admission.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/post.h"
#include "usherd/serve/record.h"
#include "usherd/serve/stderr_pipe.h"

/*
 * Datagrams taken from one listener before others have their turn, and how often the
 * opening of flows may read on from it in that turn: with PENDING_MAX this bounds the
 * work of a turn even while peers come faster than programs can be started.
 */
#define FLOW_BATCH   32
#define FLOW_REFILLS 32

/* What one turn still has to dispatch. */
struct turn {
	struct pending_list list;
	unsigned refills;
};

static struct flow *find_flow(struct post *post, const struct flow_key *key)
{
	struct flow *flow = NULL;

	HASH_FIND(hh, post->flows, key, sizeof(*key), flow);
	return flow;
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static void complain(struct post *post, const char *what, const char *why)
{
	report_throttled(post->engine->reporter, &post->trouble,
			 loop_now_ns(post->engine->loop), LOG_LEVEL_WARNING,
			 "service '%s': %s: %s", post->service->id, what, why);
}

/* Append what @fd holds to @list, while there are less than @most. */
static void read_back(struct engine *engine, int fd, const struct addr *local,
		      struct pending_list *list, size_t most)
{
	struct datagram datagram;

	while (list->count < most && datagram_receive(fd, local, engine->scratch,
						      ENGINE_SCRATCH, &datagram) == 0)
		pending_add(list, &datagram);
}

/* Move the flow's own datagrams from @list to @own, keeping the order of both. */
static void take_own(struct pending_list *list, const struct flow_key *key,
		     struct pending_list *own)
{
	struct pending_list others = { .dropped = list->dropped };
	struct pending *one;

	while ((one = pending_take(list)) != NULL) {
		struct flow_key other = flow_key_of(&one->datagram);

		pending_put(memcmp(&other, key, sizeof(other)) == 0 ? own : &others, one);
	}
	*list = others;
}

static void inject_all(struct listener *listener, int fd, struct pending_list *own)
{
	struct pending *one;
	struct error err = { 0 };

	while ((one = pending_take(own)) != NULL) {
		if (datagram_inject(fd, listener->fd, &one->datagram, &err) < 0)
			complain(listener->post, "a datagram was lost", err.text);
		free(one);
	}
}

static void end_program(struct timer *timer)
{
	struct flow *flow = timer->data;
	struct loop *loop = flow->serving.post->engine->loop;
	uint64_t now_ns = loop_now_ns(loop);
	uint64_t idle_ns = datagram_idle_ns(flow->fd, flow->made_wall_ns);

	if (flow->told_to_end) {
		(void)kill(-flow->serving.pid, SIGKILL);
		return;
	}
	if (idle_ns < flow->idle_ns) {
		(void)loop_timer_set(loop, timer, now_ns + flow->idle_ns - idle_ns);
		return;
	}
	flow->told_to_end = true;
	(void)kill(-flow->serving.pid, SIGTERM);
	(void)loop_timer_set(loop, timer, now_ns + FLOW_GRACE_NS);
}

static struct listener *find_listener(struct post *post, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < post->listener_count; i++)
		if (endpoint_same_socket(&post->listeners[i]->endpoint, endpoint) &&
		    listener_is_bound(post->listeners[i]))
			return post->listeners[i];
	return NULL;
}

static void dispatch_datagram(struct listener *listener, const struct datagram *datagram,
			      struct turn *turn);

static void dispatch_pending(struct listener *listener, struct turn *turn)
{
	struct pending *one;

	while ((one = pending_take(&turn->list)) != NULL) {
		dispatch_datagram(listener, &one->datagram, turn);
		free(one);
	}
	if (turn->list.dropped > 0)
		complain(listener->post, "datagrams were lost", "out of memory");
	turn->list.dropped = 0;
}

/* Does @post still start a program for each peer? A reload may have changed that. */
static bool serves_peers(const struct post *post)
{
	return post->plan != NULL && !post->service->wait;
}

/* What the program has left in its socket: new clients, unless it never read at all. */
static void take_leftovers(struct flow *flow, struct turn *turn)
{
	struct post *post = flow->serving.post;
	bool unread = datagram_read_mark(flow->fd) == flow->read_mark;

	read_back(post->engine, flow->fd, &flow->local, &turn->list, PENDING_MAX);
	/* The socket is connected: whatever an injected one gives as its sender, it is
	 * the peer's. Taken for our own address it would make us our own client. */
	for (struct pending *one = turn->list.first; one != NULL; one = one->next)
		one->datagram.peer = flow->serving.peer;
	if (turn->list.first == NULL || (!unread && serves_peers(post)))
		return;
	complain(post, "datagrams were dropped",
		 unread ? "its program has ended without reading"
			: "the service has changed");
	pending_done(&turn->list);
}

static void flow_ended(struct child *child, int wait_status, uint64_t now_ns)
{
	struct flow *flow = (struct flow *)child;
	struct post *post = post_ref(flow->serving.post);
	struct listener *listener = find_listener(post, &flow->endpoint);
	struct turn turn = { .refills = FLOW_REFILLS };

	HASH_DEL(post->flows, flow);
	loop_timer_cancel(&flow->idle);
	/* Nobody has read what was there for a program that did not start: as there. */
	if (listener != NULL && wait_status >= 0)
		take_leftovers(flow, &turn);
	fd_close(&flow->fd);
	/* Its place must be free for whom it has left. */
	serving_end(&flow->serving, wait_status, now_ns);
	free(flow);
	if (listener != NULL && turn.list.first != NULL) {
		if (listener_hold(listener) == 0) {
			dispatch_pending(listener, &turn);
			listener_release(listener);
		}
		pending_done(&turn.list);
	}
	post_unref(post);
}

static struct flow *flow_new(struct listener *listener, const struct datagram *first)
{
	struct post *post = listener->post;
	struct flow *flow = malloc(sizeof(*flow));

	if (flow == NULL)
		return NULL;
	memset(flow, 0, sizeof(*flow));
	if (serving_begin(&flow->serving, post, &first->peer) < 0) {
		free(flow);
		return NULL;
	}
	flow->fd = -1;
	flow->key = flow_key_of(first);
	flow->endpoint = listener->endpoint;
	flow->local = first->local;
	flow->made_wall_ns = wall_ns();
	flow->idle.fired = end_program;
	flow->idle.data = flow;
	flow->idle_ns = post->service->idle_timeout_ns;
	if (flow->idle_ns == 0)
		flow->idle_ns = FLOW_IDLE_DEFAULT_NS;
	HASH_ADD(hh, post->flows, key, sizeof(flow->key), flow);
	if (flow->hh.tbl == NULL) {
		serving_cancel(&flow->serving);
		free(flow);
		return NULL;
	}
	return flow;
}

/* Steps 2 to 4 of the head of this file. */
static int flow_start(struct flow *flow, struct listener *listener, struct turn *turn)
{
	struct post *post = listener->post;
	const struct datagram *first = &flow->held.first->datagram;
	struct addr peer = first->peer;
	struct addr local = first->local;
	struct invocation invocation = { .stderr_fd = stderr_pipe_fd(post->stderr_pipe),
					 .transport = TRANSPORT_UDP,
					 .peer = &peer,
					 .local = &local };
	struct error err = { 0 };
	int r = datagram_connect(listener->fd, first, &listener->endpoint, &flow->fd,
				 &err);

	if (r < 0) {
		complain(post, "no socket for a peer", err.text);
		record_refusal(post, REASON_RESOURCES, &peer);
		return r;
	}
	if (turn->refills > 0) {
		turn->refills--;
		read_back(post->engine, listener->fd, &listener->local, &turn->list,
			  PENDING_MAX);
	}
	/* Strangers can only be at its head; a flood from the peer may stay there. */
	read_back(post->engine, flow->fd, &local, &turn->list,
		  turn->list.count + PENDING_MAX);
	take_own(&turn->list, &flow->key, &flow->held);
	flow->read_mark = datagram_read_mark(flow->fd);
	inject_all(listener, flow->fd, &flow->held);
	invocation.fd = flow->fd;
	return serving_spawn(&flow->serving, &invocation, flow_ended);
}

static void flow_begin(struct flow *flow, struct listener *listener, struct turn *turn)
{
	struct loop *loop = listener->post->engine->loop;

	if (flow_start(flow, listener, turn) < 0)
		flow_abandon(flow);
	else
		(void)loop_timer_set(loop, &flow->idle,
				     loop_now_ns(loop) + flow->idle_ns);
}

static void flow_open(struct listener *listener, const struct datagram *first,
		      struct turn *turn)
{
	struct post *post = listener->post;
	struct flow *flow;

	if (!admission_ask(post, &first->peer))
		return;
	flow = flow_new(listener, first);
	if (flow == NULL) {
		record_refusal(post, REASON_RESOURCES, &first->peer);
		return;
	}
	if (flow_hold(flow, first))
		return;
	pending_add(&flow->held, first);
	if (flow->held.first != NULL) {
		flow_begin(flow, listener, turn);
		return;
	}
	record_refusal(post, REASON_RESOURCES, &first->peer);
	flow_abandon(flow);
}

static void dispatch_datagram(struct listener *listener, const struct datagram *datagram,
			      struct turn *turn)
{
	struct flow_key key = flow_key_of(datagram);
	struct flow *flow = find_flow(listener->post, &key);
	struct error err = { 0 };

	if (flow == NULL)
		flow_open(listener, datagram, turn);
	else if (flow->held_bytes > 0 && flow_keep(flow, datagram))
		return;
	else if (flow->held_bytes > 0)
		complain(listener->post, "a datagram was lost",
			 "too many wait until it is known from whom they are");
	else if (datagram_inject(flow->fd, listener->fd, datagram, &err) < 0)
		complain(listener->post, "a datagram was lost", err.text);
}

void flows_ready(struct listener *listener)
{
	struct engine *engine = listener->post->engine;
	struct turn turn = { .refills = FLOW_REFILLS };
	struct datagram datagram;

	for (int i = 0; i < FLOW_BATCH && loop_is_watching(&listener->watch); i++) {
		int r = datagram_receive(listener->fd, &listener->local, engine->scratch,
					 ENGINE_SCRATCH, &datagram);

		if (r < 0 && r != -EAGAIN)
			listener_unreadable(listener, r);
		if (r < 0)
			break;
		dispatch_datagram(listener, &datagram, &turn);
		dispatch_pending(listener, &turn);
	}
}

void flow_resume(struct flow *flow)
{
	struct post *post = post_ref(flow->serving.post);
	struct listener *listener = find_listener(post, &flow->endpoint);
	struct turn turn = { .refills = FLOW_REFILLS };

	if (listener == NULL || !serves_peers(post) || listener_hold(listener) < 0) {
		complain(post, "datagrams were dropped", "the service has changed");
		flow_abandon(flow);
	} else {
		flow_begin(flow, listener, &turn);
		dispatch_pending(listener, &turn);
		listener_release(listener);
	}
	post_unref(post);
}
