/* SPDX-License-Identifier: ISC */
/*
 * The new file is made and locked under a name of its own and then renamed into place, so
 * that at every moment the name leads to a complete, locked file or to none. The lock on
 * the old file is taken first: of two starters only one gets it.
 */
#include "usherd/daemon/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usherd/base/fd.h"

static int lock(int fd, const char *path, struct error *err)
{
	struct flock request = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &request) != -1)
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return error_set_errno(err, -errno, "cannot lock '%s'", path);
	request = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (fcntl(fd, F_GETLK, &request) == -1 || request.l_type == F_UNLCK)
		return error_set(err, -EEXIST, "'%s' is locked by another process", path);
	return error_set(err, -EEXIST,
			 "another instance runs as process %d, which holds '%s'",
			 (int)request.l_pid, path);
}

static bool leads_to(const char *path, int fd)
{
	struct stat by_name, by_fd;

	return lstat(path, &by_name) == 0 && fstat(fd, &by_fd) == 0 &&
	       by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
}

/* Open and lock what is there, or an empty file. 0 with the descriptor. */
static int lock_present(const char *path, int *ret_fd, struct error *err)
{
	for (int tries = 0; tries < 10; tries++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		int r;

		if (fd == -1)
			return error_set_errno(err, -errno, "cannot open '%s'", path);
		r = lock(fd, path, err);
		if (r < 0) {
			fd_close(&fd);
			return r;
		}
		/* Somebody may have renamed another file over it meanwhile. */
		if (leads_to(path, fd)) {
			*ret_fd = fd;
			return 0;
		}
		fd_close(&fd);
	}
	return error_set(err, -EAGAIN, "'%s' keeps changing", path);
}

static int write_and_rename(const char *path, char *temporary, int *ret_fd,
			    struct error *err)
{
	char line[32];
	int length = snprintf(line, sizeof(line), "%d\n", (int)getpid());
	int fd = mkostemp(temporary, O_CLOEXEC);
	int r;

	if (fd == -1)
		return error_set_errno(err, -errno, "cannot create '%s'", temporary);
	r = lock(fd, temporary, err);
	if (r == 0 && (write(fd, line, (size_t)length) != length ||
		       fchmod(fd, 0644) == -1 || rename(temporary, path) == -1))
		r = error_set_errno(err, errno != 0 ? -errno : -EIO, "cannot write '%s'",
				    path);
	if (r < 0) {
		(void)unlink(temporary);
		fd_close(&fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int pidfile_take(const char *path, struct pidfile *ret, struct error *err)
{
	struct pidfile pidfile = { .fd = -1, .path = strdup(path) };
	char *temporary = NULL;
	int old = -1;
	int r;

	if (pidfile.path == NULL || asprintf(&temporary, "%s.XXXXXX", path) == -1) {
		free(pidfile.path);
		return error_set(err, -ENOMEM, "out of memory");
	}
	r = lock_present(path, &old, err);
	if (r == 0) {
		r = write_and_rename(path, temporary, &pidfile.fd, err);
		/* The name, if it is still that of the locked file, was ours to give. */
		if (r < 0 && leads_to(path, old))
			(void)unlink(path);
	}
	fd_close(&old);
	free(temporary);
	if (r < 0) {
		free(pidfile.path);
		return r;
	}
	*ret = pidfile;
	return 0;
}

void pidfile_release(struct pidfile *pidfile)
{
	if (pidfile->fd != -1 && leads_to(pidfile->path, pidfile->fd))
		(void)unlink(pidfile->path);
	fd_close(&pidfile->fd);
	free(pidfile->path);
	pidfile->path = NULL;
}
