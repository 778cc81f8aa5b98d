/* SPDX-License-Identifier: ISC */
/*
 * Descriptors. The case that takes close_range(2) away from the process comes last: the
 * filter stays.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "usherd/base/fd.h"

static bool is_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	assert_int_not_equal(flags, -1);
	return (flags & FD_CLOEXEC) != 0;
}

static void closes_once_and_sets_to_none(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int copy = fd;

	(void)state;
	assert_int_not_equal(fd, -1);
	errno = ERANGE;
	fd_close(&fd);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(copy, F_GETFD), -1);
	errno = ERANGE;
	fd_close(&fd);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(fd, -1);
}

static void keeps_errno_even_when_close_fails(void **state)
{
	int fd = INT_MAX;

	(void)state;
	errno = ERANGE;
	fd_close(&fd);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(fd, -1);
}

static void sets_and_clears_nonblock_and_nothing_else(void **state)
{
	int fd = open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC);
	int before = fcntl(fd, F_GETFL);

	(void)state;
	assert_int_equal(fd_set_nonblock(fd, true), 0);
	assert_int_equal(fcntl(fd, F_GETFL), before | O_NONBLOCK);
	assert_int_equal(fd_set_nonblock(fd, true), 0);
	assert_int_equal(fd_set_nonblock(fd, false), 0);
	assert_int_equal(fcntl(fd, F_GETFL), before);
	fd_close(&fd);
}

static void sets_and_clears_cloexec(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(fd_set_cloexec(fd, false), 0);
	assert_false(is_cloexec(fd));
	assert_int_equal(fd_set_cloexec(fd, true), 0);
	assert_true(is_cloexec(fd));
	fd_close(&fd);
}

static void reports_what_is_no_descriptor(void **state)
{
	(void)state;
	assert_int_equal(fd_set_nonblock(-1, true), -EBADF);
	assert_int_equal(fd_set_cloexec(-1, true), -EBADF);
	assert_int_equal(fd_cloexec_from(-1), -EINVAL);
	assert_int_equal(fd_cloexec_from(INT_MAX), 0);
}

/* Three inheritable descriptors in a row; all but the first are to be marked. */
static void assert_marks_from_the_second(void)
{
	int fds[3];

	for (int i = 0; i < 3; i++) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		fds[i] = fcntl(fd, F_DUPFD, 100 + 10 * i);
		assert_int_not_equal(fds[i], -1);
		fd_close(&fd);
	}
	assert_int_equal(fd_cloexec_from(fds[1]), 0);
	assert_false(is_cloexec(fds[0]));
	assert_true(is_cloexec(fds[1]));
	assert_true(is_cloexec(fds[2]));
	for (int i = 0; i < 3; i++)
		fd_close(&fds[i]);
}

static void marks_every_descriptor_from_the_given_one(void **state)
{
	(void)state;
	assert_marks_from_the_second();
}

static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			count++;
	return count;
}

static void opens_null_on_closed_standard_descriptors(void **state)
{
	int before = open_descriptors();
	struct stat null;
	struct stat opened[3];
	int flags[3];
	int saved[3];
	int result;

	(void)state;
	for (int fd = 0; fd < 3; fd++)
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 200);
	/* Nothing may be asserted before the output is back. */
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	result = fd_fill_standard();
	for (int fd = 0; fd < 3; fd++) {
		flags[fd] = fcntl(fd, F_GETFD);
		(void)fstat(fd, &opened[fd]);
		(void)dup2(saved[fd], fd);
		fd_close(&saved[fd]);
	}
	assert_int_equal(result, 0);
	assert_int_equal(stat("/dev/null", &null), 0);
	for (int fd = 0; fd < 3; fd++) {
		assert_int_equal(flags[fd], 0);
		assert_true(opened[fd].st_rdev == null.st_rdev);
	}
	assert_int_equal(open_descriptors(), before);
}

static void leaves_open_standard_descriptors_alone(void **state)
{
	struct stat before[3];
	struct stat after;

	(void)state;
	for (int fd = 0; fd < 3; fd++)
		assert_int_equal(fstat(fd, &before[fd]), 0);
	assert_int_equal(fd_fill_standard(), 0);
	for (int fd = 0; fd < 3; fd++) {
		assert_int_equal(fstat(fd, &after), 0);
		assert_true(after.st_ino == before[fd].st_ino);
		assert_true(after.st_dev == before[fd].st_dev);
	}
}

static void works_where_close_range_is_missing(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	(void)state;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1)
		skip();
	assert_int_equal(syscall(SYS_close_range, 1000, 1000, 0), -1);
	assert_int_equal(errno, ENOSYS);
	assert_marks_from_the_second();
	assert_int_equal(fd_cloexec_from(INT_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closes_once_and_sets_to_none),
		cmocka_unit_test(keeps_errno_even_when_close_fails),
		cmocka_unit_test(sets_and_clears_nonblock_and_nothing_else),
		cmocka_unit_test(sets_and_clears_cloexec),
		cmocka_unit_test(reports_what_is_no_descriptor),
		cmocka_unit_test(marks_every_descriptor_from_the_given_one),
		cmocka_unit_test(opens_null_on_closed_standard_descriptors),
		cmocka_unit_test(leaves_open_standard_descriptors_alone),
		cmocka_unit_test(works_where_close_range_is_missing),
	};

	return cmocka_run_group_tests_name("base/fd", tests, NULL, NULL);
}
