/* SPDX-License-Identifier: ISC */
/*
 * When the targets of redirected services are looked up again, and what becomes of the
 * answers. In the supervisor.
 *
 * Names are asked for every LOOKUPS_IN_USE_NS while the service has clients, and
 * LOOKUPS_FAILING_NS after a client for whom no target was found, or when nothing has
 * been found of a name yet; the directories of UNIX targets in that last case only.
 * Whoever comes next is led to what was found. A look-up that fails leaves things as they
 * are, and is reported, not too often.
 */
#ifndef USHERD_SERVE_LOOKUPS_H
#define USHERD_SERVE_LOOKUPS_H

#include "usherd/serve/workers.h"

#define LOOKUPS_IN_USE_NS  (UINT64_C(60) * 1000000000)
#define LOOKUPS_FAILING_NS (UINT64_C(5) * 1000000000)

/* A process that has not answered by then is ended. */
#define LOOKUPS_PATIENCE_NS (UINT64_C(30) * 1000000000)

/* Such processes at once. */
#define LOOKUPS_MAX 8

struct lookups;

/* @root: the supervisor is. 0 or -ENOMEM. */
int lookups_new(struct engine *engine, struct workers *workers, bool root,
		struct lookups **ret);
/* Before the engine's children. NULL allowed. */
void lookups_free(struct lookups *lookups);

/* To be called after the services have been put on duty, and after each reload: what has
 * just been looked up is not asked again, all else soon. */
void lookups_refresh(struct lookups *lookups);

/* What speaks for and against looking up a service now. */
struct lookups_case {
	bool names;                   /* it has targets that are names */
	bool unknown;                 /* of one of them nothing is known */
	uint64_t active;              /* sessions that run */
	uint64_t admitted, unreached; /* as in struct lookups_state, now */
};
bool lookups_is_due(const struct lookups_state *state, const struct lookups_case *now,
		    uint64_t now_ns); /* pure */

#endif
