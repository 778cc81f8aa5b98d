/* SPDX-License-Identifier: ISC */
/* Pipes for splicing: how many, how wide, and what happens when there are none. */
#include "relay_bench.h"

#include <fcntl.h>
#include <sys/wait.h>

/* Nobody else's, so that what it uses up is nobody else's, either. */
#define SOMEBODY 54321

static void take_all(struct relay_pipes *pipes, struct relay_pipe **taken, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		taken[i] = relay_pipes_take(pipes);
		assert_non_null(taken[i]);
	}
}

static void give_all(struct relay_pipes *pipes, struct relay_pipe **taken, size_t count)
{
	for (size_t i = 0; i < count; i++)
		relay_pipes_give(pipes, taken[i], true);
}

static void empty_pipe_is_used_again(void **state)
{
	struct relay_pipes pipes = { 0 };
	struct relay_pipe *first = relay_pipes_take(&pipes);

	(void)state;
	assert_non_null(first);
	relay_pipes_give(&pipes, first, true);
	assert_ptr_equal(relay_pipes_take(&pipes), first);
	assert_int_equal(pipes.count, 1);
	relay_pipes_give(&pipes, first, true);
	relay_pipes_done(&pipes);
	assert_int_equal(pipes.count, 0);
	assert_int_equal(pipes.wide_count, 0);
	assert_int_equal(pipes.idle_count, 0);
}

static void pipe_with_something_in_it_is_closed(void **state)
{
	struct relay_pipes pipes = { 0 };
	struct relay_pipe *pipe = relay_pipes_take(&pipes);
	int out;

	(void)state;
	assert_non_null(pipe);
	out = pipe->out;
	assert_int_equal(write(pipe->in, "x", 1), 1);
	relay_pipes_give(&pipes, pipe, false);
	assert_int_equal(pipes.count, 0);
	assert_int_equal(pipes.wide_count, 0);
	assert_int_equal(fcntl(out, F_GETFD), -1);
}

static void first_pipes_are_wide_the_others_as_the_kernel_makes_them(void **state)
{
	struct relay_pipes pipes = { 0 };
	struct relay_pipe *taken[RELAY_PIPES_WIDE + 2];
	size_t count = sizeof(taken) / sizeof(taken[0]);

	(void)state;
	take_all(&pipes, taken, count);
	if (!taken[0]->wide) {
		give_all(&pipes, taken, count);
		relay_pipes_done(&pipes);
		skip();
	}
	for (size_t i = 0; i < count; i++) {
		int size = fcntl(taken[i]->in, F_GETPIPE_SZ);

		assert_int_equal(taken[i]->wide, i < RELAY_PIPES_WIDE);
		if (taken[i]->wide)
			assert_int_equal(size, RELAY_PIPE_BYTES);
		assert_true(size >= RELAY_PIPE_LEAST);
	}
	assert_int_equal(pipes.wide_count, RELAY_PIPES_WIDE);
	/* Whichever came back last, a wide one is taken first. */
	give_all(&pipes, taken, count);
	take_all(&pipes, taken, 1);
	assert_true(taken[0]->wide);
	give_all(&pipes, taken, 1);
	relay_pipes_done(&pipes);
	assert_int_equal(pipes.count, 0);
}

static void pipes_are_counted_and_few_stay_open(void **state)
{
	struct relay_pipes pipes = { 0 };
	struct relay_pipe *taken[RELAYS_PIPES];

	(void)state;
	if (!allow_descriptors(RELAYS_PIPES * 2 + 32))
		skip();
	take_all(&pipes, taken, RELAYS_PIPES);
	assert_null(relay_pipes_take(&pipes));
	assert_int_equal(pipes.count, RELAYS_PIPES);
	give_all(&pipes, taken, RELAYS_PIPES);
	assert_in_range(pipes.count, 1, 64);
	assert_int_equal(pipes.count, pipes.idle_count);
	relay_pipes_done(&pipes);
}

static void nobody_asks_again_at_once_when_there_are_no_descriptors(void **state)
{
	struct relay_pipes pipes = { 0 };
	struct rlimit limit, none;
	struct relay_pipe *pipe = NULL;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_null(relay_pipes_take(&pipes));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(pipes.count, 0);
	assert_null(relay_pipes_take(&pipes));
	for (int i = 0; i < 1000 && pipe == NULL; i++)
		pipe = relay_pipes_take(&pipes);
	assert_non_null(pipe);
	relay_pipes_give(&pipes, pipe, true);
	relay_pipes_done(&pipes);
}

/* What the user has used up of pipe-user-pages-soft: 1 MB for each. */
static int use_pages_up(void)
{
	for (int i = 0; i < 1024; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) == -1)
			return -1;
		if (fcntl(ends[0], F_SETPIPE_SZ, RELAY_PIPE_BYTES) == -1) {
			/* The rest of it, in the kernel's usual size. */
			for (int j = 0; j < 64; j++)
				if (pipe2(ends, O_CLOEXEC) == -1)
					return -1;
			return 0;
		}
	}
	return -1;
}

/* 0: as it should be; 1: not; 2: cannot be tried. */
static int take_without_pages(void)
{
	struct relay_pipes pipes = { 0 };
	struct relay_pipe *pipe;
	int ends[2];

	if (setgid(SOMEBODY) == -1 || setuid(SOMEBODY) == -1 || use_pages_up() < 0 ||
	    pipe2(ends, O_CLOEXEC) == -1 ||
	    fcntl(ends[0], F_GETPIPE_SZ) >= RELAY_PIPE_LEAST)
		return 2;
	pipe = relay_pipes_take(&pipes);
	return pipe == NULL && pipes.count == 0 && pipes.wide_count == 0 ? 0 : 1;
}

static void pipes_of_two_pages_are_worse_than_none(void **state)
{
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0 || !allow_descriptors(2048))
		skip();
	child = fork();
	if (child == 0)
		_exit(take_without_pages());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_pipe_is_used_again),
		cmocka_unit_test(pipe_with_something_in_it_is_closed),
		cmocka_unit_test(
			first_pipes_are_wide_the_others_as_the_kernel_makes_them),
		cmocka_unit_test(pipes_are_counted_and_few_stay_open),
		cmocka_unit_test(nobody_asks_again_at_once_when_there_are_no_descriptors),
		cmocka_unit_test(pipes_of_two_pages_are_worse_than_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
