/* SPDX-License-Identifier: ISC */
/*
 * Starts of programs that are under way: looked at until each is settled, that is, known
 * to run or to have failed. By a timer, a millisecond after one has begun and then in
 * steps of a sixteenth of its age, which is armed only while there are any; or by who
 * reaps its process, if that comes first.
 */
#ifndef USHERD_SERVE_LAUNCHES_H
#define USHERD_SERVE_LAUNCHES_H

#include <stdbool.h>

#include "usherd/base/error.h"
#include "usherd/exec/spawn.h"
#include "usherd/loop/loop.h"

/* One of them; embedded by who started it. */
struct launch {
	struct attempt attempt;
	/* Called once, by the timer: @failure is NULL if it runs, else says why not.
	 * Owns *launch then. */
	void (*settled)(struct launch *launch, const struct error *failure);
	void *data;          /* the caller's */
	struct launch *prev; /* private */
	struct launch *next;
	bool under_way;
};

struct launches {
	struct loop *loop; /* borrowed */
	struct launch *first;
	struct timer timer;
};

void launches_init(struct launches *launches, struct loop *loop);

/* Settle what can be now; never blocks. */
void launches_look(struct launches *launches);

/* For the end: as launches_look(), and those that are not settled now never will be. */
void launches_done(struct launches *launches);

/* Look after @launch, whose attempt has begun. */
void launches_add(struct launches *launches, struct launch *launch);

/*
 * The process of @launch has been waited for. If it was under way it is settled now,
 * without a call of `settled`: returns 0 if it did run, or a negative errno with the
 * reason in @err. 0 also if it was settled before.
 */
int launches_reaped(struct launches *launches, struct launch *launch, int wait_status,
		    struct error *err);

#endif
