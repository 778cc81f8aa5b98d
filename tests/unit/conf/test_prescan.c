/* SPDX-License-Identifier: ISC */
/* Case by case what is wrong with libconfuse 3.3 and is caught before it. */
#include "test.h"

#include <errno.h>

#include "conf_test.h"
#include "usherd/conf/prescan.h"

struct scanned {
	char *text;
	int result;
	struct outline outline;
	struct diagnostics diagnostics;
};

static struct scanned scan(const char *text)
{
	struct scanned scanned = { .text = strdup(text) };
	scanned.result = prescan(scanned.text, strlen(text), "t", &scanned.outline,
				 &scanned.diagnostics);
	return scanned;
}

static void scanned_done(struct scanned *scanned)
{
	outline_done(&scanned->outline);
	diagnostics_done(&scanned->diagnostics);
	free(scanned->text);
}

#define assert_scan(input, expected)                                                     \
	do {                                                                             \
		struct scanned scanned_ = scan(input);                                   \
		assert_errors(&scanned_.diagnostics, expected);                          \
		assert_int_equal(scanned_.result, (expected)[0] != '\0' ? -EINVAL : 0);  \
		scanned_done(&scanned_);                                                 \
	} while (0)

static void blanks_comments_and_keeps_lines(void **state)
{
	(void)state;
	struct scanned scanned = scan("a = 1 # x {\n// \"y\n/* z\n}*/b = '#' \"//\"");
	assert_string_equal(scanned.text, "a = 1      \n     \n    \n   b = '#' \"//\"");
	scanned_done(&scanned);
}

static void turns_crlf_into_line_ends(void **state)
{
	(void)state;
	struct scanned scanned = scan("a = 1\r\nb = 2\r\n");
	assert_string_equal(scanned.text, "a = 1 \nb = 2 \n");
	assert_int_equal(scanned.result, 0);
	scanned_done(&scanned);
}

/* Trap 1: comments move the lines libconfuse counts. */
static void counts_lines_past_comments(void **state)
{
	(void)state;
	assert_scan("# 1\n# 2\n/* 3\n4 */ // 4\nx = \"\n",
		    "t:5: error: string is not closed on its line\n");
}

/* Trap 2: the end of the file inside a section is success. */
static void finds_a_section_that_is_not_closed(void **state)
{
	(void)state;
	assert_scan("\nservice a {\nport = 1\n",
		    "t:2: error: '{' of this section is never closed\n");
	assert_scan("service\na\n{", "t:1: error: '{' of this section is never closed\n");
}

/* Trap 3: so is an unterminated comment. */
static void finds_a_comment_that_is_not_closed(void **state)
{
	(void)state;
	assert_scan("a = 1\n/* x\ny\n", "t:2: error: comment is never closed\n");
	assert_scan("/*/", "t:1: error: comment is never closed\n");
	assert_scan("/**/", "");
}

static void finds_a_list_that_is_not_closed(void **state)
{
	(void)state;
	assert_scan("a = { 1\nb = 2\n", "t:1: error: '{' of this list is never closed\n");
	assert_scan("a = { 1,\n", "t:1: error: '{' of this list is never closed\n");
	assert_scan("s x { a = { 1\n}\n",
		    "t:1: error: '{' of this section is never closed\n");
}

static void finds_the_first_of_two_sections_open(void **state)
{
	(void)state;
	assert_scan("s a {\nx = 1\ns b {\n}\n",
		    "t:3: error: a section begins inside the one opened at line 1; is a "
		    "'}' missing before it?\n");
}

static void finds_braces_too_many(void **state)
{
	(void)state;
	assert_scan("s a { }\n}\n", "t:2: error: '}' without a '{' before it\n");
	assert_scan("{ }\n", "t:1: error: '{' without the name of a section before it\n");
}

/* Trap 12: nesting without limit ends in a crash. */
static void refuses_any_depth_of_nesting(void **state)
{
	(void)state;
	enum {
		DEPTH = 200000
	};
	char *text = malloc(2 * DEPTH + 1);
	assert_non_null(text);
	for (size_t i = 0; i < DEPTH; i++) {
		text[2 * i] = 'a';
		text[2 * i + 1] = '{';
	}
	text[2 * DEPTH] = '\0';
	struct scanned scanned = scan(text);
	assert_int_equal(scanned.result, -EINVAL);
	assert_int_equal(scanned.diagnostics.errors, DEPTH);
	scanned_done(&scanned);
	free(text);
	struct scanned lists = scan("a = {{{{ x = { y = {");
	assert_int_equal(lists.result, -EINVAL);
	scanned_done(&lists);
}

static void refuses_an_equal_sign_and_brace_in_a_list(void **state)
{
	(void)state;
	struct scanned scanned = scan("s x { env = { A = { B = { C = { ");
	assert_int_equal(scanned.result, -EINVAL);
	scanned_done(&scanned);
	assert_scan("env = { A=1, B=2 }",
		    "t:1: error: 'A=' and what follows must be inside quotes\n"
		    "t:1: error: 'B=' and what follows must be inside quotes\n");
}

