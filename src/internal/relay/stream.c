/* SPDX-License-Identifier: ISC */
/*
 * One client and its target. Ends and resets are passed on: an end when all that came
 * before it has been, a reset at once. The session is over when both directions are.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

#include "relay.h"
#include "usherd/base/fd.h"

#define NEVER UINT64_MAX

/* What tells that a side can be read, if only its end or an error. */
#define READABLE (POLLIN | POLLRDHUP | POLLHUP | POLLERR)

static struct loop *loop_of(const struct stream *stream)
{
	return stream->streams->relays->loop;
}

static int other(int side)
{
	return side == STREAM_CLIENT ? STREAM_TARGET : STREAM_CLIENT;
}

static void close_side(struct stream_side *side, bool reset)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	loop_forget(&side->watch);
	if (reset && side->watch.fd != -1)
		(void)setsockopt(side->watch.fd, SOL_SOCKET, SO_LINGER, &at_once,
				 sizeof(at_once));
	fd_close(&side->watch.fd);
}

static void discard(struct stream *stream)
{
	loop_timer_cancel(&stream->timer);
	pump_drop(&stream->pumps[STREAM_CLIENT], stream->streams->relays);
	pump_drop(&stream->pumps[STREAM_TARGET], stream->streams->relays);
	routes_unref(stream->routes);
	free(stream);
}

void stream_end(struct stream *stream)
{
	struct session_owner owner = stream->owner;
	uint64_t bytes_in = stream->pumps[STREAM_CLIENT].bytes;
	uint64_t bytes_out = stream->pumps[STREAM_TARGET].bytes -
			     pump_held(&stream->pumps[STREAM_TARGET]);

	close_side(&stream->sides[STREAM_CLIENT], stream->resetting);
	close_side(&stream->sides[STREAM_TARGET], stream->resetting);
	DL_DELETE(stream->streams->all, stream);
	discard(stream);
	if (owner.ended != NULL)
		owner.ended(owner.data, bytes_in, bytes_out);
}

int stream_set_timer(struct stream *stream, uint64_t deadline_ns)
{
	return loop_timer_set(loop_of(stream), &stream->timer, deadline_ns);
}

static void end_with_reset(struct stream *stream)
{
	stream->resetting = true;
	stream->pumps[STREAM_CLIENT].over = true;
	stream->pumps[STREAM_TARGET].over = true;
}

static enum pump_result turn(struct stream *stream, int source, bool hung_up)
{
	bool moved;
	enum pump_result result =
		pump_turn(&stream->pumps[source], stream->streams->relays,
			  stream->sides[source].watch.fd,
			  stream->sides[other(source)].watch.fd, hung_up, &moved);

	if (moved)
		stream->moved_ns = loop_now_ns(loop_of(stream));
	return result;
}

/* The source has no more. When the other direction is over, too, closing says it. */
static void pass_end_on(struct stream *stream, int source)
{
	stream->pumps[source].over = true;
	if (!stream->resetting && !stream->pumps[other(source)].over &&
	    shutdown(stream->sides[other(source)].watch.fd, SHUT_WR) == -1)
		end_with_reset(stream);
}

/*
 * Who takes nothing any more may still have said something before. What else the source
 * has to say is lost, so the source hears of a reset in the end.
 */
static void drop_direction(struct stream *stream, int source)
{
	pump_drop(&stream->pumps[source], stream->streams->relays);
	stream->pumps[source].over = true;
	stream->resetting = true;
}

static void move(struct stream *stream, int source, bool hung_up)
{
	enum pump_result result = turn(stream, source, hung_up);

	if (result == PUMP_BROKEN) {
		drop_direction(stream, source);
		source = other(source);
		result = PUMP_WAITS;
		if (!stream->pumps[source].over)
			result = turn(stream, source, true);
	}
	if (result == PUMP_ENDED)
		pass_end_on(stream, source);
	else if (result == PUMP_RESET)
		end_with_reset(stream);
	else if (result == PUMP_BROKEN)
		drop_direction(stream, source);
}

static void side_readable(struct stream *stream, int side, short revents)
{
	struct relay_state in = pump_state(&stream->pumps[side]);

	if (!in.over && !in.holding)
		move(stream, side, (revents & (POLLRDHUP | POLLHUP)) != 0);
	in = pump_state(&stream->pumps[side]);
	/* A reset that no read will tell of now. */
	if ((revents & POLLERR) != 0 && (in.over || in.holding))
		end_with_reset(stream);
}

static void stream_ready(struct watch *watch, short revents);

/* Ask for what the two directions need. 0 or a negative errno. */
static int watch_side(struct stream *stream, int index)
{
	struct stream_side *side = &stream->sides[index];
	short events = relay_events(pump_state(&stream->pumps[index]),
				    pump_state(&stream->pumps[other(index)]), side->hung);

	side->watch.ready = stream_ready;
	if (loop_is_watching(&side->watch))
		return events == side->watch.events ? 0
						    : loop_change(&side->watch, events);
	side->watch.events = events;
	return loop_add(loop_of(stream), &side->watch);
}

static bool is_over(const struct stream *stream)
{
	return stream->pumps[STREAM_CLIENT].over && stream->pumps[STREAM_TARGET].over;
}

