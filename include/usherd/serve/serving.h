/* SPDX-License-Identifier: ISC */
/*
 * One client being served, by a program or in-process: what was taken at its start
 * (a place in the tally, a reference of the post) and is given back at its end, and the
 * START and EXIT events in between. Embedded by whoever keeps more about the client.
 */
#ifndef USHERD_SERVE_SERVING_H
#define USHERD_SERVE_SERVING_H

#include "usherd/serve/duty.h"

struct serving {
	struct child child; /* first, so that a child leads back here; programs only */
	struct post *post;  /* counted */
	struct source_key source;
	struct addr peer;
	pid_t pid;
	uint64_t started_ns;
};

/* Take a place for @peer. 0 or -ENOMEM (nothing is taken then). */
int serving_begin(struct serving *serving, struct post *post, const struct addr *peer);

/*
 * Start the post's program: spawn, START event, child table. @ended is called at its end
 * and has to call serving_end(). A failure has been reported (FAIL fork); 0 or a negative
 * errno, with the place still taken.
 */
int serving_spawn(struct serving *serving, const struct invocation *invocation,
		  void (*ended)(struct child *child, int wait_status, uint64_t now_ns));

/* The START event of an in-process session (the pid is this process's). */
void serving_started(struct serving *serving);

/* Give the place back after a start that failed: no event. */
void serving_cancel(struct serving *serving);

/* EXIT event (unless @wait_status is CHILD_FORGOTTEN), then as serving_cancel(). */
void serving_end(struct serving *serving, int wait_status, uint64_t now_ns);

#endif
