/* SPDX-License-Identifier: ISC */
/* What reaches other people's terminals, and what one may be called. */
#include "test.h"

#include <string.h>

#include "../../../src/internal/chat/chat.h"

static void check(const char *bytes, size_t length, const char *expected)
{
	char text[256];

	assert_true(length < sizeof(text));
	memcpy(text, bytes, length);
	text[length] = '\0';
	assert_int_equal(chat_clean(text, length), strlen(expected));
	assert_string_equal(text, expected);
}

#define CLEAN(bytes, expected) check(bytes, sizeof(bytes) - 1, expected)

static void leaves_ordinary_text_alone(void **state)
{
	(void)state;
	CLEAN("", "");
	CLEAN("Hello, world! ~", "Hello, world! ~");
	CLEAN("Gr\xc3\xbc\xc3\x9f"
	      "e \xe2\x82\xac \xe4\xb8\xad \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf",
	      "Gr\xc3\xbc\xc3\x9f"
	      "e \xe2\x82\xac \xe4\xb8\xad \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf");
}

static void drops_control_characters(void **state)
{
	(void)state;
	CLEAN("a\x1b[31mred\x07\x08\x7f\r\x00z", "a[31mredz");
	CLEAN("a\tb", "a b");
	/* C1 as code points: CSI */
	CLEAN("a\xc2\x9b"
	      "31m\xc2\x80\xc2\x9f",
	      "a31m");
	CLEAN("\xc2\xa0", "\xc2\xa0");
}

static void drops_what_turns_text_around(void **state)
{
	(void)state;
	CLEAN("a\xe2\x80\xae"
	      "b\xe2\x81\xa6\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\xd8\x9c"
	      "c\xf3\xa0\x80\x81",
	      "abc");
}

static void marks_bytes_that_are_no_utf_8(void **state)
{
	(void)state;
	CLEAN("a\xff"
	      "b\x80\xbf",
	      "a?b??");
	CLEAN("\xc0\xaf", "??");           /* overlong slash */
	CLEAN("\xe0\x80\x9b", "???");      /* overlong escape */
	CLEAN("\xf0\x80\x80\x9b", "????"); /* likewise */
	CLEAN("\xed\xa0\x80", "???");      /* surrogate */
	CLEAN("\xf4\x90\x80\x80", "????"); /* past U+10FFFF */
	CLEAN("\xe2\x82", "??");           /* cut */
	CLEAN("\xe2\x82\x1b[", "??[");     /* cut by an escape */
	CLEAN("\x9b"
	      "31m",
	      "?31m"); /* C1 as a byte */
}

static bool good(const char *nick)
{
	return chat_nick_is_good(nick, strlen(nick));
}

static void accepts_names_of_printing_ascii(void **state)
{
	(void)state;
	assert_true(good("a"));
	assert_true(good("~!@#x{}|/"));
	assert_true(good("0123456789abcdef"));
	assert_false(good(""));
	assert_false(good("0123456789abcdefg"));
	assert_false(good("a b"));
	assert_false(good("a\x1b"));
	assert_false(good("a\x7f"));
	assert_false(good("\xc3\xbc"));
	assert_false(good("/quit"));
}

static void compares_names_without_case(void **state)
{
	char folded[CHAT_NICK_MAX + 1];

	(void)state;
	chat_fold("BoB[]0123456789A", folded);
	assert_string_equal(folded, "bob[]0123456789a");
}

static void trims_blanks(void **state)
{
	char text[] = "  a b  ";
	char blank[] = "   ";

	(void)state;
	assert_string_equal(chat_trim(text), "a b");
	assert_string_equal(chat_trim(blank), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_ordinary_text_alone),
		cmocka_unit_test(drops_control_characters),
		cmocka_unit_test(drops_what_turns_text_around),
		cmocka_unit_test(marks_bytes_that_are_no_utf_8),
		cmocka_unit_test(accepts_names_of_printing_ascii),
		cmocka_unit_test(compares_names_without_case),
		cmocka_unit_test(trims_blanks),
	};

	return cmocka_run_group_tests_name("chat_text", tests, NULL, NULL);
}
