/* SPDX-License-Identifier: ISC */
/*
 * The way of one client: readiness -> connection -> verdict -> program or session.
 */
#ifndef USHERD_SERVE_DISPATCH_H
#define USHERD_SERVE_DISPATCH_H

#include "usherd/serve/engine.h"

/* The callback of every listener's watch. */
void dispatch_ready(struct watch *watch, short revents);

/*
 * The guard's word on a client of @post, with everything that follows from a refusal: the
 * FAIL event, and the pause that cps asks for. True: go on.
 */
bool dispatch_admits(struct post *post, const struct addr *peer);

/* At most so many FAIL lines a second for one service, and START lines of datagrams. */
#define DISPATCH_LINES_PER_SECOND 100

/* Write the FAIL event of @reason. */
void dispatch_refuse(struct post *post, enum reason reason, const struct addr *peer);

/*
 * Start the post's program. A failure is reported, and as FAIL fork. 0 with the pid, or a
 * negative errno.
 */
int dispatch_spawn(struct post *post, const struct invocation *invocation,
		   pid_t *ret_pid);

/*
 * Lines that a client can cause at will: true if this second's share of @budget is not
 * used up. What was left out is summed up in one message, "@what not logged", later.
 */
bool dispatch_may_log(struct post *post, struct line_budget *budget, const char *what);

#endif
