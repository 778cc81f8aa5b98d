/* SPDX-License-Identifier: ISC */
/*
 * A program whose starts stand still in execve(2) until they are let go: its file has a
 * write lease, which whoever opens it has to wait for (fcntl(2), "Leases"), for as long
 * as /proc/sys/fs/lease-break-time, 45 s, at most.
 */
#ifndef USHERD_HELD_PROGRAM_H
#define USHERD_HELD_PROGRAM_H

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

struct held_program {
	char path[32];
	int fd;
};

/* @script begins with "#!". The test is skipped where there are no leases. */
static inline void held_program_make(struct held_program *program, const char *script)
{
	int fd;

	(void)strncpy(program->path, "/tmp/usherd-held-XXXXXX", sizeof(program->path));
	fd = mkostemp(program->path, O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, script, strlen(script)), strlen(script));
	assert_int_equal(fchmod(fd, 0755), 0);
	assert_int_equal(close(fd), 0);
	program->fd = open(program->path, O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(program->fd, -1);
	/* Who waits is announced by this signal. */
	assert_true(signal(SIGIO, SIG_IGN) != SIG_ERR);
	if (fcntl(program->fd, F_SETLEASE, F_WRLCK) == 0)
		return;
	(void)close(program->fd);
	(void)unlink(program->path);
	skip();
}

static inline void held_program_let_go(const struct held_program *program)
{
	assert_int_equal(fcntl(program->fd, F_SETLEASE, F_UNLCK), 0);
}

static inline void held_program_done(struct held_program *program)
{
	(void)close(program->fd);
	assert_int_equal(unlink(program->path), 0);
	assert_true(signal(SIGIO, SIG_DFL) != SIG_ERR);
}

#endif
