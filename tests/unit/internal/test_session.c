/* SPDX-License-Identifier: ISC */
/* The bytes of stream sessions: whole, in order, nobody waiting for another. */
#include <stdlib.h>
#include <string.h>

#include "session_clients.h"

/* Send @size random bytes, reading back at most @piece at a time, only when the loop has
 * nothing to do for the session. */
static void echo_random(struct fixture *fixture, int fd, size_t size, size_t piece)
{
	uint8_t *sent = malloc(size), *got = malloc(size);
	size_t out = 0, in = 0;

	assert_non_null(sent);
	assert_non_null(got);
	for (size_t i = 0; i < size; i++)
		sent[i] = (uint8_t)(random() >> 7);
	while (in < size) {
		ssize_t count = 0;
		if (out < size)
			count = send(fd, sent + out, size - out, MSG_NOSIGNAL);
		out += count > 0 ? (size_t)count : 0;
		if (out == size)
			shutdown(fd, SHUT_WR);
		assert_true(loop_turn(fixture->loop, 0) >= 0);
		count = recv(fd, got + in, piece < size - in ? piece : size - in, 0);
		assert_true(count > 0 || (count == -1 && errno == EAGAIN));
		in += count > 0 ? (size_t)count : 0;
	}
	assert_memory_equal(sent, got, size);
	free(sent);
	free(got);
}

static void echoes_a_line(void **state)
{
	struct fixture *fixture = *state;
	int client = connect_tcp(fixture, "echo", 0);
	char buffer[16];

	assert_int_equal(send(client, "hello\r\n", 7, 0), 7);
	assert_int_equal(client_read(fixture, client, buffer, sizeof(buffer)), 7);
	assert_memory_equal(buffer, "hello\r\n", 7);
	assert_int_equal(sessions_count(fixture->sessions), 1);
	close(client);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_in, 7);
	assert_int_equal(fixture->bytes_out, 7);
	assert_all_taken_back(fixture, 1);
}

/* A read that fills the buffer is followed by one that finds nothing. */
static void echoes_exactly_a_buffer_full(void **state)
{
	static const char sent[SESSION_BUFFER_MAX];
	static char got[SESSION_BUFFER_MAX + 1];
	struct fixture *fixture = *state;
	int client = connect_pair(fixture, "echo");

	assert_int_equal(send(client, sent, sizeof(sent), 0), sizeof(sent));
	assert_int_equal(client_read_all(fixture, client, got, sizeof(sent)),
			 sizeof(sent));
	assert_int_equal(sessions_count(fixture->sessions), 1);
	close(client);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_out, sizeof(sent));
}

static void echoes_a_megabyte_byte_for_byte_through_small_buffers(void **state)
{
	struct fixture *fixture = *state;
	int client = connect_tcp(fixture, "echo", 2048);
	char rest;

	echo_random(fixture, client, MEGABYTE, 1000);
	assert_int_equal(client_read(fixture, client, &rest, 1), 0);
	close(client);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_in, MEGABYTE);
	assert_int_equal(fixture->bytes_out, MEGABYTE);
	assert_all_taken_back(fixture, 1);
}

static void echoes_a_megabyte_over_a_unix_socket(void **state)
{
	struct fixture *fixture = *state;
	int client = connect_pair(fixture, "echo");

	echo_random(fixture, client, MEGABYTE, 70000);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_out, MEGABYTE);
	close(client);
}

static void answers_what_came_before_a_half_close(void **state)
{
	static char buffer[65536];
	struct fixture *fixture = *state;
	int client = connect_pair(fixture, "echo");
	size_t total = stuff(fixture, client), got = 0;
	ssize_t count;

	shutdown(client, SHUT_WR);
	while ((count = client_read(fixture, client, buffer, sizeof(buffer))) > 0)
		got += (size_t)count;
	assert_int_equal(count, 0);
	assert_int_equal(got, total);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_out, total);
	close(client);
}

