/* SPDX-License-Identifier: ISC */
/* Bytes into lines, whole and in pieces, with and without telnet. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "usherd/internal/line_input.h"

#define ROOM 8

/* All that came of some input, as text: lines in brackets, '+' behind one that was cut,
 * options as (VERB OPTION). */
struct result {
	char text[512];
	size_t length;
};

static void add(struct result *result, const char *bytes, size_t length)
{
	assert_true(result->length + length < sizeof(result->text));
	memcpy(result->text + result->length, bytes, length);
	result->length += length;
	result->text[result->length] = '\0';
}

static void add_event(struct result *result, struct line_input *input,
		      enum line_input_event event, const char *line)
{
	char option[32];

	if (event == LINE_INPUT_OPTION) {
		(void)snprintf(option, sizeof(option), "(%u %u)", input->verb,
			       input->option);
		add(result, option, strlen(option));
	} else if (event == LINE_INPUT_LINE) {
		add(result, "[", 1);
		add(result, line, input->length);
		add(result, input->cut ? "]+" : "]", input->cut ? 2 : 1);
		line_input_next(input);
	}
}

/* @piece bytes at a time. */
static struct result feed(const char *bytes, size_t length, size_t piece, bool telnet)
{
	char line[ROOM];
	struct line_form form = { .text = line, .room = ROOM, .telnet = telnet };
	struct line_input input = { 0 };
	struct result result = { .length = 0 };

	for (size_t at = 0; at < length; at += piece) {
		size_t size = piece < length - at ? piece : length - at;
		struct line_source source = { (const uint8_t *)bytes + at, size };

		while (source.size > 0) {
			enum line_input_event event =
				line_input_take(&input, &form, &source);
			assert_true(input.length <= ROOM);
			add_event(&result, &input, event, line);
		}
	}
	return result;
}

static void check(const char *bytes, size_t length, bool telnet, const char *expected)
{
	for (size_t piece = 1; piece <= length; piece++)
		assert_string_equal(feed(bytes, length, piece, telnet).text, expected);
}

#define PLAIN(bytes, expected)  check(bytes, sizeof(bytes) - 1, false, expected)
#define TELNET(bytes, expected) check(bytes, sizeof(bytes) - 1, true, expected)

static void takes_both_ends_of_lines(void **state)
{
	(void)state;
	PLAIN("a\nb\r\n\n\r\nrest", "[a][b][][]");
	TELNET("a\nb\r\n\n\r\nrest", "[a][b][][]");
}

static void keeps_a_carriage_return_that_ends_nothing(void **state)
{
	(void)state;
	PLAIN("a\rb\n\r\r\n", "[a\rb][\r]");
}

static void telnet_ends_lines_with_a_carriage_return_alone(void **state)
{
	(void)state;
	TELNET("a\rb\r\0c\r\0\n", "[a][b][c][]");
}

static void cuts_what_is_longer_than_its_room(void **state)
{
	(void)state;
	PLAIN("12345678\n123456789\nx\n", "[12345678][12345678]+[x]");
	PLAIN("12345678\r\n12345678\rx\n", "[12345678][12345678]+");
	TELNET("12345678\r\n123456789abcdef\r\nx\r\n", "[12345678][12345678]+[x]");
}

static void leaves_telnet_alone_where_there_is_none(void **state)
{
	(void)state;
	PLAIN("\xff\xfd\x01\n", "[\xff\xfd\x01]");
}

static void asks_to_refuse_every_option(void **state)
{
	(void)state;
	/* DO ECHO: WONT ECHO; WILL LINEMODE: DONT LINEMODE */
	TELNET("a\xff\xfd\x01"
	       "b\xff\xfb\x22\n",
	       "(252 1)(254 34)[ab]");
}

static void answers_no_refusal(void **state)
{
	(void)state;
	TELNET("\xff\xfc\x01\xff\xfe\x01x\n", "[x]");
}

static void passes_over_commands_and_subnegotiations(void **state)
{
	(void)state;
	TELNET("a\xff\xf4" /* interrupt */
	       "b\xff\xfa\x18\x00\n\r\xff\xff\xff\xfd\x01xterm\xff\xf0"
	       "c\xff\xff\n",
	       "[abc\xff]");
}

static void option_may_be_a_line_end(void **state)
{
	(void)state;
	TELNET("\xff\xfd\n\xff\xfd\r\n", "(252 10)(252 13)[]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_both_ends_of_lines),
		cmocka_unit_test(keeps_a_carriage_return_that_ends_nothing),
		cmocka_unit_test(telnet_ends_lines_with_a_carriage_return_alone),
		cmocka_unit_test(cuts_what_is_longer_than_its_room),
		cmocka_unit_test(leaves_telnet_alone_where_there_is_none),
		cmocka_unit_test(asks_to_refuse_every_option),
		cmocka_unit_test(answers_no_refusal),
		cmocka_unit_test(passes_over_commands_and_subnegotiations),
		cmocka_unit_test(option_may_be_a_line_end),
	};

	return cmocka_run_group_tests_name("line_input", tests, NULL, NULL);
}
