/* SPDX-License-Identifier: ISC */
/*
 * Looking up the targets of one service in a process of its own, which is gone when it
 * has answered: names may take as long as the resolver likes, and its answers are bytes
 * of strangers.
 *
 * The process has the rights of the service's user, but for opening the directories of
 * UNIX targets, which it does first, with those of the supervisor.
 */
#ifndef USHERD_SERVE_LOOKUP_H
#define USHERD_SERVE_LOOKUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "usherd/model/program.h"
#include "usherd/model/target.h"

struct lookup_plan {
	const struct target_list *targets; /* borrowed for the call */
	const struct credentials *credentials;
	bool root; /* the supervisor is: directories are opened, rights are given up */
};

/* Fork it. 0 with its pid and the socket that its answers can be read from when it has
 * ended (owned by the caller), or a negative errno. */
int lookup_fork(const struct lookup_plan *plan, int *ret_fd, pid_t *ret_pid);

/* What it has found out. */
struct lookup_answers {
	struct {
		bool answered;
		int code; /* 0, or the negative errno of what failed */
		char why[64];
		struct host host; /* of a name */
		int directory;    /* owned, of a path; -1: none */
	} items[TARGETS_MAX];     /* by target */
};

/*
 * Read all there is at @fd without blocking. What is no answer to what was asked is
 * passed over, and so is a second one: those about paths were given before strangers were
 * asked.
 */
void lookup_read(int fd, const struct target_list *targets, struct lookup_answers *ret);
void lookup_answers_done(struct lookup_answers *answers);

#endif
