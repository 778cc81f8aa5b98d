/* SPDX-License-Identifier: ISC */
/* A room and those in it. */
#include "service_bench.h"

#include "../../../src/internal/chat/chat.h"

#define CROWD 300

/* Somebody who has given @name; "" for a guest. */
static int enter(struct service_bench *bench, const char *name)
{
	char line[128];
	int client = bench_join(bench);

	bench_expect(bench, client,
		     "--- welcome to place\r\n--- your name? (or an empty line)\r\n");
	(void)snprintf(line, sizeof(line), "%s\r\n", name);
	bench_say(client, line);
	assert_ptr_equal(
		strstr(bench_line(bench, client, line, sizeof(line)), "--- you are "),
		line);
	return client;
}

static void leave(struct service_bench *bench, int client)
{
	size_t ended = bench->base.ended;

	close(client);
	run_until_ended(&bench->base, ended + 1);
}

static void everybody_but_the_speaker_hears(void **state)
{
	struct service_bench *bench = *state;

	bench_open(bench, "chat", NULL);
	int anna = enter(bench, "anna");
	int bob = enter(bench, "Bob");
	int carl = enter(bench, "carl");
	bench_expect(bench, anna, "*** Bob has joined\r\n*** carl has joined\r\n");
	bench_expect(bench, bob, "*** carl has joined\r\n");
	bench_say(anna, "hello\r\n");
	bench_say(bob, "h\x1b[1mi Gr\xc3\xbc\xc3\x9f"
		       "e\xfe\n");
	bench_expect(bench, carl,
		     "<anna> hello\r\n"
		     "<Bob> h[1mi Gr\xc3\xbc\xc3\x9f"
		     "e?\r\n");
	bench_expect(bench, anna,
		     "<Bob> h[1mi Gr\xc3\xbc\xc3\x9f"
		     "e?\r\n");
	bench_expect(bench, bob, "<anna> hello\r\n");
	leave(bench, bob);
	bench_expect(bench, anna, "*** Bob has left\r\n");
	close(anna);
	close(carl);
	run_until_ended(&bench->base, 3);
}

static void empty_name_makes_a_guest(void **state)
{
	struct service_bench *bench = *state;

	bench_open(bench, "chat", NULL);
	int taken = enter(bench, "GUEST1");
	int guest = enter(bench, "  ");
	bench_expect(bench, taken, "*** guest2 has joined\r\n");
	close(guest);
	close(taken);
	run_until_ended(&bench->base, 2);
}

static void names_are_unique_and_tries_are_few(void **state)
{
	struct service_bench *bench = *state;
	char line[256];

	bench_open(bench, "chat", NULL);
	int anna = enter(bench, "anna");
	int other = bench_join(bench);
	bench_line(bench, other, line, sizeof(line));
	bench_line(bench, other, line, sizeof(line));
	bench_say(other, "ANNA\nGET / HTTP/1.1\nHost: x\nmore\n");
	bench_expect(bench, other,
		     "--- ANNA is somebody else's name\r\n"
		     "--- a name is 1 to 16 printing ASCII characters, the first no "
		     "slash\r\n"
		     "--- a name is 1 to 16 printing ASCII characters, the first no "
		     "slash\r\n"
		     "--- goodbye\r\n");
	bench_expect_end(bench, other);
	leave(bench, other);
	/* Nobody has heard of it. */
	bench_say(anna, "/who\n");
	bench_expect(bench, anna, "--- 1 here: anna\r\n");
	leave(bench, anna);
}

