/* SPDX-License-Identifier: ISC */
/* Text in fixed buffers: what fits, what is cut, what is escaped. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "usherd/base/text.h"

static void starts_empty_and_terminated(void **state)
{
	char buffer[4] = "xyz";
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	assert_string_equal(buffer, "");
	assert_int_equal(text.length, 0);
	assert_false(text.truncated);
}

static void adds_up_to_the_last_byte(void **state)
{
	char buffer[6];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_add(&text, "ab");
	text_add(&text, "");
	text_add(&text, "cde");
	assert_string_equal(buffer, "abcde");
	assert_int_equal(text.length, 5);
	assert_false(text.truncated);
}

static void cuts_what_does_not_fit_and_then_adds_nothing(void **state)
{
	char buffer[6];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_add(&text, "abcdef");
	assert_string_equal(buffer, "abcde");
	assert_true(text.truncated);
	text_add(&text, "g");
	text_addf(&text, "%d", 1);
	text_add_escaped(&text, "h", 1);
	assert_string_equal(buffer, "abcde");
	assert_int_equal(text.length, 5);
}

static void a_buffer_of_one_byte_holds_nothing(void **state)
{
	char buffer[1];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_add(&text, "");
	assert_false(text.truncated);
	text_addf(&text, "%s", "a");
	assert_true(text.truncated);
	assert_string_equal(buffer, "");
}

static void adds_bytes_without_their_terminator(void **state)
{
	char buffer[8];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_add_bytes(&text, "abcdef", 3);
	assert_string_equal(buffer, "abc");
	text_add_bytes(&text, NULL, 0);
	assert_int_equal(text.length, 3);
}

static void formats_to_the_last_byte_and_cuts_after(void **state)
{
	char buffer[6];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "%d", 12345);
	assert_string_equal(buffer, "12345");
	assert_false(text.truncated);
	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "a%d", 12345);
	assert_string_equal(buffer, "a1234");
	assert_true(text.truncated);
	assert_int_equal(text.length, 5);
}

static void adds_nothing_when_an_argument_cannot_be_converted(void **state)
{
	static const wchar_t wide[] = { (wchar_t)0x7fffffff, 0 };
	char buffer[16];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_add(&text, "ab");
	text_addf(&text, "x%ls", wide);
	assert_true(text.truncated);
	assert_string_equal(buffer, "ab");
}

static void numbers_are_those_of_printf(void **state)
{
	static const uintmax_t numbers[] = { 0,     1,          9,          10,
					     65535, UINT32_MAX, UINT64_MAX, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char buffer[32], expected[32];
		struct text text;

		text_init(&text, buffer, sizeof(buffer));
		text_add_number(&text, numbers[i]);
		(void)snprintf(expected, sizeof(expected), "%ju", numbers[i]);
		assert_string_equal(buffer, expected);
	}
}

static void a_number_that_does_not_fit_is_cut(void **state)
{
	char buffer[4];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_add_number(&text, 12345);
	assert_string_equal(buffer, "123");
	assert_true(text.truncated);
}

static void escapes_everything_that_is_not_plain(void **state)
{
	static const char bytes[] = "a\n\t\\'\r\0\x1b\x7f\x80\xff ~z";
	char buffer[128];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_add_escaped(&text, bytes, sizeof(bytes) - 1);
	assert_string_equal(buffer, "a\\n\\t\\\\\\'\\x0d\\x00\\x1b\\x7f\\x80\\xff ~z");
	assert_false(text.truncated);
}

static void escaped_text_is_printable_for_every_byte(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		char one = (char)byte;
		char buffer[8];
		struct text text;

		text_init(&text, buffer, sizeof(buffer));
		text_add_escaped(&text, &one, 1);
		assert_false(text.truncated);
		for (size_t i = 0; i < text.length; i++)
			assert_in_range(buffer[i], 0x20, 0x7e);
	}
}

static void never_cuts_an_escape_in_half(void **state)
{
	(void)state;
	for (size_t size = 2; size <= 5; size++) {
		char buffer[8];
		struct text text;

		text_init(&text, buffer, size);
		text_add_escaped(&text, "a\x01", 2);
		assert_string_equal(buffer, "a");
		assert_true(text.truncated);
		text_add(&text, "b");
		assert_string_equal(buffer, "a");
	}
}

static void copies_and_says_whether_all_fitted(void **state)
{
	char buffer[4];

	(void)state;
	assert_true(text_copy(buffer, sizeof(buffer), "abc"));
	assert_string_equal(buffer, "abc");
	assert_false(text_copy(buffer, sizeof(buffer), "abcd"));
	assert_string_equal(buffer, "abc");
	assert_true(text_copy(buffer, sizeof(buffer), ""));
	assert_string_equal(buffer, "");
}

static void escape_returns_its_buffer(void **state)
{
	char buffer[8];

	(void)state;
	assert_ptr_equal(text_escape(buffer, sizeof(buffer), "a'b"), buffer);
	assert_string_equal(buffer, "a\\'b");
	assert_string_equal(text_escape(buffer, sizeof(buffer), "abcdefghi"), "abcdefg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty_and_terminated),
		cmocka_unit_test(adds_up_to_the_last_byte),
		cmocka_unit_test(cuts_what_does_not_fit_and_then_adds_nothing),
		cmocka_unit_test(a_buffer_of_one_byte_holds_nothing),
		cmocka_unit_test(adds_bytes_without_their_terminator),
		cmocka_unit_test(formats_to_the_last_byte_and_cuts_after),
		cmocka_unit_test(adds_nothing_when_an_argument_cannot_be_converted),
		cmocka_unit_test(numbers_are_those_of_printf),
		cmocka_unit_test(a_number_that_does_not_fit_is_cut),
		cmocka_unit_test(escapes_everything_that_is_not_plain),
		cmocka_unit_test(escaped_text_is_printable_for_every_byte),
		cmocka_unit_test(never_cuts_an_escape_in_half),
		cmocka_unit_test(copies_and_says_whether_all_fitted),
		cmocka_unit_test(escape_returns_its_buffer),
	};

	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
