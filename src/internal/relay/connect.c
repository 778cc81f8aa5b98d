/* SPDX-License-Identifier: ISC */
/*
 * Finding a target for one client: the addresses in order, each with its share of the
 * time. What the client says meanwhile stays in the kernel's buffer.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "relay.h"
#include "usherd/base/fd.h"
#include "usherd/net/connect.h"

static uint64_t now_ns(const struct stream *stream)
{
	return loop_now_ns(stream->streams->relays->loop);
}

static void close_target(struct stream *stream)
{
	struct watch *watch = &stream->sides[STREAM_TARGET].watch;

	loop_forget(watch);
	fd_close(&watch->fd);
}

static void attempt_failed(struct stream *stream, int error)
{
	close_target(stream);
	stream->error = error;
	if (connect_next(stream) == 0)
		return;
	stream->resetting = true;
	stream_end(stream);
}

static void target_ready(struct watch *watch, short revents)
{
	struct stream *stream = watch->data;
	int r = connect_result(watch->fd);

	(void)revents;
	if (r == 0)
		r = stream_connected(stream);
	if (r < 0)
		attempt_failed(stream, r);
}

/* Until the kernel says how it went, or the time is over. */
static int await(struct stream *stream)
{
	struct watch *watch = &stream->sides[STREAM_TARGET].watch;
	int r;

	stream->phase = STREAM_CONNECTING;
	watch->events = POLLOUT;
	watch->ready = target_ready;
	r = loop_add(stream->streams->relays->loop, watch);
	return r < 0 ? r : stream_set_timer(stream, stream->attempt_until_ns);
}

/* Nothing tells when a UNIX socket's queue has room again. */
static int queue_up(struct stream *stream)
{
	uint64_t at_ns = now_ns(stream) + STREAM_RETRY_NS;

	stream->phase = STREAM_QUEUEING;
	if (at_ns > stream->attempt_until_ns)
		at_ns = stream->attempt_until_ns;
	return stream_set_timer(stream, at_ns);
}

/* 0: connected, or on the way. */
static int attempt(struct stream *stream)
{
	const struct route *route = &stream->routes->items[stream->route];
	int *fd = &stream->sides[STREAM_TARGET].watch.fd;
	int r = connect_begin(&route->addr, route->directory, SOCK_STREAM, fd);

	if (r == 0)
		return stream_connected(stream);
	if (r == -EINPROGRESS)
		return await(stream);
	return r == -EAGAIN ? queue_up(stream) : r;
}

/* Where to now? False: nowhere. */
static bool choose(struct stream *stream)
{
	size_t left;
	int route = routes_next(stream->routes, stream->tried, now_ns(stream), &left);

	if (route == -1 || now_ns(stream) >= stream->until_ns)
		return false;
	stream->route = route;
	stream->tried.bits |= UINT64_C(1) << route;
	stream->attempt_until_ns =
		now_ns(stream) + relay_share_ns(now_ns(stream), stream->until_ns, left);
	return true;
}

int connect_next(struct stream *stream)
{
	while (choose(stream)) {
		int r = attempt(stream);

		if (r == 0)
			return 0;
		close_target(stream);
		stream->error = r;
		if (connect_error_is_ours(r))
			break;
	}
	stream->phase = STREAM_FAILED;
	return stream_set_timer(stream, now_ns(stream));
}

static void tell_failure(struct stream *stream)
{
	struct error err = { 0 };
	char text[ADDR_TEXT_SIZE];

	if (stream->owner.failed == NULL)
		return;
	if (stream->error == 0)
		(void)error_set(&err, -EHOSTUNREACH, "no address is known");
	else
		(void)error_set_errno(
			&err, stream->error, "%s",
			addr_format(&stream->routes->items[stream->route].addr, text));
	stream->owner.failed(stream->owner.data, &err);
}

void connect_timer_fired(struct stream *stream)
{
	int r = -ETIMEDOUT;

	if (stream->phase == STREAM_FAILED) {
		tell_failure(stream);
		stream->resetting = true;
		stream_end(stream);
		return;
	}
	if (now_ns(stream) < stream->attempt_until_ns)
		r = attempt(stream);
	else
		/* It would keep others waiting, too: they ask elsewhere first. */
		stream->routes->items[stream->route].rests_until_ns =
			now_ns(stream) + ROUTE_REST_NS;
	if (r < 0)
		attempt_failed(stream, r);
}
