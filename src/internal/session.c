/* SPDX-License-Identifier: ISC */
/*
 * Moves the bytes of stream clients between their sockets and a builtin. Each session
 * has a turn function that works as long as it may and says what to wait for next.
 * What is said belongs to the builtins, who may come to dispatch.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/internal/session.h"
#include "usherd/internal/stream.h"

#define SCRATCH_SIZE 65536
#define NEVER        UINT64_MAX

/* What a turn returns when the session has come to its end instead of poll events. */
#define TURN_OVER ((short)-1)

struct session {
	struct watch watch;
	struct timer timer;
	struct session *prev, *next; /* in sessions->all */
	struct sessions *sessions;   /* borrowed */
	const struct builtin *builtin;
	struct session_owner owner;
	short (*turn)(struct session *session);
	uint64_t position; /* of the builtin's output */
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t moved_ns;        /* when the last byte moved */
	uint64_t idle_timeout_ns; /* 0: none */
	uint64_t linger_until_ns; /* NEVER: not lingering */
	uint8_t *pending;         /* owned; echo not taken yet, or NULL */
	uint32_t pending_start;
	uint32_t pending_end;
	uint32_t lingered_bytes;
};

static_assert(sizeof(struct session) <= SESSION_SIZE_MAX, "sessions are many");

struct sessions {
	struct loop *loop;   /* borrowed */
	struct session *all; /* owned, each */
	size_t count;
	uint8_t scratch[SCRATCH_SIZE]; /* holds nothing between two turns */
};

/* Returns bytes read, 0 at the client's end, -EAGAIN, or another negative errno. */
static ssize_t receive(struct session *session, size_t size)
{
	ssize_t count =
		stream_receive(session->watch.fd, session->sessions->scratch, size, 0);

	if (count < 0)
		return count;
	session->bytes_in += (uint64_t)count;
	session->moved_ns = loop_now_ns(session->sessions->loop);
	return count;
}

/* Returns bytes taken, 0 if none is taken now, or a negative errno. */
static ssize_t transmit(struct session *session, const uint8_t *data, size_t size)
{
	ssize_t count = stream_send(session->watch.fd, data, size);

	if (count <= 0)
		return count;
	session->bytes_out += (uint64_t)count;
	session->moved_ns = loop_now_ns(session->sessions->loop);
	return count;
}

static bool keep_pending(struct session *session, const uint8_t *data, size_t size)
{
	session->pending = malloc(size);
	if (session->pending == NULL)
		return false;
	memcpy(session->pending, data, size);
	session->pending_start = 0;
	session->pending_end = (uint32_t)size;
	return true;
}

/* POLLIN when nothing is pending any more, else what a turn returns. */
static short flush_pending(struct session *session)
{
	if (session->pending == NULL)
		return POLLIN;
	ssize_t sent = transmit(session, session->pending + session->pending_start,
				session->pending_end - session->pending_start);
	if (sent < 0)
		return TURN_OVER;
	session->pending_start += (uint32_t)sent;
	if (session->pending_start < session->pending_end)
		return POLLOUT;
	free(session->pending);
	session->pending = NULL;
	return POLLIN;
}

/*
 * Nothing is read while anything is pending, so at the client's end all has been sent
 * back already: a half-close needs no state of its own.
 */
static short turn_echo(struct session *session)
{
	short wait = flush_pending(session);

	for (int step = 0; step < SESSION_TURN_STEPS && wait == POLLIN; step++) {
		const uint8_t *data = session->sessions->scratch;
		ssize_t count = receive(session, SESSION_BUFFER_MAX);
		if (count == -EAGAIN)
			return POLLIN;
		if (count <= 0)
			return TURN_OVER;
		ssize_t sent = transmit(session, data, (size_t)count);
		if (sent < 0)
			return TURN_OVER;
		if (sent < count) {
			if (!keep_pending(session, data + sent, (size_t)(count - sent)))
				return TURN_OVER;
			return POLLOUT;
		}
		/* A short read emptied the socket: do not ask it again for nothing. */
		if (count < SESSION_BUFFER_MAX)
			return POLLIN;
	}
	return wait;
}

static short turn_discard(struct session *session)
{
	for (int step = 0; step < SESSION_TURN_STEPS; step++) {
		ssize_t count = receive(session, SCRATCH_SIZE);
		if (count == -EAGAIN)
			return POLLIN;
		if (count <= 0)
			return TURN_OVER;
		if (count < SCRATCH_SIZE)
			return POLLIN;
	}
	return POLLIN;
}

static short turn_linger(struct session *session)
{
	uint64_t before = session->bytes_in;
	short wait = turn_discard(session);

	session->lingered_bytes += (uint32_t)(session->bytes_in - before);
	if (session->lingered_bytes > SESSION_LINGER_BYTES)
		return TURN_OVER;
	return wait;
}

/*
 * Closing with unread input makes the kernel send a reset, which throws away what the
 * client has not read yet (RFC 2525 section 2.17); so its end is waited for.
 */
static short begin_linger(struct session *session)
{
	struct loop *loop = session->sessions->loop;

	if (shutdown(session->watch.fd, SHUT_WR) == -1)
		return TURN_OVER;
	session->linger_until_ns = loop_now_ns(loop) + SESSION_LINGER_NS;
	if (!loop_timer_is_armed(&session->timer) ||
	    session->timer.deadline_ns > session->linger_until_ns) {
		if (loop_timer_set(loop, &session->timer, session->linger_until_ns) != 0)
			return TURN_OVER;
	}
	session->turn = turn_linger;
	return POLLIN;
}

