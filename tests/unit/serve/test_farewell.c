/* SPDX-License-Identifier: ISC */
/* Clients that are parted with: their input is thrown away, within bounds. */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/serve/farewell.h"

struct bench {
	struct loop *loop;
	struct farewells farewells;
	unsigned gone;
};

static void all_gone(void *data)
{
	((struct bench *)data)->gone++;
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (bench == NULL || loop_new(&bench->loop, NULL) != 0)
		return -1;
	farewells_init(&bench->farewells, bench->loop);
	bench->farewells.all_gone = all_gone;
	bench->farewells.data = bench;
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	farewells_done(&bench->farewells);
	farewells_done(&bench->farewells);
	loop_free(bench->loop);
	free(bench);
	return 0;
}

/* The client's end of a connection that is parted with. */
static int part(struct bench *bench, const char *sent)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	if (sent != NULL)
		assert_int_equal(write(ends[1], sent, strlen(sent)),
				 (ssize_t)strlen(sent));
	assert_int_equal(write(ends[0], "no", 2), 2);
	farewell_take(&bench->farewells, &ends[0]);
	assert_int_equal(ends[0], -1);
	return ends[1];
}

static void turn(struct bench *bench)
{
	assert_true(loop_turn(bench->loop, 5000) >= 0);
}

static void assert_told(int fd)
{
	char buffer[8];

	assert_int_equal(recv(fd, buffer, sizeof(buffer), MSG_WAITALL), 2);
	assert_int_equal(recv(fd, buffer, sizeof(buffer), 0), 0);
}

static void the_client_hears_it_and_its_end_is_the_end(void **state)
{
	struct bench *bench = *state;
	int client = part(bench, "much to say");

	assert_int_equal(bench->farewells.count, 1);
	assert_told(client);
	assert_int_equal(write(client, "more", 4), 4);
	turn(bench);
	assert_int_equal(bench->farewells.count, 1);
	fd_close(&client);
	while (bench->farewells.count > 0)
		turn(bench);
	assert_int_equal(bench->gone, 1);
	assert_int_equal(loop_watch_count(bench->loop), 0);
}

static void who_has_closed_already_is_not_waited_for(void **state)
{
	struct bench *bench = *state;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
	farewell_take(&bench->farewells, &ends[0]);
	assert_int_equal(ends[0], -1);
	assert_int_equal(bench->farewells.count, 0);
	fd_close(&ends[1]);
}

static void nobody_stays_longer_than_the_time(void **state)
{
	struct bench *bench = *state;
	uint64_t begin_ns = clock_monotonic_ns();
	int client = part(bench, NULL);
	int second = part(bench, NULL);

	while (bench->farewells.count > 0)
		turn(bench);
	assert_true(clock_monotonic_ns() - begin_ns >= FAREWELL_NS - CLOCK_NS_PER_MS);
	assert_int_equal(bench->gone, 1);
	assert_int_equal(write(client, "x", 1), -1);
	fd_close(&client);
	fd_close(&second);
}

static void nobody_sends_more_than_the_bytes(void **state)
{
	struct bench *bench = *state;
	static const char block[16384];
	int client = part(bench, NULL);

	for (size_t sent = 0; sent <= FAREWELL_BYTES + sizeof(block);) {
		ssize_t count = send(client, block, sizeof(block), MSG_DONTWAIT);

		if (count > 0)
			sent += (size_t)count;
		else if (errno != EAGAIN)
			break;
		turn(bench);
		if (bench->farewells.count == 0)
			break;
	}
	while (bench->farewells.count > 0)
		turn(bench);
	assert_int_equal(write(client, "x", 1), -1);
	fd_close(&client);
}

static void of_too_many_the_first_goes(void **state)
{
	struct bench *bench = *state;
	int clients[FAREWELLS_MAX + 2];

	for (size_t i = 0; i < FAREWELLS_MAX + 2; i++)
		clients[i] = part(bench, NULL);
	assert_int_equal(bench->farewells.count, FAREWELLS_MAX);
	assert_int_equal(write(clients[0], "x", 1), -1);
	assert_int_equal(write(clients[1], "x", 1), -1);
	assert_int_equal(write(clients[2], "x", 1), 1);
	for (size_t i = 0; i < FAREWELLS_MAX + 2; i++) {
		assert_told(clients[i]);
		fd_close(&clients[i]);
	}
	while (bench->farewells.count > 0)
		turn(bench);
}

#define FAREWELL(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAREWELL(the_client_hears_it_and_its_end_is_the_end),
		FAREWELL(who_has_closed_already_is_not_waited_for),
		FAREWELL(nobody_stays_longer_than_the_time),
		FAREWELL(nobody_sends_more_than_the_bytes),
		FAREWELL(of_too_many_the_first_goes),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
