/* SPDX-License-Identifier: ISC */
/*
 * A worker: the engine in a process of its own that has given up all rights, serving the
 * in-process services of one set of credentials.
 */
#ifndef USHERD_SERVE_WORKER_H
#define USHERD_SERVE_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "usherd/internal/responder.h"
#include "usherd/serve/channel.h"
#include "usherd/serve/duty.h"
#include "usherd/serve/ledger.h"

struct worker_plan {
	const struct engine *engine; /* the supervisor's */
	const struct credentials *credentials;
	unsigned needs;         /* enum internal_need */
	const char *executable; /* as struct internal; NULL: this program */
	/* What it knows; NULL: internal_find(). */
	const struct internal *(*find_internal)(const char *name);
	int transfer;              /* the worker's end of a transfer pair, or -1 */
	bool root;                 /* the supervisor is root: confinement is complete */
	struct post *const *posts; /* the supervisor's, with their bound listeners */
	size_t post_count;
	const struct responder_ports *ports; /* of all workers' datagram services */
	struct ledger *ledger;               /* where it counts */
	unsigned slot;                       /* in that */
	struct denials *denials;             /* who is denied; or NULL */
	/* Those of workers that still have sessions of these services. */
	const struct ledger *const *predecessors;
	size_t predecessor_count;
};

/*
 * Fork a worker. With an executable, that is executed in it, see handover.h. Returns 0
 * with its pid and the supervisor's end of its channel (owned by the caller; closing it
 * ends the worker), or a negative errno. The new process keeps the plan's sockets and
 * standard error, closes all else, confines itself and serves until drained or the
 * channel is closed.
 */
int worker_fork(const struct worker_plan *plan, int *ret_channel, pid_t *ret_pid);

/* In the new process: be that worker, with @channel for the supervisor. */
_Noreturn void worker_become(const struct worker_plan *plan, int channel);

/* In the new process, first of all: keep nothing but the plan's sockets, @channel and
 * standard error, and no signal as the supervisor has it. 0 or a negative errno. */
int worker_let_go(const struct worker_plan *plan, int channel);

/* It cannot be one: say why and end. */
_Noreturn void worker_give_up(struct channel_reporter *reporter, const struct error *err);

#endif
