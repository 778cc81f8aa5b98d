/* SPDX-License-Identifier: ISC */
/*
 * Confinement of a worker: what usherd's own unprivileged process gives up before it
 * serves its first byte. Called in the forked worker, may allocate.
 */
#ifndef USHERD_EXEC_CONFINE_H
#define USHERD_EXEC_CONFINE_H

#include <stdbool.h>

#include "usherd/base/error.h"
#include "usherd/model/program.h"

struct confinement {
	const struct credentials *credentials;
	bool root; /* the daemon is root: empty root directory and id change possible */
	/* A coverage build, which has to write its counters to the daemon's files at its
	 * end: root directory, ids, file size limit and filter are left out. */
	bool instrumented;
};

/*
 * In order: bounding capabilities dropped (libcap-ng); empty root directory (a read-only
 * tmpfs, alone in a private mount namespace; where mounting is refused, chroot into a
 * deleted directory), groups, gid, uid, all other capabilities dropped, proof,
 * RLIMIT_NPROC / CORE / FSIZE 0, not dumpable, no_new_privs, seccomp allow-list
 * (libseccomp) that kills on anything a worker does not need. A step that cannot be taken
 * is an error; without root, the steps that need it are left out. Credentials of root are
 * -EINVAL. Returns 0 or a negative errno, err->text being "confinement, NAME: reason";
 * after a failure the process is half-confined and must end.
 *
 * The caller does before: tzset(3), opening whatever it will need. After: no file is
 * opened, no socket made, no process started, no address looked up; sockets are received
 * by accept4 only. The end is _exit(2), since what sanitizers do at exit is not allowed.
 */
int confine_worker(const struct confinement *confinement, struct error *err);

#endif
