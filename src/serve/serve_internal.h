/* SPDX-License-Identifier: ISC */
/* The workers as the supervisor keeps them: workers.c's, and retarget.c's to look at. */
#ifndef USHERD_SERVE_INTERNAL_H
#define USHERD_SERVE_INTERNAL_H

#include "usherd/serve/ledger.h"
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
	struct ledger *ledger; /* owned */
	uint64_t signature;
	uint64_t owner;
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

#endif
