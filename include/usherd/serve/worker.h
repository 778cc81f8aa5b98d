/* SPDX-License-Identifier: ISC */
/*
 * A worker: the engine in a process of its own that has given up all rights, serving the
 * in-process services of one set of credentials.
 */
#ifndef USHERD_SERVE_WORKER_H
#define USHERD_SERVE_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "usherd/serve/duty.h"
#include "usherd/serve/responder.h"

struct worker_plan {
	const struct credentials *credentials;
	bool root;                 /* the supervisor is root: confinement is complete */
	struct post *const *posts; /* the supervisor's, with their bound listeners */
	size_t post_count;
	const struct responder_ports *ports; /* of all workers' datagram services */
	int channel;                         /* the worker's end */
};

/*
 * What the forked process does: keep the plan's sockets and standard error and close all
 * else, confine itself, serve until drained or the channel is closed. Never returns.
 */
_Noreturn void worker_run(const struct worker_plan *plan);

#endif
