/* SPDX-License-Identifier: ISC */
/*
 * The processes that usherd started, by pid.
 *
 * Reaping collects every status first and interprets them after, so that what happens at
 * one child's end (a resumed listener, a new start) cannot disturb the collection.
 * Processes nobody here started (orphans, when usherd is PID 1 of a container) are
 * reaped and forgotten.
 */
#ifndef USHERD_SERVE_CHILDREN_H
#define USHERD_SERVE_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uthash.h>

struct children;

/* In place of a wait status: the process went out of sight while it was running. */
#define CHILD_FORGOTTEN (-1)
/* The process has not become the program that it was made for. */
#define CHILD_NOT_STARTED (-2)

struct child {
	pid_t pid;
	bool program; /* leads a process group, counts against max_children */
	bool awaited; /* something cannot go on before it has ended */
	/*
	 * Called once, when the process is gone and out of the table; owns *child then.
	 * @wait_status is waitpid's, or one of the above.
	 */
	void (*ended)(struct child *child, int wait_status, uint64_t now_ns);
	UT_hash_handle hh; /* of the table */
};

int children_new(struct children **ret);
/* The processes go on; each child's `ended` is called with CHILD_FORGOTTEN. NULL allowed.
 */
void children_free(struct children *children);

/* Register @child (embedded by the caller, stays where it is). 0 or -ENOMEM. */
int children_add(struct children *children, struct child *child);
/* Forget @child, which is in the table: its `ended` is not called. Its end will be that
 * of a process nobody knows. */
void children_remove(struct children *children, struct child *child);

/* Reap all that have ended. To be called at SIGCHLD. */
void children_reap(struct children *children, uint64_t now_ns);

/* Send @signo to the child's process group (a worker: to the process). */
void child_signal(const struct child *child, int signo);

/* The same to every child. */
void children_signal(struct children *children, int signo);

/* Show @visit every one of them; it changes nothing. */
void children_visit(const struct children *children,
		    void (*visit)(void *data, const struct child *child), void *data);

size_t children_awaited(const struct children *children);
size_t children_count(const struct children *children);    /* all */
size_t children_programs(const struct children *children); /* programs only */

#endif
