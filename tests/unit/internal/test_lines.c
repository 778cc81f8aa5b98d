/* SPDX-License-Identifier: ISC */
/* Sessions of lines on real sockets, with a small service that does what it is told:
 *   bye      finish          drop     close at once
 *   big N    say N bytes     slow     take the next line 50 ms later
 *   settle   lines_settle    doom     doom the next session
 * anything else is said back. */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "session_clients.h"
#include "usherd/internal/lines.h"

#define CROWD 1000
#define ROOM  32768

struct speaker {
	struct line_session session;
	uint64_t due_ns;
	size_t pushed;
};

struct lines_fixture {
	struct fixture base;
	struct lines *lines;
	size_t taken; /* lines */
	size_t gone[LINES_END_CLOSING + 1];
};

static struct lines_fixture *fixture_of(struct line_session *session)
{
	return lines_data(session);
}

static void greet(struct line_session *session, const struct connection *connection)
{
	assert_int_equal(lines_fd(session), connection->fd);
	lines_send(session, "hello\n", 6);
}

static void say_much(struct line_session *session, size_t size)
{
	char *much = calloc(1, size);

	assert_non_null(much);
	memset(much, 'x', size);
	lines_send(session, much, size);
	free(much);
}

static void obey(struct line_session *session, char *text, size_t length, bool cut)
{
	struct lines_fixture *fixture = fixture_of(session);
	struct speaker *speaker = (struct speaker *)session;

	fixture->taken++;
	assert_int_equal(text[length], '\0');
	if (strcmp(text, "bye") == 0) {
		lines_send(session, "goodbye\n", 8);
		lines_finish(session);
	} else if (strcmp(text, "drop") == 0) {
		lines_drop(session);
	} else if (strncmp(text, "big ", 4) == 0) {
		say_much(session, (size_t)strtoul(text + 4, NULL, 10));
	} else if (strcmp(text, "slow") == 0) {
		speaker->due_ns = loop_now_ns(fixture->base.loop) + 50 * CLOCK_NS_PER_MS;
	} else if (strcmp(text, "settle") == 0) {
		lines_settle(session);
	} else if (strcmp(text, "doom") == 0) {
		lines_doom(session->next, LINES_END_SLOW);
	} else {
		lines_sendf(session, "%s%s\n", text, cut ? "..." : "");
	}
}

static uint64_t due(struct line_session *session, uint64_t now_ns)
{
	(void)now_ns;
	return ((struct speaker *)session)->due_ns;
}

static void count_gone(struct line_session *session, enum lines_end why)
{
	fixture_of(session)->gone[why]++;
}

/* Pushes without end, as much as is taken. */
static void push_on(struct line_session *session)
{
	static const char data[4096];
	struct speaker *speaker = (struct speaker *)session;
	size_t sent = sizeof(data);

	while (sent == sizeof(data)) {
		sent = lines_push(session, data, sizeof(data));
		speaker->pushed += sent;
	}
}

static void begin_pushing(struct line_session *session,
			  const struct connection *connection)
{
	(void)connection;
	push_on(session);
}

static const struct lines_rules plain = { .session_size = sizeof(struct speaker),
					  .line_max = 16,
					  .output_max = ROOM,
					  .line = obey,
					  .line_due_ns = due,
					  .gone = count_gone };
static const struct lines_rules greeting = { .session_size = sizeof(struct speaker),
					     .line_max = 16,
					     .output_max = ROOM,
					     .telnet = true,
					     .begin = greet,
					     .line = obey,
					     .gone = count_gone };
static const struct lines_rules exact = { .session_size = sizeof(struct speaker),
					  .line_max = 16,
					  .output_max = ROOM,
					  .exact = true,
					  .line = obey,
					  .gone = count_gone };
static const struct lines_rules hurried = { .session_size = sizeof(struct speaker),
					    .line_max = 16,
					    .output_max = ROOM,
					    .settle_ns = 60 * CLOCK_NS_PER_MS,
					    .line = obey,
					    .gone = count_gone };
static const struct lines_rules pushing = { .session_size = sizeof(struct speaker),
					    .line_max = 16,
					    .output_max = ROOM,
					    .begin = begin_pushing,
					    .line = obey,
					    .writable = push_on,
					    .gone = count_gone };

static int lines_setup(void **state)
{
	struct lines_fixture *fixture = calloc(1, sizeof(*fixture));

	if (fixture == NULL || loop_new(&fixture->base.loop, NULL) != 0)
		return -1;
	fixture->base.owner.ended = count_end;
	fixture->base.owner.data = fixture;
	*state = fixture;
	return 0;
}

