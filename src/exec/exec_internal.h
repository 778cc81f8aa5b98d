/* SPDX-License-Identifier: ISC */
/*
 * What the files of exec/ share: a start seen from the child and from who looks after
 * it, the memory it takes, the table of steps, what is behind a plan, the list of a
 * worker's system calls.
 */
#ifndef USHERD_EXEC_INTERNAL_H
#define USHERD_EXEC_INTERNAL_H

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "usherd/exec/plan.h"
#include "usherd/exec/spawn.h"

/* The kernel's signal set, which counts from bit 0, and its size; rt_sigprocmask(2). */
#define KERNEL_SIGNALS   (_NSIG - 1)
#define KERNEL_MASK_SIZE (KERNEL_SIGNALS / 8)

struct environment {
	unsigned references;
	char *const *variables;   /* borrowed; the daemon's */
	struct strings passed_on; /* owned */
};

struct plan {
	unsigned references;
	struct service *service; /* counted */
	enum technique technique;
	struct environment *environment; /* counted; what is the same for every start */
	char *bare[2];   /* the path alone, for a program without an argv */
	unsigned starts; /* slots that starts of it have now */
};

/* Signals that do not have their default action in the daemon. */
struct signal_list {
	unsigned count;
	unsigned char signos[KERNEL_SIGNALS];
};

/* One start; the child only reads it. */
struct start {
	const struct program *program;
	int fd;
	int stderr_fd;
	char *const *arguments;
	char *const *environment;
	struct signal_list resets;
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
 * The memory of one start: a stack for a child that shares ours, above it what that
 * child reads and writes. A start has a slot until its child has left this memory, which
 * only the kernel can say of one that cannot be killed; so their number bounds what such
 * children can take, and no state is left behind when they go at last.
 */
struct stage {
	struct progress progress;
	struct start start;
};

struct slot {
	char *memory; /* owned mapping: guard page, stack, stage, room; NULL: none yet */
	size_t size;
	struct stage *stage; /* in it, at the stack's end */
	void *room;          /* in it: for the environment */
	size_t room_size;
	/* Of the start that has it: */
	struct plan *plan;       /* counted; NULL: it is free */
	struct attempt *attempt; /* NULL: nobody asks any more */
	pid_t pid;               /* 0: not made yet */
	struct progress
		*progress; /* the stage's, or a mapping shared with a forked child */
	int pipe; /* a forked child has the other end until exec; -1 for others */
	uint64_t began_ns;
};

#define SLOT_COUNT    64
#define SLOT_PLAN_MAX (SLOT_COUNT / 2)

struct slots {
	struct slot items[SLOT_COUNT];
	uint64_t free;              /* a bit for each */
	unsigned forsaken;          /* not free, and nobody asks any more */
	uint64_t hopeless_until_ns; /* a wait was in vain: no other before */
};

void slots_init(struct slots *slots);
/* Unmaps what no child is in any more; the rest stays for ever, with its plan. */
void slots_done(struct slots *slots);

/*
 * A free slot for @attempt, which it fills in, with room for the environment of @plan, of
 * which it takes a reference; the lowest, so that few are ever touched. With none, or
 * SLOT_PLAN_MAX of them with @plan, it waits for one, see spawn.h. 0, -EAGAIN, or a
 * negative errno of mmap(2).
 */
int slots_take(struct slots *slots, struct plan *plan, struct attempt *attempt,
	       struct slot **ret);

/* See to it that the slot has memory, with @room bytes for an environment. 0 or a
 * negative errno of mmap(2). */
int slot_make_ready(struct slot *slot, size_t room);

/* Has the child left the slot? One look, which need not see the end of a child that
 * dumped core (before Linux 5.16). */
bool slot_is_left(const struct slot *slot);

/* Free the slot, whose child has left it (or that never had one): the attempt learns how
 * far that came. */
void slots_release(struct slots *slots, struct slot *slot);

/* The attempt has an end, its child not yet: the slot is free when that has left it. */
void slots_forsake(struct slots *slots, struct slot *slot);

/* Release what has been left, and wait, at most @ms, until all are. */
void slots_drain(struct slots *slots, unsigned ms);

enum child_state {
	CHILD_RUNNING,
	CHILD_STOPPED,
	CHILD_GONE, /* a zombie, or nothing at all */
};

/* Leaves it to be reaped. */
enum child_state child_look(pid_t pid);

/*
 * Why a child that shares our memory would not be safe there once it has the ids of a
 * service, in words; NULL: it is. @dumpable_path is a file like
 * /proc/sys/fs/suid_dumpable, @release the kernel's as in uname(2).
 */
const char *sharing_objection(const char *dumpable_path, const char *release);

/* Does the kernel let a child share our memory? Tried out with a free slot. 0, -ENOSYS if
 * not, or another negative errno. */
int sharing_try(struct slot *slot);

/* Begin @entry in a process that has our memory, on the slot's stack. Returns the pid or
 * a negative errno. */
pid_t sharing_clone(const struct slot *slot, unsigned long flags, void (*entry)(void *),
		    void *argument);

/* All signals, those that the C library keeps to itself included. */
struct signal_mask {
	unsigned char bytes[KERNEL_MASK_SIZE];
};

void signals_block(struct signal_mask *ret_old);
void signals_restore(const struct signal_mask *old);

/* Steps too long for the table's file. */
int descriptors_apply(const struct start *start);
int limits_apply(const struct start *start);
int limits_apply_nice(const struct start *start);
int limits_apply_umask(const struct start *start);

/* Soft and hard limit of the calling process. */
int limits_set(int resource, rlim_t value);

/* What is the same for every start of @program: another reference of @daemon, or one of
 * its own. 0 or -ENOMEM. */
int environment_for(struct environment *daemon, const struct program *program,
		    struct environment **ret);
/* As plan_environment_size() and plan_environment(). */
size_t environment_size(const struct environment *environment);
char *const *environment_fill(const struct environment *environment,
			      const struct invocation *invocation, void *room);

/*
 * A system call that a worker may make, with what must hold for its arguments; or, with
 * an error, one that is refused with that rather than death, because the C library or a
 * sanitizer may try it on its own and can do without.
 */
struct syscall_rule {
	int number;
	unsigned condition_count;
	struct scmp_arg_cmp conditions[3];
	int error; /* errno value; 0: allowed */
};

struct syscall_rules {
	const struct syscall_rule *items;
	size_t count;
};

extern const struct syscall_rules confine_common;     /* of every worker */
extern const struct syscall_rules confine_secluded;   /* that makes no connections */
extern const struct syscall_rules confine_connecting; /* that does */
extern const struct syscall_rules confine_reading;    /* that reads files, besides */

#endif