static void keeps_no_more_than_its_buffer_of_a_client_that_does_not_read(void **state)
{
	struct fixture *fixture = *state;
	int client = connect_tcp(fixture, "echo", 2048);
	size_t total = stuff(fixture, client);

	assert_true(total > 0);
	sessions_free(fixture->sessions);
	fixture->sessions = NULL;
	assert_int_equal(fixture->ended, 1);
	assert_true(fixture->bytes_in > fixture->bytes_out);
	assert_true(fixture->bytes_in - fixture->bytes_out <= SESSION_BUFFER_MAX);
	close(client);
}

static void slow_reader_does_not_hold_up_a_fast_one(void **state)
{
	struct fixture *fixture = *state;
	int slow_echo = connect_tcp(fixture, "echo", 2048);
	int slow_chargen = connect_tcp(fixture, "chargen", 2048);

	stuff(fixture, slow_echo);
	int fast = connect_tcp(fixture, "echo", 0);
	echo_random(fixture, fast, MEGABYTE, 100000);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_out, MEGABYTE);
	assert_int_equal(sessions_count(fixture->sessions), 2);
	close(fast);
	close(slow_echo);
	close(slow_chargen);
}

static void stuck_clients_cost_no_turns(void **state)
{
	struct fixture *fixture = *state;
	int echo = connect_pair(fixture, "echo");
	int chargen = connect_pair(fixture, "chargen");

	stuff(fixture, echo);
	for (int i = 0; i < 20; i++)
		assert_true(loop_turn(fixture->loop, 0) >= 0);
	uint64_t before = clock_monotonic_ns();
	assert_true(loop_turn(fixture->loop, 20) >= 0);
	assert_true(clock_monotonic_ns() - before >= 15 * CLOCK_NS_PER_MS);
	close(echo);
	close(chargen);
	run_until_ended(fixture, 2);
}

/* Send as much as the kernel holds, megabytes where it lets us, before anybody reads. */
static void flood(int fd)
{
	static const char data[65536];
	int size = 8 * MEGABYTE;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) == -1)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while (send(fd, data, sizeof(data), MSG_NOSIGNAL) > 0)
		continue;
}

static void flood_does_not_starve_another_client(void **state)
{
	struct fixture *fixture = *state;
	int flooders[8];
	char byte;

	for (int i = 0; i < 8; i++) {
		flooders[i] = connect_pair(fixture, "echo");
		flood(flooders[i]);
	}
	int client = connect_pair(fixture, "echo");
	assert_int_equal(send(client, "x", 1, 0), 1);
	assert_true(loop_turn(fixture->loop, 0) >= 0);
	assert_int_equal(recv(client, &byte, 1, MSG_DONTWAIT), 1);
	/* It got its turn, and none of the others more than theirs. */
	sessions_free(fixture->sessions);
	fixture->sessions = NULL;
	assert_true(fixture->bytes_in <= 8 * SESSION_TURN_STEPS * SESSION_BUFFER_MAX + 1);
	for (int i = 0; i < 8; i++)
		close(flooders[i]);
	close(client);
}

static void discards_everything_and_says_nothing(void **state)
{
	static const char data[65536];
	struct fixture *fixture = *state;
	int client = connect_tcp(fixture, "discard", 0);
	size_t total = 0;
	char byte;

	while (total < MEGABYTE) {
		ssize_t count = send(client, data, sizeof(data), MSG_NOSIGNAL);
		total += count > 0 ? (size_t)count : 0;
		assert_true(loop_turn(fixture->loop, 0) >= 0);
	}
	shutdown(client, SHUT_WR);
	assert_int_equal(client_read(fixture, client, &byte, 1), 0);
	close(client);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_in, total);
	assert_int_equal(fixture->bytes_out, 0);
}

