/* SPDX-License-Identifier: ISC */
/* One start of a program with a connection, for the suites of spawn.h. Every group runs
 * once for each way of making the process. */
#ifndef USHERD_LAUNCH_H
#define USHERD_LAUNCH_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "exec_test.h"
#include "usherd/exec/spawn.h"

#define OUTPUT_SIZE 8192

struct launch {
	struct spawner *spawner;
	struct program program;
	int ours;   /* the client's end */
	int theirs; /* the program's connection */
	struct invocation invocation;
	pid_t pid;
	struct error err;
	char output[OUTPUT_SIZE];
};

static inline int set_up_shared(void **state)
{
	struct spawner *spawner;

	if (spawner_new(&spawner, NULL) != 0)
		return -1;
	*state = spawner;
	return 0;
}

static inline int set_up_forking(void **state)
{
	struct spawner *spawner;

	if (spawner_new_forking(&spawner, NULL) != 0)
		return -1;
	*state = spawner;
	return 0;
}

static inline int tear_down(void **state)
{
	spawner_free(*state);
	return 0;
}

static inline void launch_add(struct launch *launch, const char *argument)
{
	assert_int_equal(strings_add(&launch->program.argv, argument), 0);
}

static inline void launch_init(struct launch *launch, void **state, const char *path)
{
	int ends[2];

	memset(launch, 0, sizeof(*launch));
	launch->spawner = *state;
	launch->program.path = strdup(path);
	assert_non_null(launch->program.path);
	launch_add(launch, path);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	launch->ours = ends[0];
	launch->theirs = ends[1];
	launch->invocation.fd = launch->theirs;
	launch->invocation.stderr_fd = -1;
	launch->pid = -7;
}

static inline void launch_shell(struct launch *launch, void **state, const char *script)
{
	launch_init(launch, state, "/bin/sh");
	launch_add(launch, "-c");
	launch_add(launch, script);
}

static inline void launch_done(struct launch *launch)
{
	if (launch->theirs != -1)
		(void)close(launch->theirs);
	(void)close(launch->ours);
	program_done(&launch->program);
}

/* As another user; the groups are copied. */
static inline void launch_as(struct launch *launch, uid_t uid, gid_t gid,
			     const gid_t *groups, size_t count)
{
	struct credentials *credentials = &launch->program.credentials;

	credentials->change = true;
	credentials->uid = uid;
	credentials->gid = gid;
	if (count > 0) {
		credentials->groups = calloc(count, sizeof(*groups));
		assert_non_null(credentials->groups);
		memcpy(credentials->groups, groups, count * sizeof(*groups));
		credentials->group_count = count;
	}
}

/* Does not assert: also called in children of the suite. */
static inline int launch_start(struct launch *launch)
{
	char own[] = "OWN=daemon";
	char *const environment[] = { own, NULL };
	struct plan *plan;
	int r = plan_new(&launch->program, environment, &plan, &launch->err);

	if (r < 0)
		return r;
	r = spawn_program(launch->spawner, plan, &launch->invocation, &launch->pid,
			  &launch->err);
	plan_free(plan);
	return r;
}

/* Read until the program has closed its end, and reap it; returns its wait status. */
static inline int launch_finish(struct launch *launch)
{
	size_t used = 0;
	int status = -1;
	ssize_t n;

	(void)close(launch->theirs);
	launch->theirs = -1;
	while ((n = read(launch->ours, launch->output + used, OUTPUT_SIZE - 1 - used)) >
	       0)
		used += (size_t)n;
	launch->output[used] = '\0';
	assert_int_equal(waitpid(launch->pid, &status, 0), launch->pid);
	return status;
}

static inline void launch_run(struct launch *launch)
{
	int r = launch_start(launch);

	if (r != 0)
		print_error("%s\n", launch->err.text);
	assert_int_equal(r, 0);
	assert_exit(launch_finish(launch), 0);
}

static inline void assert_output(struct launch *launch, const char *expected)
{
	launch_run(launch);
	assert_string_equal(launch->output, expected);
	launch_done(launch);
}

/* A line of the output that begins with @name, without it and without the newline. */
static inline const char *output_line(struct launch *launch, const char *name)
{
	static char line[256];
	const char *at = strstr(launch->output, name);
	size_t length;

	assert_non_null(at);
	at += strlen(name);
	at += strspn(at, " \t");
	length = strcspn(at, "\n");
	assert_true(length < sizeof(line));
	memcpy(line, at, length);
	line[length] = '\0';
	return line;
}

#endif
