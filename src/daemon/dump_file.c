/* SPDX-License-Identifier: ISC */
/* A place that others may be able to prepare, and what a daemon run by root leaves there:
 * its file is looked at before anything is written. */
#include "usherd/daemon/dump_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/daemon/state_dump.h"

static bool is_own(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       status.st_nlink == 1 && status.st_uid == geteuid();
}

/* Takes @fd. */
static int write_to(const struct server *server, int fd)
{
	FILE *out = fdopen(fd, "a");
	int r;

	if (out == NULL) {
		r = -errno;
		fd_close(&fd);
		return r;
	}
	r = state_dump(server, out);
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	return r;
}

int dump_append(const struct server *server, const char *path, struct error *err)
{
	/* O_NONBLOCK: a FIFO put in its place must not hold us up in open(2). */
	int fd = open(path,
		      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK |
			      O_CLOEXEC,
		      0600);
	int r;

	if (fd == -1)
		return error_set_errno(err, -errno, "cannot open '%s' for the state",
				       path);
	if (!is_own(fd)) {
		fd_close(&fd);
		return error_set(err, -EPERM,
				 "'%s' is not a file of this user's own; the state is "
				 "not written there",
				 path);
	}
	r = write_to(server, fd);
	return r < 0 ? error_set_errno(err, r, "cannot write the state to '%s'", path)
		     : 0;
}
