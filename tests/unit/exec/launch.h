/* SPDX-License-Identifier: ISC */
/* One start of a program with a connection, for the suites of spawn.h. Every group runs
 * once for each way of making the process. */
#ifndef USHERD_LAUNCH_H
#define USHERD_LAUNCH_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "exec_test.h"
#include "usherd/exec/spawn.h"

#define OUTPUT_SIZE 8192

/* A spawner and how it is to be used: the state of a group. */
struct pad {
	struct spawner *spawner;
	enum technique technique;
};

struct launch {
	struct pad pad;
	struct service *service;
	struct program *program; /* its */
	int ours;                /* the client's end */
	int theirs;              /* the program's connection */
	struct invocation invocation;
	struct attempt attempt;
	bool hangs; /* its child cannot be reaped when the start has failed */
	pid_t pid;  /* of a program that runs */
	struct error err;
	char output[OUTPUT_SIZE];
};

static inline int set_up(void **state, enum technique technique)
{
	struct pad *pad = calloc(1, sizeof(*pad));

	if (pad == NULL || spawner_new(&pad->spawner, NULL) != 0)
		return -1;
	pad->technique = technique;
	/* As in the daemon: something for the step signals to do. */
	(void)signal(SIGXFSZ, SIG_IGN);
	*state = pad;
	return 0;
}

/* Do children share our memory here? Not in every sanitized build. */
static inline bool pad_shares(void **state)
{
	const struct pad *pad = *state;

	return spawner_objection(pad->spawner) == NULL;
}

static inline int set_up_shared(void **state)
{
	return set_up(state, TECHNIQUE_SHARED);
}

static inline int set_up_forking(void **state)
{
	return set_up(state, TECHNIQUE_FORKED);
}

static inline int tear_down(void **state)
{
	struct pad *pad = *state;

	spawner_free(pad->spawner);
	free(pad);
	(void)signal(SIGXFSZ, SIG_DFL);
	return 0;
}

static inline void launch_add(struct launch *launch, const char *argument)
{
	assert_int_equal(strings_add(&launch->program->argv, argument), 0);
}

static inline void launch_init(struct launch *launch, void **state, const char *path)
{
	int ends[2];

	memset(launch, 0, sizeof(*launch));
	launch->pad = *(struct pad *)*state;
	launch->service = service_new();
	assert_non_null(launch->service);
	launch->program = &launch->service->program;
	launch->program->path = strdup(path);
	assert_non_null(launch->program->path);
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
	service_unref(launch->service);
}

/* As another user; the groups are copied. */
static inline void launch_as(struct launch *launch, uid_t uid, gid_t gid,
			     const gid_t *groups, size_t count)
{
	struct credentials *credentials = &launch->program->credentials;

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

/* These do not assert: they are also called in children of the suite. */
static inline int launch_plan(struct launch *launch, struct plan **ret)
{
	char own[] = "OWN=daemon";
	char *const variables[] = { own, NULL };
	struct environment *environment;
	int r = environment_new(variables, &environment);

	if (r < 0)
		return r;
	r = plan_new(launch->service, environment, launch->pad.technique, ret,
		     &launch->err);
	environment_unref(environment);
	return r;
}

static inline int launch_begin(struct launch *launch)
{
	struct plan *plan;
	int r = launch_plan(launch, &plan);

	if (r < 0)
		return r;
	r = spawn_begin(launch->pad.spawner, plan, &launch->invocation, &launch->attempt,
			&launch->err);
	/* The start under way has its own reference. */
	plan_unref(plan);
	return r;
}

/* Has the process ended? It is not reaped, and counts as reaped all the same. */
static inline bool launch_look_at_end(struct launch *launch, enum spawn_state *ret)
{
	siginfo_t info = { 0 };
	int status;

	if (waitid(P_PID, (id_t)launch->attempt.pid, &info,
		   WEXITED | WNOHANG | WNOWAIT) == -1 ||
	    info.si_pid == 0)
		return false;
	status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	*ret = spawn_reaped(&launch->attempt, status, &launch->err);
	return true;
}

static inline enum spawn_state launch_settle(struct launch *launch)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	enum spawn_state state = spawn_look(&launch->attempt, &launch->err);

	while (state == SPAWN_UNDER_WAY && !launch_look_at_end(launch, &state)) {
		(void)nanosleep(&pause, NULL);
		state = spawn_look(&launch->attempt, &launch->err);
	}
	return state;
}

/* To the end of the start; a child that failed is reaped. */
static inline int launch_start(struct launch *launch)
{
	int r = launch_begin(launch);

	if (r < 0)
		return r;
	if (launch_settle(launch) == SPAWN_RUNS) {
		launch->pid = launch->attempt.pid;
		return 0;
	}
	if (!launch->hangs)
		(void)waitpid(launch->attempt.pid, NULL, 0);
	return launch->err.code;
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

/* Runs @script in which the word NICER stands for a command that says by how much the
 * program is nicer than this process. */
static inline void launch_nice_shell(struct launch *launch, void **state,
				     const char *script)
{
	char nicer[64];
	char whole[256];
	const char *at = strstr(script, "NICER");

	assert_non_null(at);
	(void)snprintf(nicer, sizeof(nicer), "echo $(($(nice) - %d))",
		       getpriority(PRIO_PROCESS, 0));
	(void)snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(at - script), script,
		       nicer, at + strlen("NICER"));
	launch_shell(launch, state, whole);
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