static int lines_teardown(void **state)
{
	struct lines_fixture *fixture = *state;

	lines_free(fixture->lines);
	loop_free(fixture->base.loop);
	free(fixture);
	return 0;
}

static void serve(struct lines_fixture *fixture, const struct lines_rules *rules,
		  uint64_t idle_ns)
{
	assert_int_equal(
		lines_new(fixture->base.loop, rules, idle_ns, fixture, &fixture->lines),
		0);
}

static int join(struct lines_fixture *fixture)
{
	struct connection connection = { .fd = -1 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	connection.fd = pair[1];
	assert_int_equal(
		lines_start(fixture->lines, &connection, &fixture->base.owner, NULL), 0);
	return pair[0];
}

static void say(int client, const char *text)
{
	assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Exactly @text comes. */
static void expect(struct lines_fixture *fixture, int client, const char *text)
{
	char buffer[1024];
	size_t done = 0, length = strlen(text);

	while (done < length) {
		ssize_t count =
			client_read(&fixture->base, client, buffer + done, length - done);
		assert_true(count > 0);
		done += (size_t)count;
	}
	buffer[done] = '\0';
	assert_string_equal(buffer, text);
}

static void expect_end(struct lines_fixture *fixture, int client)
{
	char byte;

	assert_int_equal(client_read(&fixture->base, client, &byte, 1), 0);
}

static void answers_lines_in_order_and_pieces(void **state)
{
	struct lines_fixture *fixture = *state;

	serve(fixture, &plain, 0);
	int client = join(fixture);
	say(client, "one\r\ntw");
	expect(fixture, client, "one\n");
	say(client, "o\nthree\n");
	expect(fixture, client, "two\nthree\n");
	say(client, "1234567890123456789\n");
	expect(fixture, client, "1234567890123456...\n");
	assert_int_equal(fixture->taken, 4);
	close(client);
	run_until_ended(&fixture->base, 1);
	assert_int_equal(fixture->gone[LINES_END_CLIENT], 1);
	assert_int_equal(fixture->base.bytes_in, 35);
}

static void greets_and_refuses_options(void **state)
{
	struct lines_fixture *fixture = *state;

	serve(fixture, &greeting, 0);
	int client = join(fixture);
	expect(fixture, client, "hello\n");
	say(client, "\xff\xfd\x03"
		    "a\r\n");
	expect(fixture, client,
	       "\xff\xfc\x03"
	       "a\n");
	close(client);
	run_until_ended(&fixture->base, 1);
}

static void answers_what_came_before_the_end_of_input(void **state)
{
	struct lines_fixture *fixture = *state;

	serve(fixture, &plain, 0);
	int client = join(fixture);
	say(client, "a\nb\nnot a line");
	shutdown(client, SHUT_WR);
	expect(fixture, client, "a\nb\n");
	expect_end(fixture, client);
	run_until_ended(&fixture->base, 1);
	assert_int_equal(fixture->gone[LINES_END_CLIENT], 1);
	close(client);
}

static void lingers_after_its_last_word(void **state)
{
	struct lines_fixture *fixture = *state;

	serve(fixture, &plain, 0);
	int client = join(fixture);
	say(client, "bye\nmore\nand more\n");
	expect(fixture, client, "goodbye\n");
	expect_end(fixture, client);
	assert_int_equal(fixture->base.ended, 0);
	assert_int_equal(fixture->taken, 1);
	say(client, "still there\n");
	close(client);
	run_until_ended(&fixture->base, 1);
	assert_int_equal(fixture->gone[LINES_END_SERVICE], 1);
}

static void does_not_linger_for_ever(void **state)
{
	struct lines_fixture *fixture = *state;
	uint64_t before = clock_monotonic_ns();

	serve(fixture, &plain, 0);
	int client = join(fixture);
	say(client, "bye\n");
	run_until_ended(&fixture->base, 1);
	assert_true(clock_monotonic_ns() - before < 2 * SESSION_LINGER_NS);
	assert_int_equal(fixture->gone[LINES_END_SERVICE], 1);
	close(client);
}

static void leaves_what_follows_the_line_in_the_socket(void **state)
{
	struct lines_fixture *fixture = *state;
	char rest[32] = "";
	int other;

	serve(fixture, &exact, 0);
	int client = join(fixture);
	say(client, "dr");
	assert_true(loop_turn(fixture->base.loop, 0) >= 0);
	/* Another descriptor of the same socket, as whoever gets it next has it. */
	other = fcntl(client + 1, F_DUPFD_CLOEXEC, 3);
	assert_int_not_equal(other, -1);
	say(client, "op\r\nand this\n");
	run_until_ended(&fixture->base, 1);
	assert_int_equal(recv(other, rest, sizeof(rest), MSG_DONTWAIT), 9);
	assert_string_equal(rest, "and this\n");
	assert_int_equal(fixture->gone[LINES_END_SERVICE], 1);
	/* It has not been shut down. */
	assert_int_equal(send(other, "x", 1, MSG_NOSIGNAL), 1);
	close(other);
	close(client);
}

static void keeps_what_a_client_does_not_take(void **state)
{
	struct lines_fixture *fixture = *state;
	static char data[ROOM];
	int small = 4096;

	serve(fixture, &plain, 0);
	int client = join(fixture);
	setsockopt(client + 1, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	say(client, "big 30000\nnext\n");
	assert_true(loop_turn(fixture->base.loop, 0) >= 0);
	/* Nothing more is taken meanwhile. */
	assert_true(loop_turn(fixture->base.loop, 0) >= 0);
	assert_int_equal(fixture->taken, 1);
	for (size_t done = 0; done < 30000;) {
		ssize_t count = client_read(&fixture->base, client, data, 30000 - done);
		assert_true(count > 0);
		done += (size_t)count;
	}
	expect(fixture, client, "next\n");
	close(client);
	run_until_ended(&fixture->base, 1);
}

static void ends_a_session_whose_output_has_no_room(void **state)
{
	struct lines_fixture *fixture = *state;
	int small = 4096;

	serve(fixture, &plain, 0);
	int client = join(fixture);
	setsockopt(client + 1, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	say(client, "big 100000\n");
	run_until_ended(&fixture->base, 1);
	assert_int_equal(fixture->gone[LINES_END_SLOW], 1);
	close(client);
}

static void takes_lines_no_sooner_than_the_service_wants(void **state)
{
	struct lines_fixture *fixture = *state;
	uint64_t before = clock_monotonic_ns();

	serve(fixture, &plain, 0);
	int client = join(fixture);
	say(client, "a\nslow\nb\nc\n");
	expect(fixture, client, "a\n");
	assert_int_equal(fixture->taken, 2);
	expect(fixture, client, "b\nc\n");
	assert_true(clock_monotonic_ns() - before >= 45 * CLOCK_NS_PER_MS);
	close(client);
	run_until_ended(&fixture->base, 1);
}

static void half_closed_client_is_answered_after_a_pause(void **state)
{
	struct lines_fixture *fixture = *state;

	serve(fixture, &plain, 0);
	int client = join(fixture);
	say(client, "slow\nb\n");
	shutdown(client, SHUT_WR);
	expect(fixture, client, "b\n");
	expect_end(fixture, client);
	run_until_ended(&fixture->base, 1);
	close(client);
}

static void idle_session_ends(void **state)
{
	struct lines_fixture *fixture = *state;
	uint64_t before = clock_monotonic_ns();

	serve(fixture, &plain, 40 * CLOCK_NS_PER_MS);
	int client = join(fixture);
	run_until_ended(&fixture->base, 1);
	assert_true(clock_monotonic_ns() - before >= 35 * CLOCK_NS_PER_MS);
	assert_int_equal(fixture->gone[LINES_END_IDLE], 1);
	close(client);
}

static void session_that_is_not_settled_ends(void **state)
{
	struct lines_fixture *fixture = *state;

	serve(fixture, &hurried, 0);
	int settled = join(fixture);
	int talker = join(fixture);
	say(settled, "settle\n");
	say(talker, "a\n");
	run_until_ended(&fixture->base, 1);
	assert_int_equal(fixture->gone[LINES_END_IDLE], 1);
	expect(fixture, talker, "a\n");
	expect_end(fixture, talker);
	for (int i = 0; i < 4; i++)
		assert_true(loop_turn(fixture->base.loop, 30) >= 0);
	assert_int_equal(fixture->base.ended, 1);
	close(settled);
	close(talker);
	run_until_ended(&fixture->base, 2);
}

static void one_session_may_doom_another(void **state)
{
	struct lines_fixture *fixture = *state;

	serve(fixture, &plain, 0);
	int first = join(fixture);
	int second = join(fixture);
	say(first, "doom\n");
	run_until_ended(&fixture->base, 1);
	assert_int_equal(fixture->gone[LINES_END_SLOW], 1);
	expect_end(fixture, second);
	say(first, "x\n");
	expect(fixture, first, "x\n");
	close(first);
	close(second);
	run_until_ended(&fixture->base, 2);
}

static void pushes_as_fast_as_the_client_takes(void **state)
{
	struct lines_fixture *fixture = *state;
	static char data[65536];
	size_t done = 0;

	serve(fixture, &pushing, 0);
	int client = join(fixture);
	while (done < 10 * (size_t)MEGABYTE) {
		ssize_t count = client_read(&fixture->base, client, data, sizeof(data));
		assert_true(count > 0);
		done += (size_t)count;
	}
	close(client);
	run_until_ended(&fixture->base, 1);
	assert_int_equal(fixture->gone[LINES_END_CLIENT], 1);
}

static void reset_ends_a_session_that_waits_for_room(void **state)
{
	struct lines_fixture *fixture = *state;

	serve(fixture, &pushing, 0);
	int client = join(fixture);
	assert_true(loop_turn(fixture->base.loop, 0) >= 0);
	close(client);
	run_until_ended(&fixture->base, 1);
	assert_int_equal(fixture->gone[LINES_END_CLIENT], 1);
}

static void freeing_ends_every_session(void **state)
{
	struct lines_fixture *fixture = *state;

	serve(fixture, &plain, 1000 * CLOCK_NS_PER_MS);
	int clients[] = { join(fixture), join(fixture), join(fixture) };
	say(clients[0], "partial");
	say(clients[1], "slow\nheld\n");
	assert_true(loop_turn(fixture->base.loop, 0) >= 0);
	assert_int_equal(lines_count(fixture->lines), 3);
	lines_free(fixture->lines);
	fixture->lines = NULL;
	assert_int_equal(fixture->base.ended, 3);
	assert_int_equal(fixture->gone[LINES_END_CLOSING], 3);
	assert_int_equal(loop_watch_count(fixture->base.loop), 0);
	for (size_t i = 0; i < 3; i++)
		close(clients[i]);
}

static void descriptor_stays_the_callers_after_a_failure(void **state)
{
	struct lines_fixture *fixture = *state;
	struct error err = { 0 };
	struct connection connection = { .fd = open("/proc/self/exe",
						    O_RDONLY | O_CLOEXEC) };

	serve(fixture, &plain, 0);
	assert_true(connection.fd >= 0);
	assert_true(lines_start(fixture->lines, &connection, &fixture->base.owner, &err) <
		    0);
	assert_int_equal(lines_count(fixture->lines), 0);
	assert_int_equal(close(connection.fd), 0);
	lines_free(NULL);
}

static void idle_sessions_are_small(void **state)
{
	static int clients[CROWD];
	struct lines_fixture *fixture = *state;
	size_t heap;

	if (!allow_descriptors(2 * CROWD + 64))
		skip();
	serve(fixture, &plain, 1000 * CLOCK_NS_PER_SECOND);
	heap = mallinfo2().uordblks;
	for (int i = 0; i < CROWD; i++) {
		clients[i] = join(fixture);
		say(clients[i], i % 2 == 0 ? "big 3000\n" : "a\nb\nc\n");
	}
	for (int i = 0; i < CROWD; i++)
		expect(fixture, clients[i], i % 2 == 0 ? "xxx" : "a\nb\nc\n");
	heap = mallinfo2().uordblks - heap;
	if (HEAP_IS_MEASURABLE)
		assert_in_range(heap / CROWD, 0, 600);
	for (int i = 0; i < CROWD; i++)
		close(clients[i]);
	run_until_ended(&fixture->base, CROWD);
}

#define LINES_CASE(name)                                                                 \
	cmocka_unit_test_setup_teardown(name, lines_setup, lines_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINES_CASE(answers_lines_in_order_and_pieces),
		LINES_CASE(greets_and_refuses_options),
		LINES_CASE(answers_what_came_before_the_end_of_input),
		LINES_CASE(lingers_after_its_last_word),
		LINES_CASE(does_not_linger_for_ever),
		LINES_CASE(leaves_what_follows_the_line_in_the_socket),
		LINES_CASE(keeps_what_a_client_does_not_take),
		LINES_CASE(ends_a_session_whose_output_has_no_room),
		LINES_CASE(takes_lines_no_sooner_than_the_service_wants),
		LINES_CASE(half_closed_client_is_answered_after_a_pause),
		LINES_CASE(idle_session_ends),
		LINES_CASE(session_that_is_not_settled_ends),
		LINES_CASE(one_session_may_doom_another),
		LINES_CASE(pushes_as_fast_as_the_client_takes),
		LINES_CASE(reset_ends_a_session_that_waits_for_room),
		LINES_CASE(freeing_ends_every_session),
		LINES_CASE(descriptor_stays_the_callers_after_a_failure),
		LINES_CASE(idle_sessions_are_small),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