static void discard_reads_no_more_in_a_turn_than_it_may(void **state)
{
	struct fixture *fixture = *state;
	int client = connect_pair(fixture, "discard");

	flood(client);
	assert_true(loop_turn(fixture->loop, 0) >= 0);
	sessions_free(fixture->sessions);
	fixture->sessions = NULL;
	assert_in_range(fixture->bytes_in, 1, SESSION_TURN_STEPS * 65536);
	close(client);
}

static void chargen_is_exact_for_a_reader_that_takes_small_pieces(void **state)
{
	static char expected[300000], got[300000];
	struct fixture *fixture = *state;
	int client = connect_tcp(fixture, "chargen", 2048);
	uint64_t position = 0;
	size_t done = 0;

	internal_find("chargen")->builtin->produce(&position, (uint8_t *)expected,
						   sizeof(expected), NULL);
	while (done < sizeof(got)) {
		size_t size = sizeof(got) - done;
		ssize_t count =
			client_read(fixture, client, got + done, size < 997 ? size : 997);
		assert_true(count > 0);
		done += (size_t)count;
	}
	assert_memory_equal(got, expected, sizeof(got));
	close(client);
}

static void chargen_goes_on_after_the_client_has_stopped_talking(void **state)
{
	static char buffer[4 * MEGABYTE];
	struct fixture *fixture = *state;
	int client = connect_tcp(fixture, "chargen", 0);

	assert_int_equal(send(client, "ignored", 7, 0), 7);
	shutdown(client, SHUT_WR);
	assert_int_equal(client_read_all(fixture, client, buffer, sizeof(buffer)),
			 sizeof(buffer));
	assert_int_equal(sessions_count(fixture->sessions), 1);
	close(client);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_in, 0);
	assert_true(fixture->bytes_out >= sizeof(buffer));
}

static void one_text_is_sent_and_then_the_end(void **state)
{
	static const char *const names[] = { "daytime", "qotd", "time" };
	struct fixture *fixture = *state;
	char buffer[1024];

	for (size_t i = 0; i < 3; i++) {
		int client = connect_tcp(fixture, names[i], 0);
		size_t count = client_read_all(fixture, client, buffer, sizeof(buffer));
		assert_in_range(count, 4, 512);
		/* It waits for the client now. */
		assert_int_equal(fixture->ended, i);
		close(client);
		run_until_ended(fixture, i + 1);
	}
	assert_all_taken_back(fixture, 3);
}

static void text_survives_what_the_client_sends_meanwhile(void **state)
{
	static const char data[4096];
	struct fixture *fixture = *state;
	int client = connect_tcp(fixture, "daytime", 0);
	char buffer[64];

	assert_int_equal(send(client, data, sizeof(data), 0), sizeof(data));
	assert_true(loop_turn(fixture->loop, -1) >= 0);
	assert_int_equal(send(client, data, sizeof(data), 0), sizeof(data));
	assert_in_range(client_read_all(fixture, client, buffer, sizeof(buffer)), 26, 30);
	close(client);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_in, 2 * sizeof(data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(echoes_a_line),
		CASE(echoes_exactly_a_buffer_full),
		CASE(echoes_a_megabyte_byte_for_byte_through_small_buffers),
		CASE(echoes_a_megabyte_over_a_unix_socket),
		CASE(answers_what_came_before_a_half_close),
		CASE(keeps_no_more_than_its_buffer_of_a_client_that_does_not_read),
		CASE(slow_reader_does_not_hold_up_a_fast_one),
		CASE(stuck_clients_cost_no_turns),
		CASE(flood_does_not_starve_another_client),
		CASE(discards_everything_and_says_nothing),
		CASE(discard_reads_no_more_in_a_turn_than_it_may),
		CASE(chargen_is_exact_for_a_reader_that_takes_small_pieces),
		CASE(chargen_goes_on_after_the_client_has_stopped_talking),
		CASE(one_text_is_sent_and_then_the_end),
		CASE(text_survives_what_the_client_sends_meanwhile),
	};
	return cmocka_run_group_tests_name("serve/session", tests, NULL, NULL);
}
