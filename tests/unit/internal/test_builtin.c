/* SPDX-License-Identifier: ISC */
/* What each in-process service says, to streams and to datagrams. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test.h"
#include "usherd/internal/internal.h"

#define CHARGEN_LINE   74
#define CHARGEN_PERIOD ((size_t)95 * CHARGEN_LINE)

/* 2031-11-07 09:05:03 UTC, a day and hours that need their zeros. */
#define SOME_MOMENT INT64_C(1951808703)

/* A clock of its own name for a zone, without any file: "XYZ", two hours east. */
static int set_zone(void **state)
{
	(void)state;
	setenv("TZ", "XYZ-2", 1);
	tzset();
	return 0;
}

static void lists_services_in_alphabetical_order(void **state)
{
	size_t count = 0;

	(void)state;
	for (; internal_at(count) != NULL; count++) {
		const struct internal *internal = internal_at(count);

		assert_ptr_equal(internal_find(internal->name), internal);
		if (count > 0)
			assert_true(strcmp(internal_at(count - 1)->name, internal->name) <
				    0);
	}
	assert_null(internal_at(SIZE_MAX));
}

static void small_services_are_for_streams_and_datagrams(void **state)
{
	static const char *const names[] = { "chargen", "daytime", "discard",
					     "echo",    "qotd",    "time" };
	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_non_null(internal_find(names[i])->builtin);
		assert_int_equal(strncmp(internal_find(names[i])->rfc, "RFC 8", 5), 0);
		assert_true(internal_exists(names[i], true));
		assert_true(internal_exists(names[i], false));
	}
}

static void services_that_speak_in_lines_are_for_streams(void **state)
{
	static const char *const names[] = { "chat", "ident", "servers", "services",
					     "tcpmux" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(internal_exists(names[i], true));
		assert_false(internal_exists(names[i], false));
	}
}

static void knows_no_other_service(void **state)
{
	static const char *const names[] = { "", "Echo", "echo ", "server", "xadmin" };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_null(internal_find(names[i]));
		assert_false(internal_exists(names[i], true));
		assert_false(internal_exists(names[i], false));
	}
}

static size_t produce(const char *name, uint64_t *position, void *buffer, size_t size,
		      int64_t now)
{
	struct builtin_moment moment = { .wall_seconds = now };

	return internal_find(name)->builtin->produce(position, buffer, size, &moment);
}

static ssize_t answer(const char *name, size_t length, void *reply, size_t size,
		      int64_t now)
{
	static const uint8_t request[2048];
	struct builtin_moment moment = { .wall_seconds = now };

	return internal_find(name)->builtin->answer(request, length, reply, size,
						    &moment);
}

static void chargen_starts_with_the_lines_of_the_rfc(void **state)
{
	static const char expected[] =
		" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"
		"`abcdefg\r\n"
		"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"
		"`abcdefgh\r\n";
	uint64_t position = 0;
	char buffer[2 * CHARGEN_LINE];

	(void)state;
	assert_int_equal(produce("chargen", &position, buffer, sizeof(buffer), 0),
			 sizeof(buffer));
	assert_memory_equal(buffer, expected, sizeof(buffer));
	assert_int_equal(position, sizeof(buffer));
}

static void chargen_walks_the_whole_ring_and_starts_again(void **state)
{
	static char buffer[2 * CHARGEN_PERIOD];
	uint64_t position = 0;

	(void)state;
	produce("chargen", &position, buffer, sizeof(buffer), 0);
	for (size_t i = 0; i < sizeof(buffer); i++) {
		size_t line = i / CHARGEN_LINE, column = i % CHARGEN_LINE;
		size_t expected = ' ' + (line + column) % 95;
		if (column >= 72)
			expected = column == 72 ? '\r' : '\n';
		assert_int_equal(buffer[i], expected);
	}
}

static void chargen_is_the_same_in_pieces_of_any_size(void **state)
{
	static char whole[CHARGEN_PERIOD + 100], pieces[CHARGEN_PERIOD + 100];
	uint64_t start = 0;

	(void)state;
	produce("chargen", &start, whole, sizeof(whole), 0);
	for (size_t size = 1; size < 200; size += 7) {
		uint64_t position = 0;
		size_t done = 0;
		while (done < sizeof(pieces)) {
			size_t wanted = sizeof(pieces) - done;
			done += produce("chargen", &position, pieces + done,
					size < wanted ? size : wanted, 0);
			assert_int_equal(position, done);
		}
		assert_memory_equal(pieces, whole, sizeof(whole));
	}
}

