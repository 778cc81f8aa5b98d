/* SPDX-License-Identifier: ISC */
/* What the daemon's suites share: a folder of their own, and children whose exit status
 * is the answer. */
#ifndef USHERD_TEST_DAEMON_BENCH_H
#define USHERD_TEST_DAEMON_BENCH_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

struct bench {
	char folder[32];
	char path[64]; /* of the file a test is about, in the folder; not there yet */
};

static inline int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (bench == NULL)
		return -1;
	(void)snprintf(bench->folder, sizeof(bench->folder), "/tmp/usherd-XXXXXX");
	if (mkdtemp(bench->folder) == NULL)
		return -1;
	(void)snprintf(bench->path, sizeof(bench->path), "%s/file", bench->folder);
	/* What blocks must fail, not hang. */
	(void)alarm(30);
	*state = bench;
	return 0;
}

static inline int bench_remove(const char *path, const struct stat *status, int type,
			       struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static inline int bench_teardown(void **state)
{
	struct bench *bench = *state;

	(void)alarm(0);
	(void)nftw(bench->folder, bench_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(bench);
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

/* The exit status of @pid; 200 and the signal's number if one ended it. */
static inline int bench_await(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

/* End a child, whose counters a coverage build wants. */
static inline _Noreturn void bench_leave(int status)
{
#ifdef USHERD_COVERAGE
	extern void __gcov_dump(void);

	__gcov_dump();
#endif
	_exit(status);
}

/* The exit status of a child that runs @body. */
static inline int bench_in_child(int (*body)(void *data), void *data)
{
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0)
		bench_leave(body(data));
	return bench_await(pid);
}

/* In a child: fail with the line's number on standard error. */
#define REQUIRE(condition)                                                               \
	do {                                                                             \
		if (!(condition)) {                                                      \
			(void)fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, \
				      strerror(errno));                                  \
			return 1;                                                        \
		}                                                                        \
	} while (0)

static inline void bench_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline void bench_read(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	assert_int_not_equal(fd, -1);
	length = read(fd, buffer, size - 1);
	(void)close(fd);
	assert_true(length >= 0);
	buffer[length] = '\0';
}

#endif
