/* SPDX-License-Identifier: ISC */
/*
 * Clients that come to a service through another one, tcpmux (RFC 1078): its worker hands
 * the connection to the supervisor, which treats it as one that the service has accepted
 * itself, be it with a program or by handing it on to the worker that serves it.
 *
 * Only services whose type says so are reached this way, whatever a worker asks for.
 */
#ifndef USHERD_SERVE_MUX_H
#define USHERD_SERVE_MUX_H

#include "usherd/internal/internal.h"
#include "usherd/serve/duty.h"

/* One end of a transfer pair. All zero: none. */
struct mux {
	struct engine *engine; /* borrowed; NULL: none */
	struct watch watch;    /* its fd is owned */
	bool deaf;             /* whatever comes is nonsense */
	/* What came is nonsense; the mux may be done in it. */
	void (*nonsense)(struct mux *mux);
	void *data; /* the caller's */
};

/* Make a pair: one end as mux_start(), the other is the caller's. */
int mux_open(struct mux *mux, struct engine *engine, int *ret_other);
/* Take connections that come on @fd, which is owned from success on. 0 or a negative
 * errno. */
int mux_start(struct mux *mux, struct engine *engine, int fd);
/* Take all that have come, now. */
void mux_take(struct mux *mux);
void mux_done(struct mux *mux); /* may be repeated */

/* Give the client @fd to @service at the other end. 0, or a negative errno and it has not
 * gone. */
int mux_give(struct mux *mux, const char *service, int fd);

/*
 * The services of @engine that can be reached so, by name, for a worker that hands
 * clients to them through @mux. Freed by mux_targets_done(). 0 or -ENOMEM.
 */
int mux_targets(const struct engine *engine, struct mux *mux, struct internal_mux *ret);
void mux_targets_done(struct internal_mux *targets);

/* @hash and what mux_targets() is made from. */
uint64_t mux_sign(const struct engine *engine, uint64_t hash);

#endif
