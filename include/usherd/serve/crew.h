/* SPDX-License-Identifier: ISC */
/*
 * The workers that serve one group together: what they share (the ledger), and which of
 * their slots has a worker. A change of the group means another crew.
 */
#ifndef USHERD_SERVE_CREW_H
#define USHERD_SERVE_CREW_H

#include "usherd/serve/groups.h"
#include "usherd/serve/ledger.h"

struct crew {
	unsigned references;   /* one for each of its workers */
	struct ledger *ledger; /* owned; as many slots as it has workers when complete */
	uint64_t signature;    /* the group's */
	uint64_t owner;
	uint64_t manned; /* a bit for each slot that has a worker */
};

/* With a reference. 0 or a negative errno. */
int crew_new(const struct group *group, struct crew **ret);
struct crew *crew_ref(struct crew *crew);
void crew_unref(struct crew *crew); /* NULL allowed */

/* The first slot without a worker, or -1. */
int crew_vacancy(const struct crew *crew);
void crew_enter(struct crew *crew, unsigned slot);
/* Its worker is gone: what it counted counts no more, the slot is vacant. */
void crew_leave(struct crew *crew, unsigned slot);

#endif
