/* SPDX-License-Identifier: ISC */
/*
 * Starting a program: the steps between clone(2) and execve(2).
 *
 * A start is begun, and looked at later; nobody waits for it. Its child walks a table of
 * steps, {name, apply}, each a few raw system calls that neither allocate nor look
 * anything up:
 *   session, signals, descriptors, chroot, directory, limits, nice, umask, groups, gid,
 *   uid, capabilities, proof, exec
 * The first that fails is reported with its errno; the parent puts it into words. The
 * child begins with descriptors 0, 1, 2 only (the connection blocking: O_NONBLOCK
 * belongs to the open file, so it is cleared for everybody who holds that socket),
 * default signal dispositions, an empty mask, its own session and process group, no
 * ambient capabilities.
 *
 * The child shares the parent's memory until exec (CLONE_VM) while the parent goes on, so
 * the cost does not grow with the daemon. Each start under way has a slot: a stack, the
 * environment of its client, a word that the kernel zeroes when the child leaves our
 * memory. There are 64, at most 32 for one plan. With none free spawn_begin() waits for
 * one: a start mostly takes well below a millisecond, so that none free means load, and
 * load alone must not turn clients away. It waits for 50 ms at most, and when that was in
 * vain not again for a second: those children are held up by something else.
 *
 * Between uid and exec any process of the service's uid can stop the child, and a file
 * system that hangs can hold it in every step that takes a path: a child found stopped,
 * or not in its program after SPAWN_DEADLINE_MS, is killed. One that does not die even so
 * (uninterruptible sleep) is given up; its slot stays taken until the kernel at last
 * zeroes the word.
 *
 * Single-threaded. An attempt that has begun must be looked at, reaped or abandoned until
 * it has an end; it must not be moved before.
 */
#ifndef USHERD_EXEC_SPAWN_H
#define USHERD_EXEC_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "usherd/base/error.h"
#include "usherd/exec/plan.h"

struct slot;
struct slots;
struct spawner;

/* A start has an end, one way or another, about this long after it began, plus a second
 * for a child to die. */
#define SPAWN_DEADLINE_MS 2000

/*
 * Starts one short-lived child of its own to see whether memory really is shared: under
 * valgrind and user-mode emulators it is not, and the spawner then forks, whatever the
 * plan says. It also forks where sharing would not be safe: if /proc/sys/fs/suid_dumpable
 * reads 1 (others of the service's uid could ptrace the child, and through it us), or 2
 * before Linux 5.16 (a dump of the child would end us, too); if the daemon may change ids
 * but not kill (CAP_KILL); and on processors that raw.h does not know.
 *
 * A daemon that is root and shares is not dumpable from here on, for good: otherwise each
 * change of ids in a child, which is one of our memory, would have to be undone.
 * 0 or a negative errno.
 */
int spawner_new(struct spawner **ret, struct error *err);
/* Slots that children are still in stay mapped, and their plans with them. NULL allowed.
 */
void spawner_free(struct spawner *spawner);

/* Why all starts are forked, in words; NULL if they share memory as their plans say. */
const char *spawner_objection(const struct spawner *spawner);

/* Wait, at most @ms, until no child is in our memory any more. */
void spawner_drain(struct spawner *spawner, unsigned ms);

enum spawn_state {
	SPAWN_UNDER_WAY,
	SPAWN_RUNS,
	SPAWN_FAILED,
};

/* One start; embedded by the caller. */
struct attempt {
	pid_t pid;
	uint64_t began_ns; /* CLOCK_MONOTONIC */
	/* private: */
	struct slots *slots;
	struct slot *slot; /* NULL: the child has left it, or is given up */
	uint64_t killed_ns;
	int killed;    /* negative errno: why we have killed it; 0: we have not */
	bool remains;  /* it has not even died of that */
	unsigned step; /* how far it came; known once it has left its slot */
	int error;
};

/*
 * Begin to start @plan for @invocation: returns 0 as soon as the process exists, with
 * attempt->pid. A negative errno if it could not be made, err->text then being "step
 * clone: reason": -EAGAIN, also when no slot has become free, or -ENOMEM, or another of
 * clone(2). The invocation is not needed any more after the call, and its descriptors may
 * be closed; a reference of the plan is kept as long as needed. Keeps errno and the
 * signal mask; all signals are blocked meanwhile.
 *
 * The signals that are not at their default action are worked out at the first start; the
 * caller changes none after.
 */
int spawn_begin(struct spawner *spawner, struct plan *plan,
		const struct invocation *invocation, struct attempt *attempt,
		struct error *err);

/*
 * How far it is; never blocks. An end (anything but SPAWN_UNDER_WAY) is told once:
 * SPAWN_RUNS when exec has succeeded; SPAWN_FAILED with err->text being "step NAME:
 * reason" and err->code -EINTR when the child was killed or stopped by a signal,
 * -ETIMEDOUT past the deadline, else the errno of the step.
 * The child of a failed start ends by itself and has to be reaped as any other, sooner or
 * later. Of one that was killed by others its reaper learns more: until the deadline that
 * is left to spawn_reaped().
 */
enum spawn_state spawn_look(struct attempt *attempt, struct error *err);

/* The child has been waited for, with @wait_status: as above, never SPAWN_UNDER_WAY. A
 * program that has ended already is one that runs. */
enum spawn_state spawn_reaped(struct attempt *attempt, int wait_status,
			      struct error *err);

/* Nobody asks for its end any more. */
void spawn_abandon(struct attempt *attempt);

/* Names of the steps in order, for the manual's test; NULL after the last. */
const char *spawn_step_name(unsigned index);

#endif
