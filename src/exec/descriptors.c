/* SPDX-License-Identifier: ISC */
/*
 * The descriptors of a program: the connection on 0 and 1, standard error on 2, nothing
 * else. Runs in the child; its table is its own (no CLONE_FILES).
 */
#include "exec_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdint.h>

#include "raw.h"

/* The descriptor, or a copy of it where the standard ones are about to be put. */
static int lift(int fd)
{
	if (fd > STDERR_FILENO)
		return fd;
	return RAW_CALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static int open_null(void)
{
	int fd = RAW_CALL(SYS_openat, AT_FDCWD, "/dev/null",
			  O_WRONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? fd : lift(fd);
}

static int find_stderr(const struct start *start, int connection)
{
	switch (start->program->stderr_target) {
	case STDERR_CONNECTION:
		return connection;
	case STDERR_LOG:
		return lift(start->stderr_fd);
	case STDERR_NULL:
		return open_null();
	}
	return -EINVAL;
}

/* The number a name in /proc/self/fd stands for; -1 for "." and "..". */
static int parse_descriptor(const char *name)
{
	int value = 0;

	for (; *name != '\0'; name++) {
		if (*name < '0' || *name > '9' || value > (INT_MAX - 9) / 10)
			return -1;
		value = value * 10 + (*name - '0');
	}
	return value;
}

static int mark_entries(const char *entries, int length)
{
	for (int at = 0; at < length;) {
		const struct dirent64 *entry = (const void *)(entries + at);
		int fd = parse_descriptor(entry->d_name);

		if (fd > STDERR_FILENO) {
			int r = RAW_CALL(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);

			if (r < 0)
				return r;
		}
		at += entry->d_reclen;
	}
	return 0;
}

/* Not readdir(3), which allocates. */
static int mark_listed(void)
{
	_Alignas(struct dirent64) char entries[1024] = { 0 };
	int directory = RAW_CALL(SYS_openat, AT_FDCWD, "/proc/self/fd",
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (directory < 0)
		return directory;
	for (;;) {
		int length =
			RAW_CALL(SYS_getdents64, directory, entries, sizeof(entries));
		int r = length > 0 ? mark_entries(entries, length) : length;

		if (r < 0 || length == 0)
			return r;
	}
}

/*
 * Every descriptor of ours is close-on-exec from birth; this holds for those of
 * libraries and of whoever started us. Marked, not closed: exec closes them at no
 * further cost, and the pipe of a forking spawner must stay open until then.
 */
static int mark_all(void)
{
	int r = RAW_CALL(SYS_close_range, STDERR_FILENO + 1, UINT_MAX,
			 CLOSE_RANGE_CLOEXEC);

	/* ENOSYS: before Linux 5.9; EINVAL: before 5.11; EPERM: filters that know no
	 * newer calls. */
	return r < 0 ? mark_listed() : r;
}

static int make_blocking(int fd)
{
	int flags = RAW_CALL(SYS_fcntl, fd, F_GETFL);

	if (flags < 0 || (flags & O_NONBLOCK) == 0)
		return flags < 0 ? flags : 0;
	return RAW_CALL(SYS_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
}

int descriptors_apply(const struct start *start)
{
	int connection = lift(start->fd);
	int errors;
	int r;

	if (connection < 0)
		return connection;
	errors = find_stderr(start, connection);
	if (errors < 0)
		return errors;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int source = fd == STDERR_FILENO ? errors : connection;

		r = RAW_CALL(SYS_dup3, source, fd, 0);
		if (r < 0)
			return r;
	}
	r = mark_all();
	return r < 0 ? r : make_blocking(STDIN_FILENO);
}