static void chargen_goes_on_at_the_far_end_of_its_position(void **state)
{
	char buffer[3];
	uint64_t position = UINT64_C(1000000000000) * CHARGEN_PERIOD + 71;

	(void)state;
	assert_int_equal(produce("chargen", &position, buffer, 3, 0), 3);
	assert_memory_equal(buffer, "g\r\n", 3);
}

static void chargen_answers_no_more_than_it_was_sent(void **state)
{
	static const size_t lengths[][2] = { { 0, 0 },     { 1, 1 },     { 511, 511 },
					     { 512, 512 }, { 513, 512 }, { 2048, 512 } };
	char reply[2048];

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(answer("chargen", lengths[i][0], reply, 2048, 0),
				 lengths[i][1]);
	assert_memory_equal(reply, " !\"#$", 5);
	assert_int_equal(reply[511], ' ' + (6 + 511 % CHARGEN_LINE) % 95);
	assert_int_equal(answer("chargen", 100, reply, 99, 0), -1);
}

static void daytime_has_the_form_of_xinetd(void **state)
{
	char buffer[64];
	uint64_t position = 0;

	(void)state;
	assert_int_equal(produce("daytime", &position, buffer, 64, SOME_MOMENT), 26);
	assert_memory_equal(buffer, "07 NOV 2031 11:05:03 XYZ\r\n", 26);
	assert_int_equal(produce("daytime", &position, buffer, 64, SOME_MOMENT), 0);
	assert_int_equal(answer("daytime", 0, buffer, 64, 0), 26);
	assert_memory_equal(buffer, "01 JAN 1970 02:00:00 XYZ\r\n", 26);
	assert_int_equal(answer("daytime", 0, buffer, 25, 0), -1);
}

static void daytime_names_every_month_in_english(void **state)
{
	static const char months[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
	char buffer[64];

	(void)state;
	for (int month = 0; month < 12; month++) {
		int64_t middle = (int64_t)(month * 30.44 + 15) * 86400;
		assert_int_equal(answer("daytime", 0, buffer, 64, middle), 26);
		assert_memory_equal(buffer + 3, months + (ptrdiff_t)3 * month, 3);
	}
}

static void daytime_is_silent_about_years_that_do_not_exist(void **state)
{
	char buffer[64];
	uint64_t position = 0;

	(void)state;
	assert_int_equal(produce("daytime", &position, buffer, 64, INT64_MAX), 0);
	assert_int_equal(answer("daytime", 0, buffer, 64, INT64_MIN), -1);
}

static void time_counts_from_1900_and_wraps_in_2036(void **state)
{
	static const struct {
		int64_t now;
		uint8_t bytes[4];
	} cases[] = {
		{ 0, { 0x83, 0xaa, 0x7e, 0x80 } },
		{ -1, { 0x83, 0xaa, 0x7e, 0x7f } },
		/* RFC 868: 2,524,521,600 and 2,629,584,000 are 1980 and May 1983. */
		{ 315532800, { 0x96, 0x79, 0x24, 0x80 } },
		{ 420595200, { 0x9c, 0xbc, 0x44, 0x80 } },
		{ 2085978495, { 0xff, 0xff, 0xff, 0xff } },
		{ 2085978496, { 0x00, 0x00, 0x00, 0x00 } },
	};
	uint8_t reply[8];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t position = 0;
		assert_int_equal(produce("time", &position, reply, 8, cases[i].now), 4);
		assert_memory_equal(reply, cases[i].bytes, 4);
		assert_int_equal(produce("time", &position, reply, 8, cases[i].now), 0);
		assert_int_equal(answer("time", 0, reply, 4, cases[i].now), 4);
		assert_memory_equal(reply, cases[i].bytes, 4);
	}
	assert_int_equal(answer("time", 100, reply, 3, 0), -1);
}

