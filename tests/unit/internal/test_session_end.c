/* SPDX-License-Identifier: ISC */
/* How stream sessions end, and that nothing of them stays behind. */
#include <fcntl.h>
#include <malloc.h>
#include <string.h>

#include "session_clients.h"

#define CROWD 1000

static void reset_ends_a_session_at_once(void **state)
{
	static const char *const names[] = { "echo", "discard", "chargen" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < 3; i++) {
		int client = connect_tcp(fixture, names[i], 2048);
		assert_true(loop_turn(fixture->loop, 0) >= 0);
		reset(client);
		run_until_ended(fixture, i + 1);
	}
	assert_all_taken_back(fixture, 3);
}

static void reset_ends_a_session_with_output_pending(void **state)
{
	struct fixture *fixture = *state;
	int client = connect_tcp(fixture, "echo", 2048);

	stuff(fixture, client);
	reset(client);
	run_until_ended(fixture, 1);
	assert_true(fixture->bytes_in > fixture->bytes_out);
	assert_all_taken_back(fixture, 1);
}

static void client_that_closes_without_reading_ends_its_session(void **state)
{
	struct fixture *fixture = *state;
	int echo = connect_pair(fixture, "echo");
	int chargen = connect_pair(fixture, "chargen");

	stuff(fixture, echo);
	close(echo);
	close(chargen);
	run_until_ended(fixture, 2);
	assert_all_taken_back(fixture, 2);
}

static void client_that_talks_but_does_not_listen_ends_its_session(void **state)
{
	struct fixture *fixture = *state;
	int client = connect_pair(fixture, "echo");

	shutdown(client, SHUT_RD);
	assert_int_equal(send(client, "x", 1, 0), 1);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_in, 1);
	assert_int_equal(fixture->bytes_out, 0);
	close(client);
}

static void lingers_no_longer_than_it_must(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = clock_monotonic_ns();
	int client = connect_tcp(fixture, "time", 0);
	uint64_t took;

	run_until_ended(fixture, 1);
	took = clock_monotonic_ns() - before;
	assert_true(took >= SESSION_LINGER_NS - 10 * CLOCK_NS_PER_MS);
	assert_true(took < 2 * SESSION_LINGER_NS);
	assert_all_taken_back(fixture, 1);
	close(client);
}

static void idle_timeout_cuts_the_lingering_short(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = clock_monotonic_ns();
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	start(fixture, "time", pair[1], 20 * CLOCK_NS_PER_MS);
	run_until_ended(fixture, 1);
	assert_true(clock_monotonic_ns() - before < SESSION_LINGER_NS / 2);
	close(pair[0]);
}

static void lingering_takes_no_end_of_input(void **state)
{
	static const char data[65536];
	struct fixture *fixture = *state;
	uint64_t before = clock_monotonic_ns();
	int client = connect_pair(fixture, "daytime");

	while (fixture->ended == 0) {
		ssize_t count = send(client, data, sizeof(data), MSG_NOSIGNAL);
		assert_true(count > 0 || errno == EAGAIN || errno == EPIPE ||
			    errno == ECONNRESET);
		assert_true(loop_turn(fixture->loop, 0) >= 0);
	}
	assert_true(clock_monotonic_ns() - before < SESSION_LINGER_NS);
	assert_true(fixture->bytes_in > SESSION_LINGER_BYTES);
	assert_true(fixture->bytes_in <=
		    SESSION_LINGER_BYTES + SESSION_TURN_STEPS * UINT64_C(65536));
	close(client);
}

static void idle_session_ends_after_its_timeout(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = clock_monotonic_ns();
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	start(fixture, "echo", pair[1], 30 * CLOCK_NS_PER_MS);
	run_until_ended(fixture, 1);
	assert_true(clock_monotonic_ns() - before >= 25 * CLOCK_NS_PER_MS);
	assert_int_equal(recv(pair[0], &before, 1, 0), 0);
	assert_all_taken_back(fixture, 1);
	close(pair[0]);
}

/* Ticks, in the loop's own time, of a client that is slow but not idle. */
struct ticker {
	struct timer timer;
	struct loop *loop;
	int fd;
	int left;
};

static void tick(struct timer *timer)
{
	struct ticker *ticker = timer->data;

	if (ticker->left-- > 0 && send(ticker->fd, "x", 1, MSG_NOSIGNAL) == 1)
		(void)loop_timer_set(ticker->loop, timer,
				     loop_now_ns(ticker->loop) + 20 * CLOCK_NS_PER_MS);
}

static void every_byte_puts_the_idle_timeout_off(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = clock_monotonic_ns();
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	start(fixture, "discard", pair[1], 100 * CLOCK_NS_PER_MS);
	struct ticker ticker = { .loop = fixture->loop, .fd = pair[0], .left = 10 };
	ticker.timer.data = &ticker;
	ticker.timer.fired = tick;
	tick(&ticker.timer);
	run_until_ended(fixture, 1);
	assert_int_equal(fixture->bytes_in, 10);
	assert_true(clock_monotonic_ns() - before >= 250 * CLOCK_NS_PER_MS);
	close(pair[0]);
}

static void endless_timeout_does_not_overflow(void **state)
{
	struct fixture *fixture = *state;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	start(fixture, "echo", pair[1], UINT64_MAX);
	assert_true(loop_turn(fixture->loop, 5) >= 0);
	assert_int_equal(fixture->ended, 0);
	close(pair[0]);
	run_until_ended(fixture, 1);
}

