/* SPDX-License-Identifier: ISC */
/*
 * Starting a program: the steps between clone(2) and execve(2).
 *
 * The child shares the parent's memory until exec (CLONE_VM), on a stack of
 * its own, so the cost does not grow with the daemon. It walks a table of steps,
 * {name, apply}, each a few raw system calls that neither allocate nor look anything up:
 *   session, signals, descriptors, chroot, directory, limits, nice, umask, groups, gid,
 *   uid, capabilities, proof, exec
 * The first that fails is reported with its errno; the parent puts it into words. The
 * child begins with descriptors 0, 1, 2 only (the connection blocking: O_NONBLOCK
 * belongs to the open file, so it is cleared for everybody who holds that socket),
 * default signal dispositions, an empty mask, its own session and process group, no
 * ambient capabilities.
 *
 * The wait for it is bounded. Between uid and exec any process of the service's uid can
 * stop the child, and a file system that hangs can hold it in every step that takes a
 * path: a child found stopped, or not in its program after SPAWN_DEADLINE_MS, is killed.
 * One that does not die even so (uninterruptible sleep) is given up, and with it, where
 * it shares our memory, the stack it may still be on; after 16 of those nothing is
 * started any more, and the daemon stays not dumpable from the first on.
 */
#ifndef USHERD_EXEC_SPAWN_H
#define USHERD_EXEC_SPAWN_H

#include <sys/types.h>

#include "usherd/base/error.h"
#include "usherd/exec/plan.h"

struct spawner;

/* A start ends, one way or another, about this long after it began, plus 0.2 s for a
 * child to die and 0.5 s for it to be reaped. */
#define SPAWN_DEADLINE_MS 2000

/*
 * Starts one short-lived child of its own to see whether memory really is shared: under
 * valgrind and user-mode emulators it is not, and the spawner then forks. It also forks
 * where sharing would not be safe: if /proc/sys/fs/suid_dumpable reads 1 (others of the
 * service's uid could ptrace the child, and through it us), if the daemon may change ids
 * but not kill (CAP_KILL), and on processors for which the wait is not written. 0 or a
 * negative errno.
 */
int spawner_new(struct spawner **ret, struct error *err);

/* A spawner that starts the plain way, with fork(2): the same steps and reports, for
 * plans whose steps may block, and for the tests. */
int spawner_new_forking(struct spawner **ret, struct error *err);
void spawner_free(struct spawner *spawner); /* NULL allowed */

/*
 * Start @plan for @invocation. Returns 0 with the pid once the program runs (exec has
 * succeeded); or a negative errno: -EAGAIN / -ENOMEM when no process could be made (step
 * "clone"), -EINTR when the child was killed or stopped by a signal, -ETIMEDOUT past the
 * deadline, else the errno of the step; err->text being "step NAME: reason".
 * A child that failed has been reaped, unless it could not be killed or takes long to
 * end: a waitpid(-1) of the caller will find it later, as a pid nobody knows.
 * The invocation's descriptors stay the caller's. Keeps errno and the signal mask; all
 * signals are blocked meanwhile. One start at a time (single-threaded).
 */
int spawn_program(struct spawner *spawner, struct plan *plan,
		  const struct invocation *invocation, pid_t *ret_pid, struct error *err);

/* Names of the steps in order, for the manual's test; NULL after the last. */
const char *spawn_step_name(unsigned index);

#endif
