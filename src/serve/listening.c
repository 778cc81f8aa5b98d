/* SPDX-License-Identifier: ISC */
/*
 * Listeners over time: bound now or later, watched or resting. How a socket is bound is
 * net/listener's, what happens when one is ready is dispatch.c's.
 */
#include "usherd/serve/listening.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/backoff.h"
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/net/listener.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/mooring.h"
#include "usherd/serve/screening.h"
#include "usherd/serve/watching.h"

/* Binding is tried again after 0.25 s, then twice as long each time, at most a minute. */
#define RETRY_FIRST_NS     (CLOCK_NS_PER_SECOND / 4)
#define RETRY_MAX_NS       (60 * CLOCK_NS_PER_SECOND)
#define MEND_REST_NS       (CLOCK_NS_PER_SECOND / 4)
#define UNREADABLE_REST_NS (CLOCK_NS_PER_SECOND / 4)
#define RETRY_LOUD         3 /* failures reported in full; later ones once a minute or so */

static void timer_fired(struct timer *timer)
{
	struct listener *listener = timer->data;

	if (listener_is_bound(listener)) {
		listener_open_door(listener);
		listener_update(listener);
		return;
	}
	listener_activate(listener);
	listeners_moor_rest(listener->engine);
}

struct listener *listener_new(const struct endpoint *endpoint)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL)
		return NULL;
	listener->endpoint = *endpoint;
	listener->fd = -1;
	listener->ticket = -1;
	listener->watch.fd = -1;
	listener->watch.data = listener;
	listener->timer.fired = timer_fired;
	listener->timer.data = listener;
	return listener;
}

void listener_free(struct listener *listener)
{
	if (listener == NULL)
		return;
	loop_timer_cancel(&listener->timer);
	/* A program that still serves the socket keeps its name as well. */
	if (listener->holder != NULL)
		listener->holder->listener = NULL;
	else if (listener_is_bound(listener) && !listener->adopted)
		listener_unlink_node(&listener->endpoint, &listener->node);
	listener_shut(listener);
	free(listener);
}

/* Could the kernel have chosen a part of it? A port; the scope of a link-local address.
 */
static bool is_address_complete(const struct addr *addr)
{
	return addr_port(addr) != 0 && (addr_family(addr) != AF_INET6 ||
					!IN6_IS_ADDR_LINKLOCAL(&addr->u.in6.sin6_addr));
}

static void bound_address(struct listener *listener)
{
	struct addr *local = &listener->local;

	*local = listener->endpoint.addr;
	addr_normalise(local);
	if (is_address_complete(local))
		return;
	memset(local, 0, sizeof(*local));
	local->length = sizeof(local->u);
	if (getsockname(listener->fd, &local->u.any, &local->length) == -1)
		*local = listener->endpoint.addr;
	addr_normalise(local);
}

void listener_reopen(struct listener *listener)
{
	struct endpoint bound = listener->endpoint;
	int r = listener_hold(listener);

	if (r == 0) {
		r = listener_resume(listener->fd, &bound);
		listener_release(listener);
	}
	if (r < 0)
		report_message(listener->engine->reporter, LOG_LEVEL_ERROR,
			       "service '%s': cannot listen again: %s",
			       listener->post->service->id, strerror(-r));
}

int listener_close_door(struct listener *listener, uint64_t ns)
{
	int r = listener_pause(listener->fd, &listener->endpoint);

	if (r < 0)
		return r;
	listener_rest(listener, ns);
	/* Without the timer nobody would open it. */
	if (!loop_timer_is_armed(&listener->timer)) {
		listener_reopen(listener);
		return -ENOMEM;
	}
	listener->closed = true;
	return 0;
}

void listener_open_door(struct listener *listener)
{
	if (!listener->closed)
		return;
	listener->closed = false;
	loop_timer_cancel(&listener->timer);
	if (loop_timer_is_armed(&listener->post->pause) || !listener_is_free(listener))
		return;
	listener_reopen(listener);
	listener_update(listener);
}

void post_open_doors(struct post *post)
{
	if (!post->doors_closed)
		return;
	post->doors_closed = false;
	for (size_t i = 0; i < post->listener_count; i++)
		listener_open_door(post->listeners[i]);
}

/* A TCP listener can listen again, and must where the socket is shared with a worker;
 * the others are made anew, which only the supervisor can. */
