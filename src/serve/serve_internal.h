/* SPDX-License-Identifier: ISC */
/* The workers as the supervisor keeps them: workers.c's and tending.c's, and retarget.c's
 * to look at. */
#ifndef USHERD_SERVE_INTERNAL_H
#define USHERD_SERVE_INTERNAL_H

#include "usherd/serve/crew.h"
#include "usherd/serve/mux.h"
#include "usherd/serve/troubles.h"
#include "usherd/serve/workers.h"

struct worker {
	struct child child; /* first: a child leads back here */
	struct workers *workers;
	struct worker *next; /* the older ones */
	int channel;         /* owned */
	struct watch reports;
	struct mux mux;
	struct crew *crew; /* counted */
	unsigned slot;     /* in that */
	uint64_t started_ns;
	bool draining;
};

struct workers {
	struct engine *engine;
	struct worker *first;
	struct timer timer;       /* the next refresh */
	struct troubles troubles; /* of owners whose workers end soon or do not start */
	bool root;
	bool stopped;
};

/* Refresh then, unless that is planned for an earlier moment. */
void workers_refresh_at(struct workers *workers, uint64_t at_ns);

/* One more failure of @owner: until when it has to wait. */
uint64_t workers_note_failure(struct workers *workers, uint64_t owner, uint64_t now_ns);

/* Start one for @slot of @crew. 0 or a negative errno. */
int worker_start(struct workers *workers, const struct group *group,
		 const struct responder_ports *ports, struct crew *crew, unsigned slot);

/* Nothing is heard of it any more; it ends. */
void worker_close_channel(struct worker *worker);

/* What it counts for service @id; NULL if it does not serve that. */
const struct tally *worker_tally(const struct worker *worker, const char *id);

#endif
