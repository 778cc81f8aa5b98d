/* SPDX-License-Identifier: ISC */
/*
 * What the files of exec/ share: a start seen from the child and from the one who waits
 * for it, the table of steps, the environment behind a plan, the list of a worker's
 * system calls.
 */
#ifndef USHERD_EXEC_INTERNAL_H
#define USHERD_EXEC_INTERNAL_H

#include <errno.h>
#include <seccomp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "usherd/exec/plan.h"

/*
 * The child runs in the parent's memory, so it may only make system calls and write to
 * its own stack. syscall(2) also writes errno, which spawn_program() puts back.
 */
static inline int raw_result(long result)
{
	return result == -1 ? -errno : (int)result;
}

/* One start; the child only reads it. */
struct start {
	const struct program *program;
	const struct invocation *invocation;
	char *const *arguments;
	char *const *environment;
};

/* How far a child came. The parent may read it while the child still writes. */
struct progress {
	_Atomic unsigned step; /* the one it is in */
	_Atomic int error;     /* negative errno of that step; 0: none yet */
	/* In our memory: not 0 until the child has left it, by exec or by its end, when
	 * the kernel zeroes it and wakes who waits; CLONE_CHILD_CLEARTID in clone(2). */
	_Atomic int busy;
};

struct step {
	const char *name;
	/* Returns 0 or a negative errno. */
	int (*apply)(const struct start *start);
};

extern const struct step exec_steps[];
extern const unsigned exec_step_count;

/* Take the steps in order; returns only when one has failed, which is then noted. */
void steps_walk(const struct start *start, struct progress *progress);

/* What an errno means in a step, where its own text does not say it; or NULL. */
const char *steps_explain(unsigned step, int error);

/*
 * The memory a child runs on while it shares ours: a stack, above it its progress. A
 * child that cannot be made to leave keeps it for ever: what it does next in the kernel
 * may still write there.
 */
#define STACKS_ABANDONED_MAX 16

struct stack {
	char *memory; /* owned mapping; NULL: the next start maps one */
	size_t size;
	char *top;
	struct progress *progress; /* in the mapping */
	unsigned abandoned;        /* mappings given up so far */
};

/* Map one where there is none. 0, -EAGAIN when too many were abandoned, or a negative
 * errno of mmap(2). */
int stack_ready(struct stack *stack);
void stack_abandon(struct stack *stack);
void stack_done(struct stack *stack); /* not those abandoned */

/*
 * Would a child that shares our memory be safe there once it has the ids of a service?
 * Not if others of that uid may then ptrace it (@dumpable_path, a file like
 * /proc/sys/fs/suid_dumpable, reads 1), not if we may not kill it, and not where the
 * wait for it has no way of its own into the kernel (see await.c).
 */
bool sharing_is_safe(const char *dumpable_path);

/* One child that is waited for. */
struct awaited {
	pid_t pid;
	const struct progress *progress;
	int pipe; /* closed at its other end once it has left; -1: progress->busy tells */
};

struct outcome {
	int error;    /* 0, -EINTR: it was stopped, -ETIMEDOUT: past the deadline */
	bool remains; /* it has not even died of SIGKILL */
};

/* Until the child has execed or ended; never longer than the deadline and a grace. */
struct outcome await_child(const struct awaited *awaited);

/* Can it wait for a child that shares our memory? */
bool await_can_share(void);

/* The wait status of one that is ending; 0 if there is none or it takes too long. */
int await_status(pid_t pid);

/* Steps too long for the table's file. */
int descriptors_apply(const struct start *start);
int limits_apply(const struct start *start);
int limits_apply_nice(const struct start *start);
int limits_apply_umask(const struct start *start);

/* Soft and hard limit of the calling process. */
int limits_set(int resource, rlim_t value);

/*
 * An environment: what is the same for every start, then room for the slots.
 */
#define ENVIRONMENT_SLOTS     14
#define ENVIRONMENT_SLOT_SIZE (ADDR_TEXT_SIZE + 24)

struct environment {
	struct strings fixed; /* owned */
	char **items;         /* owned: fixed, slots in use, NULL */
	char slots[ENVIRONMENT_SLOTS][ENVIRONMENT_SLOT_SIZE];
};

/* 0 or -ENOMEM; environment_done() is due in both cases. */
int environment_init(struct environment *environment, const struct program *program,
		     char *const *inherited);
void environment_fill(struct environment *environment,
		      const struct invocation *invocation);
void environment_done(struct environment *environment);

/* A system call a worker may make, with what must hold for its arguments. */
struct syscall_rule {
	int number;
	unsigned condition_count;
	struct scmp_arg_cmp conditions[2];
};

extern const struct syscall_rule confine_syscalls[];
extern const size_t confine_syscall_count;

/* One that is refused with an error rather than death, because the C library or a
 * sanitizer may try it on its own and can do without. */
struct syscall_refusal {
	int number;
	int error; /* errno value */
};

extern const struct syscall_refusal confine_refusals[];
extern const size_t confine_refusal_count;

#endif
