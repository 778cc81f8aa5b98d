/* SPDX-License-Identifier: ISC */
/* Descriptors that several processes watch: one of them is woken for each event. */
#include "test.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usherd/loop/loop.h"

#define PROCESSES 4
#define DATAGRAMS 50

struct board {
	atomic_uint calls;
	atomic_uint taken;
};

static void take(struct watch *watch, short revents)
{
	struct board *board = watch->data;
	char byte;

	(void)revents;
	if (recv(watch->fd, &byte, 1, MSG_DONTWAIT) == 1)
		(void)atomic_fetch_add(&board->taken, 1);
	(void)atomic_fetch_add(&board->calls, 1);
}

static _Noreturn void watch_for_ever(int fd, struct board *board)
{
	struct watch watch = {
		.fd = fd, .events = POLLIN, .shared = true, .ready = take, .data = board
	};
	struct loop *loop;

	if (loop_new(&loop, NULL) < 0 || loop_add(loop, &watch) < 0)
		_exit(1);
	(void)loop_run(loop);
	_exit(1);
}

/* It sleeps nowhere but in its loop. */
static bool is_asleep(pid_t pid)
{
	char path[64], state = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	(void)fclose(file);
	return state == 'S';
}

static void until_all_sleep(const pid_t *pids)
{
	for (int i = 0; i < PROCESSES; i++)
		for (unsigned tries = 0; !is_asleep(pids[i]); tries++) {
			assert_true(tries < 1000000);
			assert_int_equal(waitpid(pids[i], NULL, WNOHANG), 0);
		}
}

static void wakes_one_of_several_processes(void **state)
{
	struct board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[PROCESSES];
	int pair[2];

	(void)state;
	assert_true(board != MAP_FAILED);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			watch_for_ever(pair[1], board);
	}
	for (unsigned i = 0; i < DATAGRAMS; i++) {
		until_all_sleep(pids);
		assert_int_equal(send(pair[0], "x", 1, 0), 1);
		while (atomic_load(&board->taken) <= i)
			;
	}
	until_all_sleep(pids);
	assert_int_equal(atomic_load(&board->calls), DATAGRAMS);
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(kill(pids[i], SIGKILL), 0);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	(void)close(pair[0]);
	(void)close(pair[1]);
	(void)munmap(board, sizeof(*board));
}

static void may_be_changed_and_removed(void **state)
{
	struct board board = { 0 };
	struct watch watch = { .events = POLLIN | POLLRDHUP,
			       .shared = true,
			       .ready = take,
			       .data = &board };
	struct loop *loop;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(loop_new(&loop, NULL), 0);
	watch.fd = pair[1];
	assert_int_equal(loop_add(loop, &watch), 0);
	assert_true(loop_is_nested(loop));
	assert_int_equal(send(pair[0], "xyz", 3, 0), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(loop_change(&watch, 0), 0);
		assert_int_equal(loop_turn(loop, 0), 0);
		assert_int_equal(loop_change(&watch, POLLIN), 0);
		assert_int_equal(loop_change(&watch, POLLIN | POLLOUT), 0);
		assert_int_equal(board.calls, i);
		assert_int_equal(loop_turn(loop, -1), 0);
		assert_int_equal(board.calls, i + 1);
	}
	loop_remove(&watch);
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(board.calls, 3);
	assert_false(loop_is_nested(loop));
	loop_free(loop);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wakes_one_of_several_processes),
		cmocka_unit_test(may_be_changed_and_removed),
	};

	return cmocka_run_group_tests_name("loop/shared", tests, NULL, NULL);
}
