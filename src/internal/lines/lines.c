/* SPDX-License-Identifier: ISC */
/*
 * Sessions of lines. Each turn moves what can be moved, then settle() looks at what the
 * session has become and either ends it or says what to wait for. A session ends nowhere
 * else, so that the functions of a service may do anything to any session.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

#include "lines_internal.h"
#include "usherd/base/fd.h"

#define NEVER UINT64_MAX

static_assert(LINES_READ_MAX <= UINT16_MAX, "held is counted in 16 bits");

void lines_condemn(struct line_session *session, enum lines_end why)
{
	if (session->phase == LINES_DOOMED)
		return;
	session->phase = LINES_DOOMED;
	session->why = why;
}

/* The session is gone afterwards; so may be, through its owner, everything else. */
static void session_end(struct line_session *session)
{
	struct lines *lines = session->lines;
	struct session_owner owner = session->owner;
	uint64_t bytes_in = session->bytes_in;
	uint64_t bytes_out = session->bytes_out;

	if (lines->rules->gone != NULL)
		lines->rules->gone(session, session->why);
	loop_timer_cancel(&session->timer);
	loop_remove(&session->watch);
	fd_close(&session->watch.fd);
	DL_DELETE(lines->all, session);
	lines->count--;
	free(session->partial);
	free(session->held);
	free(session->out);
	free(session);
	if (owner.ended != NULL)
		owner.ended(owner.data, bytes_in, bytes_out);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t after(uint64_t from_ns, uint64_t ns)
{
	return ns < NEVER - from_ns ? from_ns + ns : NEVER;
}

/* When it has to end if nothing happens. */
static uint64_t end_of(const struct line_session *session)
{
	uint64_t idle_ns = session->lines->idle_ns;
	uint64_t at_ns = earlier(session->settle_until_ns, session->linger_until_ns);

	return idle_ns == 0 ? at_ns : earlier(at_ns, after(session->moved_ns, idle_ns));
}

/* The timer is not moved with every byte: it looks, when it fires, what is due. */
static int set_timer(struct line_session *session)
{
	uint64_t due_ns = end_of(session);

	if (session->paused_until_ns != 0)
		due_ns = earlier(due_ns, session->paused_until_ns);
	if (due_ns == NEVER || (loop_timer_is_armed(&session->timer) &&
				session->timer.deadline_ns <= due_ns))
		return 0;
	return loop_timer_set(session->lines->loop, &session->timer, due_ns);
}

/* All has been said. Closing with unread input would make the kernel send a reset, which
 * throws away what the client has not read yet (RFC 2525 section 2.17). */
static void say_goodbye(struct line_session *session)
{
	if (session->input_over || shutdown(session->watch.fd, SHUT_WR) == -1)
		lines_condemn(session, session->phase == LINES_FINISHING
					       ? LINES_END_SERVICE
					       : LINES_END_CLIENT);
	else
		session->phase = LINES_LINGERING;
}

static short wanted_events(const struct line_session *session)
{
	short events = 0;

	if (session->out != NULL || session->wants_room)
		events |= POLLOUT;
	if (session->phase == LINES_LINGERING ||
	    (session->held == NULL && !session->input_over && lines_may_take(session)))
		events |= POLLIN;
	return events;
}

/* 0, or a negative errno when it cannot be waited for. */
static int wait_on(struct line_session *session)
{
	short events = wanted_events(session);
	int r = 0;

	if (events != session->watch.events)
		r = loop_change(&session->watch, events);
	return r < 0 ? r : set_timer(session);
}

/* The end of a turn. The session may be gone afterwards. */
static void settle(struct line_session *session)
{
	if (session->out == NULL && !session->wants_room &&
	    (session->phase == LINES_FINISHING ||
	     (session->phase == LINES_OPEN && session->input_over)))
		say_goodbye(session);
	if (session->phase != LINES_DOOMED && wait_on(session) < 0)
		lines_condemn(session, LINES_END_SLOW);
	if (session->phase == LINES_DOOMED)
		session_end(session);
}

static void session_ready(struct watch *watch, short revents)
{
	struct line_session *session = watch->data;

	/* An error or hang-up shows in the calls that are made anyway. */
	(void)revents;
	if (session->phase == LINES_LINGERING) {
		lines_linger(session);
	} else {
		lines_flush(session);
		if (session->wants_room && session->out == NULL &&
		    session->phase != LINES_DOOMED) {
			session->wants_room = false;
			session->lines->rules->writable(session);
		}
		lines_take_held(session);
		lines_take_fresh(session);
	}
	settle(session);
}

static void timer_fired(struct timer *timer)
{
	struct line_session *session = timer->data;
	uint64_t now_ns = lines_now_ns(session);

	if (end_of(session) <= now_ns)
		lines_condemn(session, session->linger_until_ns <= now_ns
					       ? LINES_END_SERVICE
					       : LINES_END_IDLE);
	if (session->paused_until_ns <= now_ns)
		session->paused_until_ns = 0;
	lines_take_held(session);
	settle(session);
}

int lines_new(struct loop *loop, const struct lines_rules *rules, uint64_t idle_ns,
	      void *data, struct lines **ret)
{
	struct lines *lines = calloc(1, sizeof(*lines) + rules->line_max + 1);

	assert(rules->session_size >= sizeof(struct line_session));
	if (lines == NULL)
		return -ENOMEM;
	lines->loop = loop;
	lines->rules = rules;
	lines->data = data;
	lines->idle_ns = idle_ns;
	*ret = lines;
	return 0;
}

void lines_free(struct lines *lines)
{
	struct line_session *session, *next;

	if (lines == NULL)
		return;
	DL_FOREACH_SAFE(lines->all, session, next) {
		session->phase = LINES_DOOMED;
		session->why = LINES_END_CLOSING;
		session_end(session);
	}
	free(lines);
}

void *lines_data(const struct line_session *session)
{
	return session->lines->data;
}

size_t lines_count(const struct lines *lines)
{
	return lines->count;
}

/* A line is to be seen when it is written: no waiting for more (Nagle). And what a client
 * does not take is not to fill megabytes of the kernel's memory first. */
static void set_options(int fd)
{
	int yes = 1;
	int size = LINES_SOCKET_BUFFER;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void session_init(struct line_session *session, struct lines *lines, int fd,
			 const struct session_owner *owner)
{
	uint64_t now_ns = loop_now_ns(lines->loop);
	uint64_t settle_ns = lines->rules->settle_ns;

	session->lines = lines;
	session->owner = *owner;
	session->moved_ns = now_ns;
	session->settle_until_ns = settle_ns > 0 ? after(now_ns, settle_ns) : NEVER;
	session->linger_until_ns = NEVER;
	session->watch.fd = fd;
	session->watch.events = POLLIN;
	session->watch.ready = session_ready;
	session->watch.data = session;
	session->timer.fired = timer_fired;
	session->timer.data = session;
}

int lines_start(struct lines *lines, const struct connection *connection,
		const struct session_owner *owner, struct error *err)
{
	const struct lines_rules *rules = lines->rules;
	struct line_session *session = calloc(1, rules->session_size);
	int r;

	if (session == NULL)
		return error_set_errno(err, -ENOMEM, "cannot start a session");
	session_init(session, lines, connection->fd, owner);
	r = loop_add(lines->loop, &session->watch);
	if (r == 0)
		r = set_timer(session);
	if (r != 0) {
		loop_remove(&session->watch);
		free(session);
		return error_set_errno(err, r, "cannot start a session");
	}
	if (!rules->exact)
		set_options(connection->fd);
	DL_APPEND(lines->all, session);
	lines->count++;
	if (rules->begin != NULL)
		rules->begin(session, connection);
	/* All is said already: there may be nothing else that it had a turn for. */
	if (session->phase == LINES_FINISHING)
		(void)loop_timer_set(lines->loop, &session->timer, lines_now_ns(session));
	return 0;
}

void lines_settle(struct line_session *session)
{
	session->settle_until_ns = NEVER;
}

void lines_finish(struct line_session *session)
{
	if (session->phase != LINES_OPEN)
		return;
	session->phase = LINES_FINISHING;
	session->wants_room = false;
	session->linger_until_ns = after(lines_now_ns(session), SESSION_LINGER_NS);
}

void lines_drop(struct line_session *session)
{
	lines_condemn(session, LINES_END_SERVICE);
}

/* Without the timer, for want of memory, it ends with whatever happens to it next. */
void lines_doom(struct line_session *session, enum lines_end why)
{
	lines_condemn(session, why);
	(void)loop_timer_set(session->lines->loop, &session->timer,
			     lines_now_ns(session));
}

bool lines_is_open(const struct line_session *session)
{
	return session->phase == LINES_OPEN;
}

int lines_fd(const struct line_session *session)
{
	return session->watch.fd;
}
