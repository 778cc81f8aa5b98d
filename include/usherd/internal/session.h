/* SPDX-License-Identifier: ISC */
/*
 * Stream clients of in-process services: many at once, none waiting for another.
 *
 * A session reads and writes without blocking, as much per turn as keeps others from
 * starving (bounded). What an echo client does not take back is kept in a buffer that
 * exists only then, bounded, and nothing more is read from that client meanwhile. A
 * half-close (FIN from the client) is honoured: what was received is answered, then the
 * session ends; a service that ignores its input goes on talking. A reset ends a session
 * at once. When the service's own output ends, the write side is shut down and the
 * session lingers, discarding input, until the client closes, SESSION_LINGER_NS has
 * passed or SESSION_LINGER_BYTES have come, so that the answer is not lost to a reset.
 */
#ifndef USHERD_INTERNAL_SESSION_H
#define USHERD_INTERNAL_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "usherd/base/error.h"
#include "usherd/internal/builtin.h"
#include "usherd/loop/loop.h"

/* A peer that has vanished must not keep its place for ever: it is asked after so long
 * without a byte. For clients the worker says so on the listeners. */
#define SESSION_KEEPALIVE_S  600
#define SESSION_LINGER_NS    (UINT64_C(2) * 1000000000)
#define SESSION_LINGER_BYTES 1048576
#define SESSION_BUFFER_MAX   16384

/* Reads or writes of one session before the next one's turn. */
#define SESSION_TURN_STEPS 4

/* Memory of a session whose client takes what it is sent. */
#define SESSION_SIZE_MAX 256

struct session;

/* All sessions of one loop, and the buffer they share. */
struct sessions;

int sessions_new(struct loop *loop, struct sessions **ret, struct error *err);
/* Ends every session (each `ended` is called; it must not start another). NULL allowed.
 */
void sessions_free(struct sessions *sessions);
size_t sessions_count(const struct sessions *sessions);

/* What the owner of a session wants to know at its end; passed back as it was given. */
struct session_owner {
	/* Called before `ended` if the service could not be done at all, with the reason;
	 * the session is still there. May be NULL. */
	void (*failed)(void *data, const struct error *why);
	/* Called once, after the descriptor is closed; the session is gone then. */
	void (*ended)(void *data, uint64_t bytes_in, uint64_t bytes_out);
	void *data;
};

/*
 * Serve the connected stream socket @fd (used without blocking whatever its flags say;
 * owned and closed by the session from success on). @idle_timeout_ns: end it after so
 * long without a byte moving, 0: never. Returns 0, -ENOMEM, -EPROTONOSUPPORT for a
 * service that has nothing for streams, or another negative errno; @fd then stays the
 * caller's. `ended` is never called from within.
 */
int session_start(struct sessions *sessions, const struct builtin *builtin, int fd,
		  uint64_t idle_timeout_ns, const struct session_owner *owner,
		  struct error *err);

#endif
