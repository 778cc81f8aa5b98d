/* SPDX-License-Identifier: ISC */
/*
 * The supervisor's side of the workers: one, or as many as engine->workers says, for each
 * set of credentials that in-process services run with.
 *
 * A worker is never changed. When its services or their sockets change, it is told to
 * drain and a successor is started; one that dies is started again, and it alone, at once
 * the first time, then with growing pauses, each set of credentials for itself. The
 * sockets stay open in the supervisor, so clients wait in the queue meanwhile and nobody
 * is refused. Limits hold over the change: the successor sees what its predecessors still
 * count. Of draining workers at most WORKERS_DRAINING are kept, times engine->workers;
 * the oldest is ended then.
 */
#ifndef USHERD_SERVE_WORKERS_H
#define USHERD_SERVE_WORKERS_H

#include "usherd/serve/duty.h"

#define WORKERS_DRAINING     16
#define WORKER_REST_FIRST_NS (UINT64_C(100) * 1000000)
#define WORKER_REST_MAX_NS   (UINT64_C(10) * 1000000000)
#define WORKER_STEADY_NS     (UINT64_C(10) * 1000000000)

struct workers;

/* @root: the supervisor may change ids. 0 or -ENOMEM. */
int workers_new(struct engine *engine, bool root, struct workers **ret);
/* Ends every worker (closes its channel). NULL allowed. */
void workers_free(struct workers *workers);

/* Bring what runs in line with the engine's posts. Cheap when nothing has changed. */
void workers_refresh(struct workers *workers);

/* As workers_refresh(), but after the current events: several changes, one refresh. */
void workers_refresh_soon(struct workers *workers);

/* Start none any more. */
void workers_stop(struct workers *workers);

/* Sessions of an in-process service, in all workers, and whether it rests. */
uint64_t workers_active(const struct workers *workers, const char *id, bool *ret_resting);

/* Give the client @fd to the worker that serves in-process service @id, of several to the
 * one with the fewest sessions of it. 0; -EAGAIN if there is none now; another negative
 * errno. */
int workers_hand_on(struct workers *workers, const char *id, int fd);

/* Workers running, draining ones included. */
size_t workers_count(const struct workers *workers);

#endif