/*
 * The input is left in the kernel's buffer: a client that sends while it is being told
 * something costs no work, and its FIN does not stop the output. A reset shows in
 * send(2).
 */
static short turn_output(struct session *session)
{
	const struct builtin *builtin = session->builtin;
	struct builtin_moment moment = { .wall_seconds = clock_wall_seconds() };
	uint8_t *data = session->sessions->scratch;

	for (int step = 0; step < SESSION_TURN_STEPS; step++) {
		uint64_t position = session->position;
		size_t count = builtin->produce(&position, data, SCRATCH_SIZE, &moment);
		if (count == 0)
			return begin_linger(session);
		ssize_t sent = transmit(session, data, count);
		if (sent < 0)
			return TURN_OVER;
		if ((size_t)sent < count) {
			/* Made again from where the client stopped taking it. */
			if (sent > 0)
				builtin->produce(&session->position, data, (size_t)sent,
						 &moment);
			return POLLOUT;
		}
		session->position = position;
	}
	return POLLOUT;
}

/* The session is gone afterwards; so may be, through its owner, everything else. */
static void session_end(struct session *session)
{
	struct session_owner owner = session->owner;
	uint64_t bytes_in = session->bytes_in;
	uint64_t bytes_out = session->bytes_out;

	loop_timer_cancel(&session->timer);
	loop_forget(&session->watch);
	fd_close(&session->watch.fd);
	DL_DELETE(session->sessions->all, session);
	session->sessions->count--;
	free(session->pending);
	free(session);
	if (owner.ended != NULL)
		owner.ended(owner.data, bytes_in, bytes_out);
}

static void session_ready(struct watch *watch, short revents)
{
	struct session *session = watch->data;

	/* An error or hang-up shows in the call that the turn makes anyway. */
	(void)revents;
	short wait = session->turn(session);
	if (wait == TURN_OVER || (wait != watch->events && loop_change(watch, wait) != 0))
		session_end(session);
}

static uint64_t session_deadline_ns(const struct session *session)
{
	uint64_t idle_ns = NEVER;

	if (session->idle_timeout_ns > 0 &&
	    session->idle_timeout_ns < NEVER - session->moved_ns)
		idle_ns = session->moved_ns + session->idle_timeout_ns;
	return idle_ns < session->linger_until_ns ? idle_ns : session->linger_until_ns;
}

/* The timer is not moved with every byte: it looks, when it fires, whether it is due. */
static void session_timer_fired(struct timer *timer)
{
	struct session *session = timer->data;
	struct loop *loop = session->sessions->loop;
	uint64_t deadline_ns = session_deadline_ns(session);

	if (deadline_ns <= loop_now_ns(loop) ||
	    loop_timer_set(loop, timer, deadline_ns) != 0)
		session_end(session);
}

static short (*const turns[])(struct session *) = {
	[BUILTIN_INPUT_ECHO] = turn_echo,
	[BUILTIN_INPUT_DISCARD] = turn_discard,
	[BUILTIN_INPUT_IGNORE] = turn_output,
};

static struct session *session_new(struct sessions *sessions,
				   const struct builtin *builtin, int fd,
				   uint64_t idle_timeout_ns,
				   const struct session_owner *owner)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return NULL;
	session->sessions = sessions;
	session->builtin = builtin;
	session->owner = *owner;
	session->turn = turns[builtin->input];
	session->moved_ns = loop_now_ns(sessions->loop);
	session->idle_timeout_ns = idle_timeout_ns;
	session->linger_until_ns = NEVER;
	session->watch.fd = fd;
	session->watch.events = builtin->input == BUILTIN_INPUT_IGNORE ? POLLOUT : POLLIN;
	session->watch.ready = session_ready;
	session->watch.data = session;
	session->timer.fired = session_timer_fired;
	session->timer.data = session;
	return session;
}

int sessions_new(struct loop *loop, struct sessions **ret, struct error *err)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (sessions == NULL)
		return error_set_errno(err, -ENOMEM, "cannot prepare sessions");
	sessions->loop = loop;
	*ret = sessions;
	return 0;
}

void sessions_free(struct sessions *sessions)
{
	struct session *session, *next;

	if (sessions == NULL)
		return;
	DL_FOREACH_SAFE(sessions->all, session, next)
		session_end(session);
	free(sessions);
}

size_t sessions_count(const struct sessions *sessions)
{
	return sessions->count;
}

int session_start(struct sessions *sessions, const struct builtin *builtin, int fd,
		  uint64_t idle_timeout_ns, const struct session_owner *owner,
		  struct error *err)
{
	if (builtin->input == BUILTIN_INPUT_IGNORE && builtin->produce == NULL)
		return error_set(err, -EPROTONOSUPPORT,
				 "service '%s' has nothing to say to streams",
				 builtin->name);
	struct session *session =
		session_new(sessions, builtin, fd, idle_timeout_ns, owner);
	if (session == NULL)
		return error_set_errno(err, -ENOMEM, "cannot start a session");
	int result = loop_add(sessions->loop, &session->watch);
	uint64_t deadline_ns = session_deadline_ns(session);
	if (result == 0 && deadline_ns != NEVER)
		result = loop_timer_set(sessions->loop, &session->timer, deadline_ns);
	if (result != 0) {
		loop_remove(&session->watch);
		free(session);
		return error_set_errno(err, result, "cannot start a session");
	}
	DL_APPEND(sessions->all, session);
	sessions->count++;
	return 0;
}
