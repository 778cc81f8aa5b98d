/* SPDX-License-Identifier: ISC */
/*
 * Confinement of a worker: what usherd's own unprivileged process gives up before it
 * serves its first byte. Called in the forked worker, may allocate.
 */
#ifndef USHERD_EXEC_CONFINE_H
#define USHERD_EXEC_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "usherd/base/error.h"
#include "usherd/model/program.h"

struct confinement {
	const struct credentials *credentials;
	/* Open directories beneath which files may be opened for reading. None: nowhere.
	 */
	const int *directories; /* borrowed */
	size_t directory_count;
	bool root; /* the daemon is root: empty root directory and id change possible */
	/* It makes connections of its own: TCP, UDP and UNIX stream sockets, pipes to
	 * move their bytes with, and it may enter directories that it has open. */
	bool connects;
	/* It looks up names and ends: whatever the C library does for that is allowed, by
	 * file or by network, so it keeps the root directory and has no filter, but a
	 * limit of processor time. */
	bool resolves;
	/* A coverage build, which has to write its counters to the daemon's files at its
	 * end: root directory, ids, file size limit and filter are left out. */
	bool instrumented;
};

/*
 * In order: bounding capabilities dropped (libcap-ng); empty root directory (a read-only
 * tmpfs, alone in a private mount namespace; where mounting is refused, chroot into a
 * deleted directory), groups, gid, uid, all other capabilities dropped, proof,
 * RLIMIT_NPROC / CORE / FSIZE 0, not dumpable, no_new_privs, Landlock (with directories
 * alone: nothing but reading beneath them; left out where the kernel has none), seccomp
 * allow-list (libseccomp) that kills on anything a worker does not need. A step that
 * cannot be taken is an error; without root, the steps that need it are left out.
 * Credentials of root are -EINVAL. Returns 0 or a negative errno, err->text being
 * "confinement, NAME: reason"; after a failure the process is half-confined and must end.
 *
 * The caller does before: tzset(3), opening whatever it will need. After: no file is
 * opened, but by openat2(2) if there are directories; no process started, no address
 * looked up; no socket made but by one that connects, which may reach whatever its user
 * could by the network, and the UNIX sockets below the directories that it has open. The
 * end is _exit(2), since what sanitizers do at exit is not allowed.
 */
int confine_worker(const struct confinement *confinement, struct error *err);

#endif
