/* SPDX-License-Identifier: ISC */
/*
 * What is done to descriptors of any kind. Sockets and pipes are made elsewhere, with
 * the flags they need from birth.
 */
#include "usherd/base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "usherd/base/units.h"

static int set_flag(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);
	int wanted;

	if (flags == -1)
		return -errno;
	wanted = on ? flags | flag : flags & ~flag;
	if (wanted != flags && fcntl(fd, set, wanted) == -1)
		return -errno;
	return 0;
}

/* For kernels before 5.11: ask /proc which descriptors there are. */
static int cloexec_listed(int first)
{
	DIR *directory = opendir("/proc/thread-self/fd");
	struct dirent *entry;
	int result = 0;

	if (directory == NULL)
		return -errno;
	for (;;) {
		uint64_t fd;

		errno = 0;
		entry = readdir(directory);
		if (entry == NULL)
			break;
		if (units_parse_unsigned(entry->d_name, (uint64_t)first, INT_MAX, &fd,
					 NULL) != 0)
			continue;
		result = fd_set_cloexec((int)fd, true);
		if (result != 0)
			break;
	}
	if (entry == NULL)
		result = -errno;
	(void)closedir(directory);
	return result;
}

void fd_close(int *fd)
{
	int saved = errno;

	/* Not repeated after EINTR: Linux has released the descriptor by then, close(2).
	 */
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_set_nonblock(int fd, bool nonblock)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, nonblock);
}

int fd_set_cloexec(int fd, bool cloexec)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, cloexec);
}

int fd_cloexec_from(int first)
{
	if (first < 0)
		return -EINVAL;
	/* By number, because not every C library has the wrapper. ENOSYS: before Linux
	 * 5.9; EINVAL: before 5.11, which knows no flags; EPERM: some containers. */
	if (syscall(SYS_close_range, (unsigned)first, UINT_MAX, CLOSE_RANGE_CLOEXEC) !=
	    -1)
		return 0;
	if (errno != ENOSYS && errno != EINVAL && errno != EPERM)
		return -errno;
	return cloexec_listed(first);
}

int fd_fill_standard(void)
{
	for (int wanted = STDIN_FILENO; wanted <= STDERR_FILENO; wanted++) {
		int fd;

		if (fcntl(wanted, F_GETFD) != -1)
			continue;
		if (errno != EBADF)
			return -errno;
		/* The lowest free number is the wanted one: those below are open. */
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd == -1)
			return -errno;
		/* Standard descriptors are there to be inherited: a program without
		 * them would take the next file it opens for its standard error. */
		(void)fd_set_cloexec(fd, false);
	}
	return 0;
}