void listener_mend(struct listener *listener)
{
	struct engine *engine = listener->post->engine;
	struct loop *loop = engine->loop;
	char text[ENDPOINT_TEXT_SIZE];

	report_throttled(engine->reporter, &listener->post->trouble, loop_now_ns(loop),
			 LOG_LEVEL_WARNING,
			 "service '%s': somebody has shut down %s; opening it again",
			 listener->post->service->id,
			 endpoint_format(&listener->endpoint, text));
	listener_unwatch(listener);
	if (listener->endpoint.transport != TRANSPORT_TCP && engine->children != NULL) {
		listener_shut(listener);
		listener->failures = 1;
	} else {
		(void)listener_resume(listener->fd, &listener->endpoint);
	}
	(void)loop_timer_set(loop, &listener->timer, loop_now_ns(loop) + MEND_REST_NS);
}

void listener_unreadable(struct listener *listener, int error)
{
	struct engine *engine = listener->post->engine;

	report_throttled(engine->reporter, &engine->short_of_resources,
			 loop_now_ns(engine->loop), LOG_LEVEL_ERROR,
			 "service '%s': cannot receive: %s; trying again",
			 listener->post->service->id, strerror(-error));
	listener_rest(listener, UNREADABLE_REST_NS);
}

void listener_take(struct listener *listener, int fd)
{
	listener->fd = fd;
	listener->engine->bound++;
	listener->failures = 0;
	listener->serial = ++listener->post->engine->bindings;
	bound_address(listener);
	/* Not known: then the node stays behind, and a restart takes it for stale. */
	if (listener_identify(fd, &listener->endpoint, &listener->node) < 0)
		memset(&listener->node, 0, sizeof(listener->node));
}

static void bind_failed(struct listener *listener, int r, const struct error *err)
{
	const struct post *post = listener->post;
	struct engine *engine = post->engine;
	bool again = listener_error_is_transient(r);
	uint64_t wait_ns;

	listener->failures++;
	wait_ns = backoff_ns(listener->failures, RETRY_FIRST_NS, RETRY_MAX_NS);
	if (listener->failures <= RETRY_LOUD || wait_ns >= RETRY_MAX_NS)
		report_message(engine->reporter, LOG_LEVEL_ERROR, "service '%s': %s%s",
			       post->service->id, err->text,
			       again ? "; trying again" : "");
	if (again)
		(void)loop_timer_set(engine->loop, &listener->timer,
				     loop_now_ns(engine->loop) + wait_ns);
}

static void bind_worked(const struct listener *listener, bool at_once)
{
	struct reporter *reporter = listener->post->engine->reporter;
	enum log_level level = at_once ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE;
	char text[ENDPOINT_TEXT_SIZE];

	if (report_is_wanted(reporter, level))
		report_message(reporter, level, "service '%s': %s is bound%s",
			       listener->post->service->id,
			       endpoint_format(&listener->endpoint, text),
			       at_once ? "" : " now");
}

/*
 * A port that the kernel is to choose is learnt, and then bound by number: the socket is
 * then like any other, and a pause does not lose the port (listener_pause()). If another
 * process takes it first, or later on, the next try is for another one.
 */
static int open_chosen(struct listener *listener, int *ret_fd, struct error *err)
{
	struct addr *addr = &listener->endpoint.addr;
	int fd;
	int r = 0;

	if (addr_port(addr) == 0) {
		r = listener_open_screened(&listener->endpoint,
					   screening_filter(listener), &fd, err);
		if (r < 0)
			return r;
		listener->fd = fd;
		bound_address(listener);
		listener->fd = -1;
		fd_close(&fd);
		addr_set_port(addr, (uint16_t)addr_port(&listener->local));
	}
	r = listener_open_screened(&listener->endpoint, screening_filter(listener),
				   ret_fd, err);
	if (r < 0)
		addr_set_port(addr, 0);
	return r;
}

static int open_socket(struct listener *listener, int *ret_fd, struct error *err)
{
	if (listener->endpoint.chosen_for != 0)
		return open_chosen(listener, ret_fd, err);
	return listener_open_screened(&listener->endpoint, screening_filter(listener),
				      ret_fd, err);
}

void listener_activate(struct listener *listener)
{
	struct engine *engine = listener->post->engine;
	struct error err = { 0 };
	int fd;

	if (!listener_is_bound(listener)) {
		bool at_once = listener->failures == 0;
		int r = open_socket(listener, &fd, &err);

		if (r < 0) {
			bind_failed(listener, r, &err);
			return;
		}
		listener->screened = screening_filter(listener) != NULL;
		listener_take(listener, fd);
		bind_worked(listener, at_once);
		if (listener->post->internal != NULL && engine->internal_changed != NULL)
			engine->internal_changed(engine);
		if (service_is_rpc(listener->post->service) &&
		    engine->rpc_changed != NULL)
			engine->rpc_changed(engine);
	}
	listener_moor(listener);
}
