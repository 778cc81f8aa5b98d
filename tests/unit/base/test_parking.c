/* SPDX-License-Identifier: ISC */
/*
 * Two descriptor tables in one process. Each case runs in a process of its own, as
 * parking_run() closes what its caller has open.
 */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usherd/base/parking.h"

#define MANY 1000

/* As an assertion in another process. */
#define REQUIRE(holds)                                                                   \
	do {                                                                             \
		if (!(holds)) {                                                          \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,         \
				      #holds);                                           \
			_exit(1);                                                        \
		}                                                                        \
	} while (0)

static size_t count_in(const char *path)
{
	DIR *directory = opendir(path);
	size_t count = 0;

	REQUIRE(directory != NULL);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count - 3; /* two dots and the directory's own, or one of ours */
}

static size_t count_own(void)
{
	return count_in("/proc/thread-self/fd");
}

static size_t count_kept(void)
{
	return count_in("/proc/self/fd");
}

static int open_file(void)
{
	int fd = memfd_create("parked", MFD_CLOEXEC);

	REQUIRE(fd != -1);
	return fd;
}

static int put(struct parking *parking, const int *fds, size_t count, int *ret_tickets)
{
	int r = parking_put(parking, fds, count);

	return r < 0 ? r : parking_tickets(parking, count, ret_tickets);
}

static bool same_file(int a, int b)
{
	struct stat first, second;

	return fstat(a, &first) == 0 && fstat(b, &second) == 0 &&
	       first.st_ino == second.st_ino && first.st_dev == second.st_dev;
}

static void in_process(int (*body)(struct parking *parking, void *data))
{
	int status;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)alarm(30);
		_exit(parking_run(body, NULL));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static int park_and_fetch(struct parking *parking, void *data)
{
	int fd = open_file();
	int ticket, again;

	(void)data;
	REQUIRE(parking != NULL);
	REQUIRE(put(parking, &fd, 1, &ticket) == 0);
	again = parking_get(parking, ticket);
	REQUIRE(again >= 0 && again != fd && same_file(again, fd));
	REQUIRE((fcntl(again, F_GETFD) & FD_CLOEXEC) != 0);
	(void)close(again);
	(void)close(fd);
	again = parking_get(parking, ticket);
	REQUIRE(again >= 0);
	(void)close(again);
	parking_drop(parking, ticket);
	parking_settle(parking);
	again = parking_get(parking, ticket);
	REQUIRE(again == -EBADF);
	fd = open_file();
	REQUIRE(put(parking, &fd, 1, &again) == 0);
	REQUIRE(again == ticket);
	return 42;
}

static void parks_fetches_and_drops(void **state)
{
	(void)state;
	in_process(park_and_fetch);
}

/* What the keeper closes when it begins, it has closed before its first answer. */
static void await_keeper(struct parking *parking)
{
	int fd = open_file();
	int ticket;

	REQUIRE(put(parking, &fd, 1, &ticket) == 0);
	(void)close(fd);
}

static int park_many(struct parking *parking, void *data)
{
	size_t own, kept;
	int fds[PARKING_PUT_MAX], tickets[PARKING_PUT_MAX];

	(void)data;
	await_keeper(parking);
	own = count_own();
	kept = count_kept();
	for (int done = 0; done < MANY; done += 100) {
		for (int i = 0; i < 100; i++)
			fds[i] = open_file();
		REQUIRE(put(parking, fds, 100, tickets) == 0);
		for (int i = 0; i < 100; i++) {
			int fd = parking_get(parking, tickets[i]);

			REQUIRE(same_file(fd, fds[i]));
			(void)close(fd);
			(void)close(fds[i]);
		}
	}
	REQUIRE(count_own() == own);
	REQUIRE(count_kept() == kept + MANY);
	return 42;
}

static void leaves_the_working_table_small(void **state)
{
	(void)state;
	in_process(park_many);
}