static void serves_a_thousand_clients_at_once(void **state)
{
	static int clients[CROWD];
	struct fixture *fixture = *state;
	size_t heap = mallinfo2().uordblks;
	uint32_t got;

	if (!allow_descriptors(2 * CROWD + 64))
		skip();
	for (int i = 0; i < CROWD; i++)
		clients[i] = connect_pair(fixture, "echo");
	assert_int_equal(sessions_count(fixture->sessions), CROWD);
	for (uint32_t i = 0; i < CROWD; i++)
		assert_int_equal(send(clients[i], &i, sizeof(i), 0), sizeof(i));
	for (uint32_t i = 0; i < CROWD; i++) {
		assert_int_equal(client_read(fixture, clients[i], &got, sizeof(got)),
				 sizeof(got));
		assert_int_equal(got, i);
	}
	/* Idle now: a session and the loop's table for it, and nothing else. */
	heap = mallinfo2().uordblks - heap;
	if (HEAP_IS_MEASURABLE)
		assert_in_range(heap / CROWD, 0, SESSION_SIZE_MAX + 256);
	for (int i = 0; i < CROWD; i++)
		close(clients[i]);
	run_until_ended(fixture, CROWD);
	assert_all_taken_back(fixture, CROWD);
}

static void ten_thousand_sessions_leave_no_memory_behind(void **state)
{
	static const char *const names[] = { "echo", "discard", "chargen", "daytime" };
	struct fixture *fixture = *state;
	size_t heap = 0;

	for (int round = 0; round < 100; round++) {
		int clients[100];
		for (int i = 0; i < 100; i++) {
			clients[i] = connect_pair(fixture, names[i % 4]);
			send(clients[i], names, sizeof(names), 0);
		}
		assert_true(loop_turn(fixture->loop, 0) >= 0);
		for (int i = 0; i < 100; i++)
			close(clients[i]);
		run_until_ended(fixture, (size_t)(round + 1) * 100);
		if (round == 10)
			heap = mallinfo2().uordblks;
	}
	assert_all_taken_back(fixture, 10000);
	if (HEAP_IS_MEASURABLE)
		assert_int_equal(mallinfo2().uordblks, heap);
}

static void freeing_all_sessions_ends_each_of_them(void **state)
{
	struct fixture *fixture = *state;
	int clients[] = { connect_pair(fixture, "echo"),
			  connect_tcp(fixture, "echo", 2048),
			  connect_pair(fixture, "chargen"),
			  connect_tcp(fixture, "daytime", 0) };
	char byte;

	stuff(fixture, clients[1]);
	sessions_free(fixture->sessions);
	fixture->sessions = NULL;
	assert_int_equal(fixture->ended, 4);
	assert_int_equal(loop_watch_count(fixture->loop), 0);
	assert_int_equal(recv(clients[0], &byte, 1, 0), 0);
	for (int i = 0; i < 4; i++)
		close(clients[i]);
}

static void free_everything(void *data, uint64_t bytes_in, uint64_t bytes_out)
{
	struct fixture *fixture = data;
	struct sessions *sessions = fixture->sessions;

	count_end(data, bytes_in, bytes_out);
	fixture->sessions = NULL;
	sessions_free(sessions);
}

static void owner_may_free_everything_at_the_end_of_one(void **state)
{
	struct fixture *fixture = *state;
	int other = connect_pair(fixture, "echo");

	fixture->owner.ended = free_everything;
	int client = connect_pair(fixture, "echo");
	close(client);
	run_until_ended(fixture, 2);
	close(other);
}

static void end_of_a_session_needs_no_owner(void **state)
{
	struct fixture *fixture = *state;

	fixture->owner.ended = NULL;
	close(connect_pair(fixture, "echo"));
	while (sessions_count(fixture->sessions) > 0)
		assert_true(loop_turn(fixture->loop, -1) >= 0);
}

static void descriptor_stays_the_callers_when_the_start_fails(void **state)
{
	static const struct builtin mute = { .name = "mute",
					     .input = BUILTIN_INPUT_IGNORE };
	struct fixture *fixture = *state;
	struct error err = { 0 };
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int pair[2];

	assert_int_not_equal(file, -1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(session_start(fixture->sessions, &mute, pair[0], 0,
				       &fixture->owner, &err),
			 -EPROTONOSUPPORT);
	assert_string_equal(err.text, "service 'mute' has nothing to say to streams");
	assert_true(session_start(fixture->sessions, internal_find("echo")->builtin, file,
				  1, &fixture->owner, &err) < 0);
	assert_int_equal(sessions_count(fixture->sessions), 0);
	assert_int_equal(fixture->ended, 0);
	assert_int_equal(close(file), 0);
	assert_int_equal(close(pair[0]), 0);
	close(pair[1]);
}

static void freeing_nothing_is_allowed(void **state)
{
	(void)state;
	sessions_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(reset_ends_a_session_at_once),
		CASE(reset_ends_a_session_with_output_pending),
		CASE(client_that_closes_without_reading_ends_its_session),
		CASE(client_that_talks_but_does_not_listen_ends_its_session),
		CASE(lingers_no_longer_than_it_must),
		CASE(idle_timeout_cuts_the_lingering_short),
		CASE(lingering_takes_no_end_of_input),
		CASE(idle_session_ends_after_its_timeout),
		CASE(every_byte_puts_the_idle_timeout_off),
		CASE(endless_timeout_does_not_overflow),
		CASE(serves_a_thousand_clients_at_once),
		CASE(ten_thousand_sessions_leave_no_memory_behind),
		CASE(freeing_all_sessions_ends_each_of_them),
		CASE(owner_may_free_everything_at_the_end_of_one),
		CASE(end_of_a_session_needs_no_owner),
		CASE(descriptor_stays_the_callers_when_the_start_fails),
		CASE(freeing_nothing_is_allowed),
	};
	return cmocka_run_group_tests_name("serve/session_end", tests, NULL, NULL);
}
