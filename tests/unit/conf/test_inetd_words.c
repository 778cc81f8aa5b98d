/* SPDX-License-Identifier: ISC */
/* Cutting lines of inetd.conf into words: blanks, quotes, and what ends a word. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/conf/inetd_internal.h"

/* The words of @text with '|' between them; '!' where a quote is not closed. */
static char *cut(const char *text, bool pairs)
{
	char *copy = strdup(text);
	char *cursor = copy;
	char *result = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);
	char stop = ' ';

	assert_non_null(copy);
	assert_non_null(out);
	while (stop != '\0') {
		char *word;
		bool closed = inetd_take_word(&cursor, pairs, &word, &stop);

		(void)fprintf(out, "%s%s|", closed ? "" : "!", word);
		assert_in_range(cursor - copy, 0, strlen(text));
	}
	free(copy);
	assert_int_equal(fclose(out), 0);
	return result;
}

static void check(const char *text, bool pairs, const char *expected)
{
	char *got = cut(text, pairs);

	assert_string_equal(got, expected);
	free(got);
}

static void cuts_at_blanks_and_the_ends_of_lines(void **state)
{
	(void)state;
	check("", false, "|");
	check("a", false, "a|");
	check("a b", false, "a|b|");
	check("\ta \t b", false, "a|b|");
	check("a\r\nb", false, "a||b|");
	check("a ", false, "a||");
}

static void quotes_at_the_begin_of_a_word_are_taken_off(void **state)
{
	(void)state;
	check("\"a b\" c", false, "a b|c|");
	check("'a \"b' c", false, "a \"b|c|");
	check("\"\" a", false, "|a|");
	check("\"a\"b c", false, "ab|c|");
	check("a\"b c\"", false, "a\"b|c\"|");
	check("it's", false, "it's|");
	check("'a\\'b", false, "a\\b|");
}

static void a_quote_that_is_not_closed_ends_with_its_line(void **state)
{
	(void)state;
	check("\"a b", false, "!a b|");
	check("'a\nb", false, "!a|b|");
	check("'", false, "!|");
}

static void pairs_have_marks_and_quotes_everywhere(void **state)
{
	(void)state;
	check("a=b,c;d#e", true, "a|b|c|d|e|");
	check("a\" , \"b", true, "a , b|");
	check("'a;b',c", true, "a;b|c|");
	check("a=b,c", false, "a=b,c|");
}

static void a_backslash_in_the_quotes_of_pairs_means_something(void **state)
{
	(void)state;
	check("\"\\n\\t\\r\\\\\\\"\\'\"", true, "\n\t\r\\\"'|");
	check("\"\\x41\\x4G\"", true, "Ax4G|");
	check("\"\\q\"", true, "q|");
	check("a\\nb", true, "a\\nb|");
	check("\"\\", true, "!\\|");
}

static void knows_where_an_entry_begins(void **state)
{
	(void)state;
	assert_true(inetd_begins_pairs("ftp on"));
	assert_true(inetd_begins_pairs("ftp\toff x=y\nmore"));
	assert_false(inetd_begins_pairs("ftp only"));
	assert_false(inetd_begins_pairs("ftp\non"));
	assert_false(inetd_begins_pairs(""));
	assert_true(inetd_begins_entry("ftp stream tcp"));
	assert_true(inetd_begins_entry(".include x"));
	assert_true(inetd_begins_entry("x dgram"));
	assert_true(inetd_begins_entry("x stream:filter"));
	assert_false(inetd_begins_entry("-a streams"));
	assert_false(inetd_begins_entry("\tprotocol = tcp"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_at_blanks_and_the_ends_of_lines),
		cmocka_unit_test(quotes_at_the_begin_of_a_word_are_taken_off),
		cmocka_unit_test(a_quote_that_is_not_closed_ends_with_its_line),
		cmocka_unit_test(pairs_have_marks_and_quotes_everywhere),
		cmocka_unit_test(a_backslash_in_the_quotes_of_pairs_means_something),
		cmocka_unit_test(knows_where_an_entry_begins),
	};

	return cmocka_run_group_tests_name("inetd_words", tests, NULL, NULL);
}