static int fill_the_table(struct parking *parking, void *data)
{
	struct rlimit limit = { .rlim_cur = 64, .rlim_max = 64 };
	int fds[PARKING_PUT_MAX], tickets[PARKING_PUT_MAX];
	int fd = open_file();
	size_t kept;

	(void)data;
	await_keeper(parking);
	kept = count_kept();
	REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (int i = 0; i < PARKING_PUT_MAX; i++)
		fds[i] = fd;
	REQUIRE(put(parking, fds, PARKING_PUT_MAX, tickets) == -EMFILE);
	REQUIRE(count_kept() == kept);
	REQUIRE(put(parking, fds, 10, tickets) == 0);
	REQUIRE(count_kept() == kept + 10);
	REQUIRE(put(parking, fds, 0, tickets) == -EINVAL);
	return 42;
}

static void parks_all_or_none(void **state)
{
	(void)state;
	in_process(fill_the_table);
}

static int use_the_station(struct parking *parking, void *data)
{
	int first = open_file();
	int second = open_file();
	int number = parking_station(parking, first);

	(void)data;
	REQUIRE(number >= 0 && same_file(number, first));
	REQUIRE((fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
	REQUIRE(parking_station(parking, second) == number);
	REQUIRE(same_file(number, second) && !same_file(number, first));
	REQUIRE(parking_station(parking, -1) == number);
	REQUIRE(!same_file(number, second));
	return 42;
}

static void keeps_one_number_for_the_station(void **state)
{
	(void)state;
	in_process(use_the_station);
}

static volatile sig_atomic_t caught;

static void catch (int signo)
{
	caught = signo;
}

static int get_a_signal(struct parking *parking, void *data)
{
	(void)parking;
	(void)data;
	REQUIRE(signal(SIGUSR1, catch) != SIG_ERR);
	REQUIRE(kill(getpid(), SIGUSR1) == 0);
	/* The keeper blocks it, so it was delivered here before kill(2) returned. */
	REQUIRE(caught == SIGUSR1);
	return 42;
}

static void leaves_the_signals_to_the_body(void **state)
{
	(void)state;
	in_process(get_a_signal);
}

static int fork_from_it(struct parking *parking, void *data)
{
	int status;
	pid_t pid = fork();

	(void)parking;
	(void)data;
	if (pid == 0)
		_exit(count_own() > 0 ? 7 : 8);
	REQUIRE(waitpid(pid, &status, 0) == pid);
	REQUIRE(WEXITSTATUS(status) == 7);
	return 42;
}

static void can_fork(void **state)
{
	(void)state;
	in_process(fork_from_it);
}

static int be_quiet(struct parking *parking, void *data)
{
	struct stat status;
	int fd = open_file();
	int ticket;

	(void)data;
	parking_quiet(parking);
	REQUIRE(put(parking, &fd, 1, &ticket) == 0);
	REQUIRE(stat("/proc/self/fd/2", &status) == 0);
	REQUIRE(S_ISCHR(status.st_mode) && status.st_rdev == 0x103);
	return 42;
}

static void leads_the_keepers_standard_descriptors_away(void **state)
{
	(void)state;
	in_process(be_quiet);
}

/* Whoever waits for the end of what we had open gets it. */
static int wait_for_end(struct parking *parking, void *data)
{
	int *ends = data;
	char byte;

	(void)parking;
	(void)close(ends[1]);
	REQUIRE(read(ends[0], &byte, 1) == 0);
	return 42;
}

static void keeps_nothing_but_what_it_is_given(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		int ends[2];

		(void)alarm(30);
		REQUIRE(pipe(ends) == 0);
		_exit(parking_run(wait_for_end, ends));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parks_fetches_and_drops),
		cmocka_unit_test(leaves_the_working_table_small),
		cmocka_unit_test(parks_all_or_none),
		cmocka_unit_test(keeps_one_number_for_the_station),
		cmocka_unit_test(leaves_the_signals_to_the_body),
		cmocka_unit_test(can_fork),
		cmocka_unit_test(leads_the_keepers_standard_descriptors_away),
		cmocka_unit_test(keeps_nothing_but_what_it_is_given),
	};

	return cmocka_run_group_tests_name("base/parking", tests, NULL, NULL);
}
