/* SPDX-License-Identifier: ISC */
/* Who holds the pid file, with other processes as the other instances: record locks do
 * not keep a process from itself. */
#include "daemon_bench.h"
#include <sys/resource.h>

#include "usherd/daemon/pidfile.h"

#define RACERS 8
#define ROUNDS 20

static int try_to_take(void *data)
{
	struct bench *bench = data;
	struct pidfile pidfile;
	int r = pidfile_take(bench->path, &pidfile, NULL);

	if (r == 0)
		pidfile_release(&pidfile);
	return r == 0 ? 0 : -r;
}

static void expect_pid(const char *path, pid_t pid)
{
	char text[64];
	char expected[32];

	bench_read(path, text, sizeof(text));
	(void)snprintf(expected, sizeof(expected), "%d\n", (int)pid);
	assert_string_equal(text, expected);
}

static void writes_the_pid_and_removes_it(void **state)
{
	struct bench *bench = *state;
	struct pidfile pidfile;
	struct stat status;

	assert_int_equal(pidfile_take(bench->path, &pidfile, NULL), 0);
	expect_pid(bench->path, getpid());
	assert_int_equal(stat(bench->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(fcntl(pidfile.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_string_equal(pidfile.path, bench->path);
	pidfile_release(&pidfile);
	assert_int_equal(access(bench->path, F_OK), -1);
	assert_int_equal(pidfile.fd, -1);
	/* The folder holds nothing else either. */
	assert_int_equal(rmdir(bench->folder), 0);
}

static void names_the_process_that_holds_it(void **state)
{
	struct bench *bench = *state;
	struct pidfile pidfile = { .fd = -7 };
	struct error err = { 0 };
	char expected[64];
	int ready[2], end[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct pidfile held;

		(void)close(end[1]);
		if (pidfile_take(bench->path, &held, NULL) < 0)
			_exit(1);
		child_write(ready[1], "R", 1);
		child_read(end[0], &byte, 1);
		pidfile_release(&held);
		_exit(0);
	}
	(void)close(end[0]);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(pidfile_take(bench->path, &pidfile, &err), -EEXIST);
	(void)snprintf(expected, sizeof(expected), "process %d,", (int)pid);
	assert_non_null(strstr(err.text, expected));
	assert_int_equal(pidfile.fd, -7);
	expect_pid(bench->path, pid);
	(void)close(end[1]);
	assert_int_equal(bench_await(pid), 0);
	assert_int_equal(pidfile_take(bench->path, &pidfile, NULL), 0);
	pidfile_release(&pidfile);
	(void)close(ready[0]);
}

static int take_and_die(void *data)
{
	struct bench *bench = data;
	struct pidfile pidfile;

	if (pidfile_take(bench->path, &pidfile, NULL) == 0)
		(void)kill(getpid(), SIGKILL);
	return 1;
}

static void takes_over_what_a_killed_process_left(void **state)
{
	struct bench *bench = *state;
	struct pidfile pidfile;

	assert_int_equal(bench_in_child(take_and_die, bench), 200 + SIGKILL);
	assert_int_equal(access(bench->path, F_OK), 0);
	assert_int_equal(pidfile_take(bench->path, &pidfile, NULL), 0);
	expect_pid(bench->path, getpid());
	pidfile_release(&pidfile);
}

static void takes_over_any_content(void **state)
{
	struct bench *bench = *state;
	static const char *const contents[] = {
		"", "1\n", "not a number", "99999999999999999999999999\nand more\n"
	};

	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		struct pidfile pidfile;

		bench_write(bench->path, contents[i]);
		assert_int_equal(pidfile_take(bench->path, &pidfile, NULL), 0);
		expect_pid(bench->path, getpid());
		pidfile_release(&pidfile);
	}
}

static void keeps_others_out_until_it_is_released(void **state)
{
	struct bench *bench = *state;
	struct pidfile pidfile;

	bench_write(bench->path, "1\n");
	assert_int_equal(pidfile_take(bench->path, &pidfile, NULL), 0);
	assert_int_equal(bench_in_child(try_to_take, bench), EEXIST);
	assert_int_equal(bench_in_child(try_to_take, bench), EEXIST);
	expect_pid(bench->path, getpid());
	pidfile_release(&pidfile);
	assert_int_equal(bench_in_child(try_to_take, bench), 0);
}

static void follows_no_symbolic_link(void **state)
{
	struct bench *bench = *state;
	char target[64];
	struct pidfile pidfile;
	struct error err = { 0 };
	char text[32];

	(void)snprintf(target, sizeof(target), "%s/target", bench->folder);
	assert_int_equal(symlink(target, bench->path), 0);
	assert_int_equal(pidfile_take(bench->path, &pidfile, &err), -ELOOP);
	assert_non_null(strstr(err.text, bench->path));
	assert_int_equal(access(target, F_OK), -1);
	bench_write(target, "precious");
	assert_int_equal(pidfile_take(bench->path, &pidfile, NULL), -ELOOP);
	bench_read(target, text, sizeof(text));
	assert_string_equal(text, "precious");
}

static void refuses_places_where_it_cannot_be(void **state)
{
	struct bench *bench = *state;
	struct pidfile pidfile;
	struct error err = { 0 };
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/missing/file", bench->folder);
	assert_int_equal(pidfile_take(path, &pidfile, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(pidfile_take(bench->folder, &pidfile, NULL), -EISDIR);
}

static void leaves_the_file_of_a_successor_alone(void **state)
{
	struct bench *bench = *state;
	struct pidfile pidfile;

	assert_int_equal(pidfile_take(bench->path, &pidfile, NULL), 0);
	assert_int_equal(unlink(bench->path), 0);
	bench_write(bench->path, "4711\n");
	pidfile_release(&pidfile);
	expect_pid(bench->path, 4711);
}

static void survives_the_removal_of_its_file(void **state)
{
	struct bench *bench = *state;
	struct pidfile pidfile;

	assert_int_equal(pidfile_take(bench->path, &pidfile, NULL), 0);
	assert_int_equal(unlink(bench->path), 0);
	pidfile_release(&pidfile);
	assert_int_equal(access(bench->path, F_OK), -1);
}

static void releases_nothing(void **state)
{
	struct pidfile none = { .fd = -1 };

	(void)state;
	pidfile_release(&none);
	assert_int_equal(none.fd, -1);
}

/* One descriptor is enough to open the name, but not for the new file as well. */
static int take_with_one_descriptor(void *data)
{
	struct bench *bench = data;
	struct rlimit limit = { 0 };
	struct pidfile pidfile;
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);

	REQUIRE(next != -1);
	(void)close(next);
	limit.rlim_cur = limit.rlim_max = (rlim_t)next + 1;
	REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	REQUIRE(pidfile_take(bench->path, &pidfile, NULL) == -EMFILE);
	return 0;
}

static void leaves_nothing_behind_when_it_fails(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(bench_in_child(take_with_one_descriptor, bench), 0);
	assert_int_equal(access(bench->path, F_OK), -1);
	assert_int_equal(rmdir(bench->folder), 0);
}

/* Try as soon as the pipe says so; hold it until the other one is closed. */
static int race(const char *path, int go, int outcome, int end)
{
	struct pidfile pidfile;
	char byte;
	int r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	child_read(go, &byte, 1);
	r = pidfile_take(path, &pidfile, NULL);
	byte = r == 0 ? 'w' : r == -EEXIST ? 'l' : 'e';
	child_write(outcome, &byte, 1);
	child_read(end, &byte, 1);
	if (r == 0)
		pidfile_release(&pidfile);
	return 0;
}

static void run_race(struct bench *bench)
{
	int go[2], outcome[2], end[2];
	pid_t pids[RACERS];
	unsigned winners = 0;
	char byte;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(outcome, O_CLOEXEC), 0);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	for (int i = 0; i < RACERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			(void)close(go[1]);
			(void)close(end[1]);
			_exit(race(bench->path, go[0], outcome[1], end[0]));
		}
		assert_true(pids[i] > 0);
	}
	(void)close(go[1]);
	for (int i = 0; i < RACERS; i++) {
		assert_int_equal(read(outcome[0], &byte, 1), 1);
		assert_int_not_equal(byte, 'e');
		winners += byte == 'w';
	}
	(void)close(end[1]);
	for (int i = 0; i < RACERS; i++)
		assert_int_equal(bench_await(pids[i]), 0);
	assert_int_equal(winners, 1);
	(void)close(go[0]);
	(void)close(end[0]);
	(void)close(outcome[0]);
	(void)close(outcome[1]);
}

static void is_won_by_one_of_many(void **state)
{
	struct bench *bench = *state;

	for (int round = 0; round < ROUNDS; round++) {
		if (round % 2 == 0)
			bench_write(bench->path, "1\n");
		run_race(bench);
		assert_int_equal(access(bench->path, F_OK), -1);
	}
	assert_int_equal(rmdir(bench->folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(writes_the_pid_and_removes_it),
		CASE(names_the_process_that_holds_it),
		CASE(takes_over_what_a_killed_process_left),
		CASE(takes_over_any_content),
		CASE(keeps_others_out_until_it_is_released),
		CASE(follows_no_symbolic_link),
		CASE(refuses_places_where_it_cannot_be),
		CASE(leaves_the_file_of_a_successor_alone),
		CASE(survives_the_removal_of_its_file),
		CASE(releases_nothing),
		CASE(leaves_nothing_behind_when_it_fails),
		CASE(is_won_by_one_of_many),
	};

	return cmocka_run_group_tests_name("daemon/pidfile", tests, NULL, NULL);
}