static void commands_are_answered(void **state)
{
	struct service_bench *bench = *state;

	bench_open(bench, "chat", NULL);
	int anna = enter(bench, "anna");
	int bob = enter(bench, "bob");
	bench_expect(bench, anna, "*** bob has joined\r\n");
	bench_say(anna, "/help\n/me\n/me  waves \n/nick\n/nick BOB\n/nick a b\n/x\n");
	bench_expect(bench, anna,
		     "--- /nick NAME  be called so\r\n"
		     "--- /who        who is here\r\n"
		     "--- /me TEXT    say what you do\r\n"
		     "--- /help       this list\r\n"
		     "--- /quit       leave\r\n"
		     "--- everything else is said to all\r\n"
		     "--- what do you do?\r\n"
		     "--- you are anna\r\n"
		     "--- BOB is somebody else's name\r\n"
		     "--- a name is 1 to 16 printing ASCII characters, the first no "
		     "slash\r\n"
		     "--- no such command; /help lists them\r\n");
	bench_expect(bench, bob, "* anna waves\r\n");
	bench_say(bob, "/NICK Robert\n");
	bench_expect(bench, bob, "--- you are now Robert\r\n");
	bench_expect(bench, anna, "*** bob is now Robert\r\n");
	bench_say(bob, "/nick ROBERT\n/who\n/quit\n");
	bench_expect(bench, bob,
		     "--- you are now ROBERT\r\n--- 2 here: anna ROBERT\r\n"
		     "--- goodbye\r\n");
	bench_expect_end(bench, bob);
	leave(bench, bob);
	bench_expect(bench, anna, "*** Robert is now ROBERT\r\n*** ROBERT has left\r\n");
	int again = enter(bench, "bob");
	close(again);
	close(anna);
	run_until_ended(&bench->base, 3);
}

static void long_line_is_cut_and_its_speaker_told(void **state)
{
	struct service_bench *bench = *state;
	char line[1024];
	char expected[1024];

	bench_open(bench, "chat", NULL);
	int bob = enter(bench, "bob");
	int anna = enter(bench, "anna");
	bench_expect(bench, bob, "*** anna has joined\r\n");
	memset(line, 'x', 600);
	memcpy(line + 600, "\nshort\n", 8);
	bench_say(anna, line);
	(void)snprintf(expected, sizeof(expected), "<anna> %.*s\r\n", CHAT_LINE_MAX,
		       line);
	bench_expect(bench, bob, expected);
	bench_expect(bench, bob, "<anna> short\r\n");
	bench_expect(bench, anna, "--- your line was cut to 400 bytes\r\n");
	close(anna);
	close(bob);
	run_until_ended(&bench->base, 2);
}

