/* SPDX-License-Identifier: ISC */
/* The descriptors of a start when they are, or the starter lacks, the standard ones. */
#include "test.h"

#include "launch.h"

/* Where connection and log stand in the starter. */
struct arrangement {
	int connection;
	int log;
	bool bare; /* nothing else on 0, 1, 2 */
	struct launch *launch;
	int log_pipe;
};

static const struct arrangement arrangements[] = {
	{ 0, 1, false, NULL, -1 },  { 1, 0, false, NULL, -1 },
	{ 0, 2, false, NULL, -1 },  { 2, 0, false, NULL, -1 },
	{ 1, 2, false, NULL, -1 },  { 2, 1, false, NULL, -1 },
	{ 2, 40, false, NULL, -1 }, { 40, 2, false, NULL, -1 },
	{ 40, 1, false, NULL, -1 }, { 40, 0, false, NULL, -1 },
	{ 40, 41, true, NULL, -1 }, { 0, 41, true, NULL, -1 },
	{ 40, 0, true, NULL, -1 },  { 1, 2, true, NULL, -1 },
};

static int arrange_and_start(void *argument)
{
	struct arrangement *arrangement = argument;
	struct launch *launch = arrangement->launch;

	if (arrangement->bare && close_range(0, 2, 0) != 0)
		return 2;
	if (dup2(launch->theirs, arrangement->connection) == -1 ||
	    dup2(arrangement->log_pipe, arrangement->log) == -1)
		return 3;
	launch->invocation.fd = arrangement->connection;
	launch->invocation.stderr_fd = arrangement->log;
	if (launch_start(launch) != 0)
		return 4;
	return waitpid(launch->pid, NULL, 0) == launch->pid ? 0 : 5;
}

static void receive(int fd, char *buffer, size_t size)
{
	ssize_t n = read(fd, buffer, size - 1);

	assert_true(n >= 0);
	buffer[n] = '\0';
}

static void puts_every_descriptor_in_its_place(void **state)
{
	for (size_t i = 0; i < sizeof(arrangements) / sizeof(arrangements[0]); i++) {
		struct arrangement arrangement = arrangements[i];
		struct launch launch;
		int pipes[2];

		assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
		launch_shell(&launch, state,
			     "read line; echo $line; echo err >&2; ls /proc/self/fd");
		launch.program->stderr_target = STDERR_LOG;
		assert_int_equal(write(launch.ours, "out\n", 4), 4);
		arrangement.launch = &launch;
		arrangement.log_pipe = pipes[1];
		assert_exit(in_child(arrange_and_start, &arrangement), 0);
		assert_int_equal(close(pipes[1]), 0);
		assert_int_equal(shutdown(launch.theirs, SHUT_WR), 0);
		for (size_t used = 0; used < 12;) {
			receive(launch.ours, launch.output + used, OUTPUT_SIZE - used);
			assert_int_not_equal(launch.output[used], '\0');
			used = strlen(launch.output);
		}
		assert_string_equal(launch.output, "out\n0\n1\n2\n3\n");
		receive(pipes[0], launch.output, OUTPUT_SIZE);
		assert_string_equal(launch.output, "err\n");
		assert_int_equal(close(pipes[0]), 0);
		launch_done(&launch);
	}
}

/* Without a log, whatever stands on 2 in the starter must not reach the program. */
static int start_bare(void *argument)
{
	struct launch *launch = argument;

	if (close_range(0, 2, 0) != 0)
		return 2;
	if (launch_start(launch) != 0)
		return 3;
	return waitpid(launch->pid, NULL, 0) == launch->pid ? 0 : 4;
}

static void opens_the_null_device_above_the_standard_descriptors(void **state)
{
	struct launch launch;

	launch_shell(&launch, state, "readlink /proc/self/fd/2; echo out; echo err >&2");
	launch.program->stderr_target = STDERR_NULL;
	assert_exit(in_child(start_bare, &launch), 0);
	assert_int_equal(shutdown(launch.theirs, SHUT_WR), 0);
	launch.output[0] = '\0';
	for (size_t used = 0; used < 14; used = strlen(launch.output))
		receive(launch.ours, launch.output + used, OUTPUT_SIZE - used);
	assert_string_equal(launch.output, "/dev/null\nout\n");
	launch_done(&launch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_every_descriptor_in_its_place),
		cmocka_unit_test(opens_the_null_device_above_the_standard_descriptors),
	};
	int failed =
		cmocka_run_group_tests_name("shared", tests, set_up_shared, tear_down);

	return failed +
	       cmocka_run_group_tests_name("forking", tests, set_up_forking, tear_down);
}