static void stream_ready(struct watch *watch, short revents)
{
	struct stream *stream = watch->data;
	int side = watch == &stream->sides[STREAM_CLIENT].watch ? STREAM_CLIENT
								: STREAM_TARGET;

	if ((revents & POLLHUP) != 0)
		stream->sides[side].hung = true;
	if ((revents & READABLE) != 0)
		side_readable(stream, side, revents);
	if ((revents & POLLOUT) != 0 && !stream->pumps[other(side)].over)
		move(stream, other(side), stream->sides[other(side)].hung);
	if (is_over(stream) || watch_side(stream, STREAM_CLIENT) < 0 ||
	    watch_side(stream, STREAM_TARGET) < 0)
		stream_end(stream);
}

/* The client while its target is being looked for: nothing is read, but a client that has
 * given up needs no target. */
static void client_waits(struct watch *watch, short revents)
{
	struct stream *stream = watch->data;

	stream->sides[STREAM_CLIENT].hung = true;
	if ((revents & POLLERR) != 0 || loop_change(watch, 0) < 0) {
		stream->resetting = true;
		stream_end(stream);
	}
}

/* Sockets that are not TCP refuse, and need none. The client's has it from its listener.
 */
static void expect_life(int fd)
{
	int yes = 1;
	int idle_s = SESSION_KEEPALIVE_S;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
}

static void keep_in_line(int fd)
{
	int yes = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &yes, sizeof(yes));
}

static uint64_t deadline_ns(const struct stream *stream)
{
	uint64_t idle_ns = stream->streams->idle_timeout_ns;
	uint64_t deadline_ns =
		stream->settled ? NEVER : stream->started_ns + STREAM_SETTLED_NS;

	if (idle_ns > 0 && idle_ns < NEVER - stream->moved_ns &&
	    stream->moved_ns + idle_ns < deadline_ns)
		deadline_ns = stream->moved_ns + idle_ns;
	return deadline_ns;
}

int stream_connected(struct stream *stream)
{
	int r;

	keep_in_line(stream->sides[STREAM_CLIENT].watch.fd);
	keep_in_line(stream->sides[STREAM_TARGET].watch.fd);
	stream->moved_ns = loop_now_ns(loop_of(stream));
	r = watch_side(stream, STREAM_CLIENT);
	if (r == 0)
		r = watch_side(stream, STREAM_TARGET);
	if (r == 0)
		r = stream_set_timer(stream, deadline_ns(stream));
	if (r < 0)
		return r;
	stream->phase = STREAM_MOVING;
	routes_unref(stream->routes);
	stream->routes = NULL;
	return 0;
}

static void settle(struct stream *stream)
{
	stream->settled = true;
	expect_life(stream->sides[STREAM_TARGET].watch.fd);
}

static bool is_idle(const struct stream *stream)
{
	uint64_t idle_ns = stream->streams->idle_timeout_ns;

	return idle_ns > 0 && loop_now_ns(loop_of(stream)) - stream->moved_ns >= idle_ns;
}

/* Idle, or moved since the timer was set: setting it at each byte would cost more. */
static void moving_timer_fired(struct stream *stream)
{
	int r = 0;

	if (!stream->settled &&
	    loop_now_ns(loop_of(stream)) >= stream->started_ns + STREAM_SETTLED_NS)
		settle(stream);
	if (!is_idle(stream) && deadline_ns(stream) != NEVER)
		r = stream_set_timer(stream, deadline_ns(stream));
	if (r == 0 && !is_idle(stream))
		return;
	/* What is cut off must not look like what has come to its end. */
	stream->resetting = true;
	stream_end(stream);
}

static void timer_fired(struct timer *timer)
{
	struct stream *stream = timer->data;

	if (stream->phase == STREAM_MOVING)
		moving_timer_fired(stream);
	else
		connect_timer_fired(stream);
}

static struct stream *stream_new(struct streams *streams, int fd,
				 const struct session_owner *owner)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	uint64_t now_ns = loop_now_ns(streams->relays->loop);

	if (stream == NULL)
		return NULL;
	stream->streams = streams;
	stream->owner = *owner;
	stream->routes = routes_ref(streams->routes);
	stream->started_ns = now_ns;
	stream->until_ns = now_ns + streams->connect_timeout_ns;
	stream->sides[STREAM_CLIENT].watch =
		(struct watch){ .fd = fd, .ready = client_waits, .data = stream };
	stream->sides[STREAM_TARGET].watch = (struct watch){ .fd = -1, .data = stream };
	stream->timer = (struct timer){ .fired = timer_fired, .data = stream };
	return stream;
}

/* A client that must wait is only listened to for its giving up. */
static int watch_waiting(struct stream *stream)
{
	struct watch *watch = &stream->sides[STREAM_CLIENT].watch;

	if (stream->phase == STREAM_MOVING)
		return 0;
	watch->events = POLLERR;
	watch->ready = client_waits;
	return loop_add(loop_of(stream), watch);
}

int stream_start(struct streams *streams, int fd, const struct session_owner *owner,
		 struct error *err)
{
	struct stream *stream = stream_new(streams, fd, owner);
	int r;

	if (stream == NULL)
		return error_set_errno(err, -ENOMEM, "cannot start a session");
	/* First, so that whatever comes may move it. */
	r = stream_set_timer(stream, stream->until_ns);
	if (r == 0)
		r = connect_next(stream);
	if (r == 0)
		r = watch_waiting(stream);
	if (r < 0) {
		loop_remove(&stream->sides[STREAM_CLIENT].watch);
		close_side(&stream->sides[STREAM_TARGET], true);
		discard(stream);
		return error_set_errno(err, r, "cannot start a session");
	}
	DL_APPEND(streams->all, stream);
	return 0;
}