/* Ten lines at once, then two in a second: nothing is lost. */
static void flood_is_slowed_down(void **state)
{
	struct service_bench *bench = *state;
	uint64_t before;

	bench_open(bench, "chat", NULL);
	int bob = enter(bench, "bob");
	int anna = enter(bench, "anna");
	bench_expect(bench, bob, "*** anna has joined\r\n");
	before = clock_monotonic_ns();
	/* Her name was the first. */
	bench_say(anna, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n");
	bench_expect(bench, bob,
		     "<anna> 1\r\n<anna> 2\r\n<anna> 3\r\n<anna> 4\r\n<anna> 5\r\n"
		     "<anna> 6\r\n<anna> 7\r\n<anna> 8\r\n<anna> 9\r\n");
	bench_expect(bench, bob, "<anna> 10\r\n<anna> 11\r\n");
	assert_true(clock_monotonic_ns() - before >= 2 * CHAT_PACE_NS - CHAT_PACE_NS / 4);
	close(anna);
	close(bob);
	run_until_ended(&bench->base, 2);
}

static void blank_lines_are_not_said(void **state)
{
	struct service_bench *bench = *state;

	bench_open(bench, "chat", NULL);
	int bob = enter(bench, "bob");
	int anna = enter(bench, "anna");
	bench_say(anna, "\n   \n\t\nword\n");
	bench_expect(bench, bob, "*** anna has joined\r\n<anna> word\r\n");
	close(anna);
	close(bob);
	run_until_ended(&bench->base, 2);
}

/* Fills the ring past a member who reads nothing: 24 speakers take turns. */
static void member_who_does_not_read_is_dropped(void **state)
{
	enum {
		SPEAKERS = 24,
		LINES = 15
	};
	struct service_bench *bench = *state;
	int speakers[SPEAKERS];
	char line[CHAT_LINE_MAX + 2];
	static char sink[65536];
	int small = 4096;

	bench_open(bench, "chat", NULL);
	int mute = enter(bench, "mute");
	/* The server's end is the descriptor after the client's. */
	setsockopt(mute + 1, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	for (int i = 0; i < SPEAKERS; i++)
		speakers[i] = enter(bench, "");
	memset(line, 'x', CHAT_LINE_MAX);
	memcpy(line + CHAT_LINE_MAX, "\n", 2);
	for (int n = 0; n < LINES; n++)
		for (int i = 0; i < SPEAKERS; i++)
			bench_say(speakers[i], line);
	while (bench->base.ended == 0) {
		assert_true(loop_turn(bench->base.loop, 100) >= 0);
		for (int i = 0; i < SPEAKERS; i++)
			(void)recv(speakers[i], sink, sizeof(sink), MSG_DONTWAIT);
	}
	assert_int_equal(bench->base.ended, 1);
	/* Whoever is left is told. */
	bool told = false;
	while (!told) {
		ssize_t count =
			client_read(&bench->base, speakers[0], sink, sizeof(sink) - 1);
		assert_true(count > 0);
		sink[count] = '\0';
		told = strstr(sink, "*** mute does not keep up and is dropped") != NULL;
		for (int i = 1; i < SPEAKERS; i++)
			(void)recv(speakers[i], sink, sizeof(sink), MSG_DONTWAIT);
	}
	close(mute);
	for (int i = 0; i < SPEAKERS; i++)
		close(speakers[i]);
	run_until_ended(&bench->base, SPEAKERS + 1);
}

/* All but the newest read what has come; who does not read is not heard. */
static void enter_all(struct service_bench *bench, int crowd[CROWD])
{
	static char sink[65536];

	for (int i = 0; i < CROWD; i++) {
		crowd[i] = enter(bench, "");
		for (int other = 0; other < i; other++)
			(void)recv(crowd[other], sink, sizeof(sink), MSG_DONTWAIT);
	}
}

static void crowd_hears_every_word(void **state)
{
	static int crowd[CROWD];
	struct service_bench *bench = *state;
	char line[128];

	if (!allow_descriptors(2 * CROWD + 64))
		skip();
	bench_open(bench, "chat", NULL);
	enter_all(bench, crowd);
	bench_say(crowd[0], "one\n");
	bench_say(crowd[0], "two\n");
	for (int i = 1; i < CROWD; i++) {
		do {
			bench_line(bench, crowd[i], line, sizeof(line));
		} while (strncmp(line, "***", 3) == 0);
		assert_string_equal(line, "<guest1> one\r\n");
		bench_expect(bench, crowd[i], "<guest1> two\r\n");
	}
	/* All at once: what there is no room for is counted. */
	for (int i = 1; i < CROWD; i++)
		close(crowd[i]);
	run_until_ended(&bench->base, CROWD - 1);
	bench_say(crowd[0], "/who\n");
	do {
		bench_line(bench, crowd[0], line, sizeof(line));
	} while (strncmp(line, "***", 3) == 0);
	assert_string_equal(line, "--- 1 here: guest1\r\n");
	leave(bench, crowd[0]);
}

/* More happens in one turn than the ring has room for: what is left out is counted, what
 * is said waits. */
static void what_is_not_announced_is_counted(void **state)
{
	enum {
		MANY = 5000
	};
	struct service_bench *bench = *state;
	struct room *room;
	size_t heard = 0;
	unsigned missed = 0;
	char line[128];
	static char sink[65536];

	bench_open(bench, "chat", NULL);
	room = bench->state;
	int anna = enter(bench, "anna");
	int bob = enter(bench, "bob");
	bench_expect(bench, anna, "*** bob has joined\r\n");
	for (int i = 0; i < MANY; i++)
		room_announce(room, NULL, "*** somebody does something again\r\n");
	assert_true(room_is_behind(room));
	bench_say(bob, "patience\n");
	do {
		/* Who does not read is not heard. */
		(void)recv(bob, sink, sizeof(sink), MSG_DONTWAIT);
		bench_line(bench, anna, line, sizeof(line));
		heard += strcmp(line, "*** somebody does something again\r\n") == 0;
		(void)sscanf(line, "*** %u have come or gone", &missed);
	} while (strcmp(line, "<bob> patience\r\n") != 0);
	assert_true(missed > 0);
	assert_int_equal(heard + missed, MANY);
	close(anna);
	close(bob);
	run_until_ended(&bench->base, 2);
}

static void who_is_bounded(void **state)
{
	static int crowd[CROWD];
	struct service_bench *bench = *state;
	char line[256];

	if (!allow_descriptors(2 * CROWD + 64))
		skip();
	bench_open(bench, "chat", NULL);
	enter_all(bench, crowd);
	bench_say(crowd[CROWD - 1], "/who\n");
	bench_line(bench, crowd[CROWD - 1], line, sizeof(line));
	assert_ptr_equal(strstr(line, "--- 300 here: guest1 guest2 "), line);
	do {
		bench_line(bench, crowd[CROWD - 1], line, sizeof(line));
		assert_true(strlen(line) < 100);
	} while (strstr(line, "and 200 more") == NULL);
	for (int i = 0; i < CROWD; i++)
		close(crowd[i]);
	run_until_ended(&bench->base, CROWD);
}

static void half_closed_client_gets_its_answers(void **state)
{
	struct service_bench *bench = *state;
	int client;

	bench_open(bench, "chat", NULL);
	client = bench_join(bench);
	bench_say(client, "anna\n/who\n");
	shutdown(client, SHUT_WR);
	bench_expect(bench, client,
		     "--- welcome to place\r\n--- your name? (or an empty line)\r\n"
		     "--- you are anna; 0 others are here; /help lists the commands\r\n"
		     "--- 1 here: anna\r\n");
	bench_expect_end(bench, client);
	run_until_ended(&bench->base, 1);
	close(client);
}

static void idle_member_leaves_with_a_word(void **state)
{
	struct service_bench *bench = *state;

	bench->service->idle_timeout_ns = 300 * CLOCK_NS_PER_MS;
	bench_open(bench, "chat", NULL);
	int anna = enter(bench, "anna");
	run_until_ended(&bench->base, 1);
	bench_expect_end(bench, anna);
	close(anna);
}

static void members_are_told_that_nobody_else_will_come(void **state)
{
	struct service_bench *bench = *state;

	bench_open(bench, "chat", NULL);
	int anna = enter(bench, "anna");
	bench->internal->drain(bench->state);
	bench_expect(
		bench, anna,
		"*** a new room has opened; who comes from now on will be there\r\n");
	leave(bench, anna);
}

static void closing_the_room_ends_all(void **state)
{
	struct service_bench *bench = *state;

	bench_open(bench, "chat", NULL);
	int anna = enter(bench, "anna");
	int bob = enter(bench, "bob");
	int nobody = bench_join(bench);
	bench_say(anna, "unheard\n");
	bench_turn(bench);
	bench_close(bench);
	assert_int_equal(bench->base.ended, 3);
	assert_int_equal(loop_watch_count(bench->base.loop), 0);
	bench_turn(bench);
	close(anna);
	close(bob);
	close(nobody);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_CASE(everybody_but_the_speaker_hears),
		BENCH_CASE(empty_name_makes_a_guest),
		BENCH_CASE(names_are_unique_and_tries_are_few),
		BENCH_CASE(commands_are_answered),
		BENCH_CASE(long_line_is_cut_and_its_speaker_told),
		BENCH_CASE(flood_is_slowed_down),
		BENCH_CASE(blank_lines_are_not_said),
		BENCH_CASE(member_who_does_not_read_is_dropped),
		BENCH_CASE(crowd_hears_every_word),
		BENCH_CASE(what_is_not_announced_is_counted),
		BENCH_CASE(who_is_bounded),
		BENCH_CASE(half_closed_client_gets_its_answers),
		BENCH_CASE(idle_member_leaves_with_a_word),
		BENCH_CASE(members_are_told_that_nobody_else_will_come),
		BENCH_CASE(closing_the_room_ends_all),
	};

	return cmocka_run_group_tests_name("chat", tests, NULL, NULL);
}
