/* SPDX-License-Identifier: ISC */
/* Starts whose child is held up on its way: the starter gets away in time. */
#include "test.h"

#include <linux/seccomp.h>
#include <sys/ioctl.h>

#include "hold.h"
#include "launch.h"
#include "usherd/base/clock.h"

/* Of nobody: the hostile process stops all that is run by it. */
#define HOSTILE_UID 54333
#define STARTS      200

/* Deadline, time to die, time to be reaped, and a slow machine. */
#define BOUND_NS  (10 * CLOCK_NS_PER_SECOND)

#define EXIT_SKIP 77

struct scene {
	struct launch *launch; /* of a program that is held */
	struct launch *next;   /* of one that is not */
	const char *path;
};

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void end_helper(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* For no longer than its starter lives or 60 s. */
static pid_t begin_hostilities(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)alarm(60);
	if (setresuid(HOSTILE_UID, HOSTILE_UID, HOSTILE_UID) == -1 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		_exit(1);
	for (;;)
		(void)kill(-1, SIGSTOP);
}

/* Either it runs (stopped by now, perhaps) or it was ended on its way. */
static void start_in_hostility(void **state)
{
	uint64_t before = clock_monotonic_ns();
	struct launch launch;
	int r;

	launch_init(&launch, state, "/bin/true");
	launch_as(&launch, HOSTILE_UID, HOSTILE_UID, NULL, 0);
	r = launch_start(&launch);
	assert_true(clock_monotonic_ns() - before < BOUND_NS);
	if (r == 0) {
		assert_int_equal(kill(launch.pid, SIGKILL), 0);
		assert_int_equal(waitpid(launch.pid, NULL, 0), launch.pid);
	} else {
		assert_int_equal(r, -EINTR);
		assert_non_null(strstr(launch.err.text, ": stopped by a signal"));
	}
	launch_done(&launch);
}

static void gets_away_from_a_user_who_stops_every_process(void **state)
{
	pid_t hostile;

	need_root();
	hostile = begin_hostilities();
	assert_int_not_equal(hostile, -1);
	for (int i = 0; i < STARTS; i++)
		start_in_hostility(state);
	end_helper(hostile);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Stops whoever comes to execve. */
static pid_t stop_at_execve(int fd)
{
	struct seccomp_notif request = { 0 };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)alarm(60);
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request) == -1)
		_exit(1);
	_exit(kill((pid_t)request.pid, SIGSTOP) == 0 ? 0 : 2);
}

static int start_and_be_stopped(void *argument)
{
	struct scene *scene = argument;
	int fd = hold_execve();
	pid_t helper = fd == -1 ? -1 : stop_at_execve(fd);
	uint64_t before = clock_monotonic_ns();
	int status;

	if (helper == -1)
		return EXIT_SKIP;
	if (launch_start(scene->launch) != -EINTR)
		return 2;
	if (clock_monotonic_ns() - before >= BOUND_NS)
		return 3;
	if (waitpid(helper, &status, 0) != helper || status != 0)
		return 4;
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 5;
}

static void assert_played(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
		skip();
	assert_exit(status, 0);
}

static void ends_a_child_that_was_stopped(void **state)
{
	struct launch launch;
	struct scene scene = { .launch = &launch };
	int status;

	need_root();
	launch_init(&launch, state, "/bin/true");
	status = in_child(start_and_be_stopped, &scene);
	launch_done(&launch);
	assert_played(status);
	assert_string_equal(launch.err.text, "step exec: stopped by a signal");
	assert_int_equal(launch.pid, -7);
}

static int start_and_be_held(void *argument)
{
	struct scene *scene = argument;
	int before = count_descriptors();
	int fd = hold_execve();
	uint64_t begin = clock_monotonic_ns();

	if (fd == -1)
		return EXIT_SKIP;
	if (launch_start(scene->launch) != -ETIMEDOUT)
		return 2;
	if (clock_monotonic_ns() - begin < SPAWN_DEADLINE_MS * CLOCK_NS_PER_MS)
		return 3;
	if (clock_monotonic_ns() - begin >= BOUND_NS)
		return 4;
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		return 5;
	return count_descriptors() <= before + 2 ? 0 : 6;
}

static void ends_a_child_that_takes_too_long_and_can_start_again(void **state)
{
	struct launch launch;
	struct scene scene = { .launch = &launch };
	int status;

	launch_init(&launch, state, "/bin/true");
	status = in_child(start_and_be_held, &scene);
	launch_done(&launch);
	assert_played(status);
	assert_string_equal(launch.err.text, "step exec: not done within 2000 ms");
	launch_init(&launch, state, "/bin/true");
	launch_run(&launch);
	launch_done(&launch);
}

/* The child is in a sleep that SIGKILL does not end, until who serves its file does. */
static int start_and_hang(void *argument)
{
	struct scene *scene = argument;
	pid_t server = fuse_mount(scene->path);
	uint64_t begin = clock_monotonic_ns();
	int status = 0;

	if (server == -1)
		return EXIT_SKIP;
	if (launch_start(scene->launch) != -ETIMEDOUT)
		return 2;
	if (clock_monotonic_ns() - begin >= BOUND_NS)
		return 3;
	if (spawner_objection(scene->launch->pad.spawner) == NULL &&
	    prctl(PR_GET_DUMPABLE) == 1)
		return 4;
	if (launch_start(scene->next) != 0)
		return 5;
	if (waitpid(scene->next->pid, &status, 0) == -1 || status != 0)
		return 6;
	end_helper(server);
	/* Now it can go, and is found by who waits for all. */
	if (waitpid(-1, &status, 0) == -1 || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGKILL)
		return 7;
	return 0;
}

static void gives_up_a_child_that_cannot_be_killed(void **state)
{
	char path[] = "/tmp/usherd-hang-XXXXXX";
	char program[64];
	struct launch launch;
	struct launch next;
	struct scene scene = { &launch, &next, path };
	int status;

	need_root();
	assert_non_null(mkdtemp(path));
	(void)snprintf(program, sizeof(program), "%s/program", path);
	launch_init(&launch, state, program);
	launch.hangs = true;
	launch_init(&next, state, "/bin/true");
	status = in_child(start_and_hang, &scene);
	launch_done(&launch);
	launch_done(&next);
	assert_int_equal(rmdir(path), 0);
	assert_played(status);
	assert_string_equal(launch.err.text,
			    "step exec: not done within 2000 ms and cannot be killed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_away_from_a_user_who_stops_every_process),
		cmocka_unit_test(ends_a_child_that_was_stopped),
		cmocka_unit_test(ends_a_child_that_takes_too_long_and_can_start_again),
		cmocka_unit_test(gives_up_a_child_that_cannot_be_killed),
	};
	int failed =
		cmocka_run_group_tests_name("shared", tests, set_up_shared, tear_down);

	return failed +
	       cmocka_run_group_tests_name("forking", tests, set_up_forking, tear_down);
}
