/* SPDX-License-Identifier: ISC */
/*
 * One client being served, by a program or in-process: what was taken at its start
 * (a place in the tally, a reference of the post) and is given back at its end, and the
 * START, TRAFFIC and EXIT events in between. Embedded by whoever keeps more about the
 * client.
 */
#ifndef USHERD_SERVE_SERVING_H
#define USHERD_SERVE_SERVING_H

#include "usherd/serve/duty.h"

struct serving {
	struct child child; /* first, so that a child leads back here; programs only */
	struct launch launch;
	struct plan *plan; /* counted, until it is known whether the program runs */
	/* The owner's; @child is this one's. */
	void (*ended)(struct child *child, int wait_status, uint64_t now_ns);
	struct post *post; /* counted */
	struct source_key source;
	struct addr peer;
	pid_t pid;
	uint64_t started_ns;
	bool patient;   /* without a process for it, it will be tried again */
	bool postponed; /* and so it is */
	bool counted;   /* the bytes that moved are known: in-process sessions */
	uint64_t bytes_in;
	uint64_t bytes_out;
};

/* Take a place for @peer. 0 or a negative errno (nothing is taken then). */
int serving_begin(struct serving *serving, struct post *post, const struct addr *peer);

/* Begin with a @place that admission_take() has taken for @peer. */
void serving_occupy(struct serving *serving, struct post *post, const struct addr *peer,
		    const struct source_key *place);

/*
 * Begin to start the post's program; its process stands in the child table from now on.
 * A little later, and before the end of the program is told, START is recorded. @ended is
 * called at the end and has to call serving_end(); with CHILD_NOT_STARTED if the process
 * has not become the program, which has been reported then (FAIL fork). Without a process
 * the result is a negative errno, the failure has been reported, and the place is still
 * taken; else it is 0. A patient one is not recorded as a refusal if there may be a
 * process later (-EAGAIN, -ENOMEM): it is postponed then.
 */
int serving_spawn(struct serving *serving, const struct invocation *invocation,
		  void (*ended)(struct child *child, int wait_status, uint64_t now_ns));

/* Show @visit every program of the engine that runs, or is being started. */
void serving_visit(const struct engine *engine,
		   void (*visit)(void *data, const struct serving *serving), void *data);

/* The START event of an in-process session (the pid is this process's). */
void serving_started(struct serving *serving);

/* Give the place back after a start that failed: no event. */
void serving_cancel(struct serving *serving);

/* How many bytes came from the client and went to it: for the TRAFFIC event of the end.
 */
void serving_count(struct serving *serving, uint64_t bytes_in, uint64_t bytes_out);

/* TRAFFIC and EXIT events (unless @wait_status is none), then as
 * serving_cancel(). */
void serving_end(struct serving *serving, int wait_status, uint64_t now_ns);

#endif