/* '*', a lone '+' and parentheses are eaten or taken for something else. */
static void refuses_bytes_that_libconfuse_eats(void **state)
{
	(void)state;
	assert_scan("bind = *\nport = 21\n", "t:1: error: '*' must be inside quotes\n");
	assert_scan("a = x+y\nb = (z)\nc = /x/*\n",
		    "t:1: error: 'x+y' must be inside quotes\n"
		    "t:2: error: '(z)' must be inside quotes\n"
		    "t:3: error: '/x/*' must be inside quotes\n");
	assert_scan("a = http://x\n", "t:1: error: 'http://x' must be inside quotes\n");
	assert_scan("a = '*' b = \"+\"\n", "");
}

static void takes_the_usual_words(void **state)
{
	(void)state;
	assert_scan("a = /usr/sbin/x b = 10.0.0.0/8 c = ::1 d = -l e = x;y f = \xc3\xa4 "
		    "g += { ~, !, %, @, a$b, $ }",
		    "");
}

static void refuses_strings_over_the_line_end(void **state)
{
	(void)state;
	assert_scan("a = 'x\nb = \"y\\\nc = 1",
		    "t:1: error: string is not closed on its line\n"
		    "t:2: error: string is not closed on its line\n");
	assert_scan("a = \"\\", "t:1: error: string is not closed on its line\n");
	assert_scan("a = '\\", "t:1: error: string is not closed on its line\n");
}

static void refuses_strings_glued_to_words(void **state)
{
	(void)state;
	assert_scan("a = \"x\"y\nb = 1\n",
		    "t:1: error: a blank is missing after the string\n"
		    "t:1: error: unexpected 'y': a name and '=' come before a value, "
		    "several values are written { a, b }\n");
	assert_scan("a = x\"y\"\n",
		    "t:1: error: a quote inside the word 'x': quote all of it\n"
		    "t:1: error: unexpected '\"y\"': a name and '=' come before a value, "
		    "several values are written { a, b }\n");
}

/* A bad escape leaves the lexer inside the string for the next file. */
static void refuses_escapes_that_libconfuse_does_not_survive(void **state)
{
	(void)state;
	static const char *const bad[] = { "\\8",   "\\9",    "\\400",  "\\777",
					   "\\0",   "\\00",   "\\000",  "\\x0",
					   "\\x00", "\\1234", "\\0001", "\\x0g" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "a = \"%s\"", bad[i]);
		struct scanned scanned = scan(text);
		assert_int_equal(scanned.result, -EINVAL);
		assert_int_equal(scanned.diagnostics.count, 1);
		scanned_done(&scanned);
	}
	assert_scan("a = \"\\1 \\12 \\377 \\x1 \\xff \\xg \\n \\\\ \\\" \\z \\x01\\x10\"",
		    "");
	assert_scan("a = '\\0 \\9 \\' \\\\'", "");
}

static void refuses_control_characters(void **state)
{
	(void)state;
	assert_scan("a = 1\x01", "t:1: error: unexpected control character 0x01\n");
	assert_scan("a = 1\r", "t:1: error: unexpected control character 0x0d\n");
	assert_scan("a = '\x02'",
		    "t:1: error: control character 0x02 must be written as \\x02\n");
	assert_scan("a = '\t'\tb = 1", "");
}

static void refuses_variables_that_are_not_set(void **state)
{
	(void)state;
	assert_int_equal(setenv("USHERD_TEST_SET", "1", 1), 0);
	assert_int_equal(unsetenv("USHERD_TEST_UNSET"), 0);
	assert_scan("a = ${USHERD_TEST_SET} b = \"x${USHERD_TEST_SET}y\"", "");
	assert_scan("a = ${USHERD_TEST_UNSET:-x} b = \"${USHERD_TEST_UNSET:-}\"", "");
	assert_scan("a = '${USHERD_TEST_UNSET}' b = \"\\${USHERD_TEST_UNSET}\"", "");
	assert_scan("\na = \"x${USHERD_TEST_UNSET}\"",
		    "t:2: error: 'USHERD_TEST_UNSET' is not set in the environment; "
		    "'${USHERD_TEST_UNSET:-value}' gives a default\n");
	assert_scan("a = \"${X\" b = \"}\"", "t:1: error: '${' is not closed by a '}'\n");
	assert_scan("a = ${X\n}\n", "t:1: error: '${' is not closed by a '}'\n"
				    "t:2: error: '}' without a '{' before it\n");
	assert_scan("a = ${USHERD_TEST_SET}/bin\n",
		    "t:1: error: '${...}' inside a word must be in double quotes\n"
		    "t:1: error: unexpected '/bin': a name and '=' come before a value, "
		    "several values are written { a, b }\n");
	assert_scan("a = x${USHERD_TEST_SET} b = 1",
		    "t:1: error: 'x${USHERD_TEST_SET}' must be inside quotes\n");
}

