/* SPDX-License-Identifier: ISC */
/*
 * Making the posts on duty what the configuration says: in two steps, so that a failure
 * in the first changes nothing and the second cannot fail.
 *
 * Sockets that both configurations name stay open through the change, whichever service
 * they belong to; clients waiting in their queues lose nothing.
 */
#ifndef USHERD_SERVE_ROSTER_H
#define USHERD_SERVE_ROSTER_H

#include "usherd/model/diff.h"
#include "usherd/serve/duty.h"

struct roster_change;

/* Build everything that @diff needs. 0 or a negative errno, nothing changed. */
int roster_prepare(struct engine *engine, const struct diff *diff,
		   struct roster_change **ret, struct error *err);

/* Sockets handed over by the starter (LISTEN_FDS): taken ones become -1. */
struct inherited {
	int *fds;
	size_t count;
};

/* Of each service that @change takes out, tell @removed; before it is put into effect. */
void roster_each_removed(const struct roster_change *change,
			 void (*removed)(void *data, struct post *post), void *data);

/*
 * Put it into effect and free @change. Binding failures are reported, and tried again
 * where that makes sense; the other services run.
 */
void roster_commit(struct engine *engine, struct roster_change *change,
		   struct inherited *inherited);
void roster_abandon(struct roster_change *change); /* NULL allowed */

/* Listeners of all posts, and how many of them are bound. */
size_t roster_listeners(const struct engine *engine, size_t *ret_bound);

#endif
