/* SPDX-License-Identifier: ISC */
/* The child table. Knows pids and callbacks; what a child is for its owner knows. */
/* Out of memory makes HASH_ADD leave hh.tbl NULL in place of ending the process. */
#define HASH_NONFATAL_OOM 1
#include "usherd/serve/children.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

struct children {
	struct child *by_pid;
	size_t programs;
	size_t awaited;
};

/* How many statuses one collection takes before they are interpreted. */
#define REAP_BATCH 256

struct status {
	struct child *child;
	int wait_status;
};

int children_new(struct children **ret)
{
	struct children *children = calloc(1, sizeof(*children));

	if (children == NULL)
		return -ENOMEM;
	*ret = children;
	return 0;
}

static void forget(struct children *children, struct child *child)
{
	HASH_DEL(children->by_pid, child);
	children->programs -= child->program;
	children->awaited -= child->awaited;
}

void children_free(struct children *children)
{
	struct child *child, *next;

	if (children == NULL)
		return;
	HASH_ITER(hh, children->by_pid, child, next) {
		forget(children, child);
		child->ended(child, CHILD_FORGOTTEN, 0);
	}
	free(children);
}

int children_add(struct children *children, struct child *child)
{
	HASH_ADD(hh, children->by_pid, pid, sizeof(child->pid), child);
	if (child->hh.tbl == NULL)
		return -ENOMEM;
	children->programs += child->program;
	children->awaited += child->awaited;
	return 0;
}

void children_remove(struct children *children, struct child *child)
{
	forget(children, child);
}

/*
 * A child is taken out of the table at once: as soon as it has been waited for its pid is
 * free, and what happens at another's end may start a new child that gets it.
 */
static size_t collect(struct children *children, struct status *statuses, size_t room,
		      bool *ret_more)
{
	size_t count = 0;
	size_t waited = 0;

	for (; waited < room; waited++) {
		int wait_status;
		pid_t pid = waitpid(-1, &wait_status, WNOHANG);
		struct child *child = NULL;

		if (pid <= 0)
			break;
		HASH_FIND(hh, children->by_pid, &pid, sizeof(pid), child);
		if (child == NULL)
			continue;
		forget(children, child);
		statuses[count++] =
			(struct status){ .child = child, .wait_status = wait_status };
	}
	*ret_more = waited == room;
	return count;
}

void children_reap(struct children *children, uint64_t now_ns)
{
	struct status statuses[REAP_BATCH];
	bool more = true;

	while (more) {
		size_t count = collect(children, statuses, REAP_BATCH, &more);

		for (size_t i = 0; i < count; i++)
			statuses[i].child->ended(statuses[i].child,
						 statuses[i].wait_status, now_ns);
	}
}

void child_signal(const struct child *child, int signo)
{
	/* A program leads its own process group (setsid before exec). */
	if (!child->program || kill(-child->pid, signo) == -1)
		(void)kill(child->pid, signo);
}

void children_signal(struct children *children, int signo)
{
	struct child *child, *next;

	HASH_ITER(hh, children->by_pid, child, next)
		child_signal(child, signo);
}

void children_visit(const struct children *children,
		    void (*visit)(void *data, const struct child *child), void *data)
{
	for (const struct child *child = children->by_pid; child != NULL;
	     child = child->hh.next)
		visit(data, child);
}

size_t children_count(const struct children *children)
{
	return HASH_COUNT(children->by_pid);
}

size_t children_awaited(const struct children *children)
{
	return children->awaited;
}

size_t children_programs(const struct children *children)
{
	return children->programs;
}