static void qotd_has_several_quotes_of_plain_text(void **state)
{
	char first[512], quote[512];
	size_t different = 0;

	(void)state;
	ssize_t first_length = answer("qotd", 2048, first, sizeof(first), 0);
	for (int64_t now = 0; now < 100; now++) {
		ssize_t length = answer("qotd", 2048, quote, sizeof(quote), now);
		assert_in_range(length, 3, 511);
		assert_memory_equal(quote + length - 2, "\r\n", 2);
		for (ssize_t i = 0; i < length; i++)
			assert_true((quote[i] >= ' ' && quote[i] <= '~') ||
				    quote[i] == '\r' || quote[i] == '\n');
		different += length != first_length ||
			     memcmp(quote, first, (size_t)length) != 0;
	}
	assert_in_range(different, 80, 99);
}

static void qotd_cuts_its_answer_to_the_length_of_the_request(void **state)
{
	char whole[512], cut[512];
	ssize_t length = answer("qotd", 512, whole, sizeof(whole), SOME_MOMENT);

	(void)state;
	for (ssize_t asked = 0; asked <= length + 1; asked++) {
		ssize_t got =
			answer("qotd", (size_t)asked, cut, sizeof(cut), SOME_MOMENT);
		assert_int_equal(got, asked < length ? asked : length);
		assert_memory_equal(cut, whole, (size_t)got);
	}
}

/* The text stays that of the first piece although the clock goes on. */
static void texts_are_the_same_in_pieces(void **state)
{
	static const char *const names[] = { "daytime", "qotd", "time" };
	static const int64_t moments[] = { 0, SOME_MOMENT, -86400, 253402300799 };

	(void)state;
	for (size_t i = 0; i < 12; i++) {
		const char *name = names[i % 3];
		int64_t now = moments[i / 3];
		char whole[512], pieces[512];
		uint64_t position = 0;
		size_t length = produce(name, &position, whole, sizeof(whole), now);
		size_t done = 0, got = 1;
		position = 0;
		for (; got > 0; done += got, now += 86401)
			got = produce(name, &position, pieces + done, 3, now);
		assert_int_equal(done, length);
		assert_memory_equal(pieces, whole, length);
	}
}

static void echo_answers_the_same_bytes_or_nothing(void **state)
{
	const struct builtin *echo = internal_find("echo")->builtin;
	static const uint8_t request[] = { 0, 255, '\n', 0 };
	uint8_t reply[4];

	(void)state;
	assert_null(echo->produce);
	assert_int_equal(echo->answer(request, 4, reply, 4, NULL), 4);
	assert_memory_equal(reply, request, 4);
	assert_int_equal(echo->answer(NULL, 0, reply, 4, NULL), 0);
	assert_int_equal(echo->answer(request, 4, reply, 3, NULL), -1);
}

static void discard_never_answers(void **state)
{
	char reply[64];

	(void)state;
	assert_null(internal_find("discard")->builtin->produce);
	assert_int_equal(answer("discard", 0, reply, 64, 0), -1);
	assert_int_equal(answer("discard", 2048, reply, 64, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_services_in_alphabetical_order),
		cmocka_unit_test(small_services_are_for_streams_and_datagrams),
		cmocka_unit_test(services_that_speak_in_lines_are_for_streams),
		cmocka_unit_test(knows_no_other_service),
		cmocka_unit_test(chargen_starts_with_the_lines_of_the_rfc),
		cmocka_unit_test(chargen_walks_the_whole_ring_and_starts_again),
		cmocka_unit_test(chargen_is_the_same_in_pieces_of_any_size),
		cmocka_unit_test(chargen_goes_on_at_the_far_end_of_its_position),
		cmocka_unit_test(chargen_answers_no_more_than_it_was_sent),
		cmocka_unit_test(daytime_has_the_form_of_xinetd),
		cmocka_unit_test(daytime_names_every_month_in_english),
		cmocka_unit_test(daytime_is_silent_about_years_that_do_not_exist),
		cmocka_unit_test(time_counts_from_1900_and_wraps_in_2036),
		cmocka_unit_test(qotd_has_several_quotes_of_plain_text),
		cmocka_unit_test(qotd_cuts_its_answer_to_the_length_of_the_request),
		cmocka_unit_test(texts_are_the_same_in_pieces),
		cmocka_unit_test(echo_answers_the_same_bytes_or_nothing),
		cmocka_unit_test(discard_never_answers),
	};
	return cmocka_run_group_tests_name("serve/builtin", tests, set_zone, NULL);
}
