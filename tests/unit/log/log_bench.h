/* SPDX-License-Identifier: ISC */
/* What the log suites share: a place of their own, standard error caught in a pipe, and
 * numbered lines whose gaps can be checked. */
#ifndef USHERD_TEST_LOG_BENCH_H
#define USHERD_TEST_LOG_BENCH_H

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../src/log/log_internal.h"

#define CATCH_MAX (4 * 1024 * 1024)

struct bench {
	char folder[32];
	char path[64]; /* of the file or socket a test uses */
	int saved_stderr;
	int caught; /* read end of what stands at descriptor 2, -1 */
	char *text; /* what was read, NUL-terminated */
	size_t length;
	struct log *log;
	unsigned changes;
};

/* A log that blocks must fail its test, not hang it. */
static inline int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench)
		return -1;
	bench->text = calloc(1, CATCH_MAX);
	(void)snprintf(bench->folder, sizeof(bench->folder), "/tmp/usherd-log-XXXXXX");
	if (!bench->text || !mkdtemp(bench->folder))
		return -1;
	(void)snprintf(bench->path, sizeof(bench->path), "%s/log", bench->folder);
	bench->caught = -1;
	bench->saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)alarm(50);
	*state = bench;
	return bench->saved_stderr == -1 ? -1 : 0;
}

static inline int bench_remove(const char *path, const struct stat *status, int type,
			       struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void bench_release_stderr(struct bench *bench)
{
	(void)dup2(bench->saved_stderr, STDERR_FILENO);
	if (bench->caught != -1)
		(void)close(bench->caught);
	bench->caught = -1;
}

static inline int bench_teardown(void **state)
{
	struct bench *bench = *state;

	/* What a failed case left in the queue is of no interest. */
	(void)close(STDERR_FILENO);
	log_free(bench->log);
	bench_release_stderr(bench);
	(void)close(bench->saved_stderr);
	(void)nftw(bench->folder, bench_remove, 8, FTW_DEPTH | FTW_PHYS);
	(void)alarm(0);
	free(bench->text);
	free(bench);
	return 0;
}

/* @write_end becomes standard error; what comes out of @read_end is what it was told. */
static inline void bench_catch(struct bench *bench, int read_end, int write_end)
{
	if (bench->caught != -1)
		(void)close(bench->caught);
	assert_int_equal(fcntl(read_end, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(dup2(write_end, STDERR_FILENO), STDERR_FILENO);
	(void)close(write_end);
	bench->caught = read_end;
	bench->length = 0;
	bench->text[0] = '\0';
}

static inline void bench_catch_pipe(struct bench *bench)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	bench_catch(bench, ends[0], ends[1]);
}

/* Read what there is. Returns how much it was. */
static inline size_t bench_read(struct bench *bench, int fd)
{
	size_t before = bench->length;
	ssize_t count;

	while ((count = read(fd, bench->text + bench->length,
			     CATCH_MAX - 1 - bench->length)) > 0)
		bench->length += (size_t)count;
	bench->text[bench->length] = '\0';
	return bench->length - before;
}

static inline void bench_read_file(struct bench *bench, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_not_equal(fd, -1);
	bench->length = 0;
	(void)bench_read(bench, fd);
	(void)close(fd);
}

static inline void bench_count_change(void *data)
{
	struct bench *bench = data;

	bench->changes++;
}

/* The syslog socket is bench->path. */
static inline void bench_open(struct bench *bench, const char *target_text)
{
	struct log_target target;

	assert_int_equal(log_target_parse(target_text, &target, NULL), 0);
	assert_int_equal(log_new_with_socket(&target, "usherd", LOG_LEVEL_DEBUG,
					     bench->path, &bench->log, NULL),
			 0);
	log_target_done(&target);
	log_on_waiting(bench->log, bench_count_change, bench);
}

static inline void bench_open_file(struct bench *bench)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "file:%s", bench->path);
	bench_open(bench, text);
}

/* "... line N" for N from 0 on, with gaps only where a line says so. Returns N after the
 * last line seen. */
static inline unsigned bench_check_sequence(const struct bench *bench)
{
	unsigned next = 0;
	char *copy = strdup(bench->text);
	char *rest = copy;
	char *line;

	assert_non_null(copy);
	while ((line = strsep(&rest, "\n")) && line[0]) {
		const char *number = strstr(line, "line ");
		const char *lost = strstr(line, " were lost");
		const char *gap = strstr(line, "warning: ");

		if (lost) {
			assert_non_null(gap);
			next += (unsigned)strtoul(gap + strlen("warning: "), NULL, 10);
			continue;
		}
		if (!number || strtoul(number + strlen("line "), NULL, 10) != next)
			fail_msg("expected line %u, got '%s'", next, line);
		next++;
	}
	free(copy);
	return next;
}

#endif