static void finds_what_is_missing_around_values(void **state)
{
	(void)state;
	assert_scan("a = { 1 2, 3\n4 }", "t:1: error: ',' is missing before '2'\n"
					 "t:2: error: ',' is missing before '4'\n");
	assert_scan("a =\n\n1\nb = 1", "");
	assert_scan("a =\nb = 1\n", "t:1: error: '=' without a value after it\n");
	assert_scan("s x {\na =\n}\n", "t:2: error: '=' without a value after it\n");
	assert_scan("a =\n", "t:1: error: '=' without a value after it\n");
	assert_scan("a, b = 1\n", "t:1: error: ',' outside a list; a list is written "
				  "{ a, b }\n");
	assert_scan("= 1\n", "t:1: error: '=' without a name before it; a value with '=' "
			     "must be inside quotes\n");
	assert_scan("a -= 1\n", "t:1: error: there is no '-='; '=' and '+=' are known\n");
	assert_scan("stray", "t:1: error: unexpected 'stray': a name and '=' come before "
			     "a value, several values are written { a, b }\n");
}

static void refuses_odd_names(void **state)
{
	(void)state;
	assert_scan(
		"'a' = 1\n1a = 2\na|b = 3\n'x' y { }\n",
		"t:1: error: '\\'a\\'' is not a name\nt:2: error: '1a' is not a name\n"
		"t:3: error: 'a|b' is not a name\n"
		"t:4: error: '\\'x\\'' is not the name of a section\n");
}

static void refuses_sections_with_many_words(void **state)
{
	(void)state;
	static const char words[] =
		"t:1: error: unexpected 'a': a name and '=' come before a value, several "
		"values are written { a, b }\n";
	assert_scan("a b c { }", words);
	assert_scan("a b c d { }", words);
	assert_scan("a b c d = 5", words);
}

/* Trap 9: libconfuse knows no place of an option. */
static void outlines_every_section_and_assignment(void **state)
{
	(void)state;
	struct scanned scanned = scan("a = 1\ns 'x y' { b += { 1,\n2 } c = {}\n}\nd { }\n"
				      "e = 2");
	static const struct outline_item expected[] = {
		{ OUTLINE_ASSIGNMENT, NULL, 1, false, false, OUTLINE_TOP, 0, 0 },
		{ OUTLINE_SECTION, NULL, 2, true, false, OUTLINE_TOP, 6, 38 },
		{ OUTLINE_ASSIGNMENT, NULL, 2, false, true, 1, 16, 0 },
		{ OUTLINE_ASSIGNMENT, NULL, 3, false, false, 1, 30, 0 },
		{ OUTLINE_SECTION, NULL, 5, false, false, OUTLINE_TOP, 39, 44 },
		{ OUTLINE_ASSIGNMENT, NULL, 6, false, false, OUTLINE_TOP, 45, 0 },
	};
	static const char *const names[] = { "a", "s", "b", "c", "d", "e" };
	assert_int_equal(scanned.result, 0);
	assert_int_equal(scanned.outline.count, 6);
	for (size_t i = 0; i < 6; i++) {
		const struct outline_item *item = &scanned.outline.items[i];
		assert_string_equal(item->name, names[i]);
		assert_int_equal(item->kind, expected[i].kind);
		assert_int_equal(item->line, expected[i].line);
		assert_int_equal(item->titled, expected[i].titled);
		assert_int_equal(item->append, expected[i].append);
		assert_true(item->parent == expected[i].parent);
		assert_int_equal(item->start, expected[i].start);
		assert_int_equal(item->end, expected[i].end);
	}
	scanned_done(&scanned);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks_comments_and_keeps_lines),
		cmocka_unit_test(turns_crlf_into_line_ends),
		cmocka_unit_test(counts_lines_past_comments),
		cmocka_unit_test(finds_a_section_that_is_not_closed),
		cmocka_unit_test(finds_a_comment_that_is_not_closed),
		cmocka_unit_test(finds_a_list_that_is_not_closed),
		cmocka_unit_test(finds_the_first_of_two_sections_open),
		cmocka_unit_test(finds_braces_too_many),
		cmocka_unit_test(refuses_any_depth_of_nesting),
		cmocka_unit_test(refuses_an_equal_sign_and_brace_in_a_list),
		cmocka_unit_test(refuses_bytes_that_libconfuse_eats),
		cmocka_unit_test(takes_the_usual_words),
		cmocka_unit_test(refuses_strings_over_the_line_end),
		cmocka_unit_test(refuses_strings_glued_to_words),
		cmocka_unit_test(refuses_escapes_that_libconfuse_does_not_survive),
		cmocka_unit_test(refuses_control_characters),
		cmocka_unit_test(refuses_variables_that_are_not_set),
		cmocka_unit_test(finds_what_is_missing_around_values),
		cmocka_unit_test(refuses_odd_names),
		cmocka_unit_test(refuses_sections_with_many_words),
		cmocka_unit_test(outlines_every_section_and_assignment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
