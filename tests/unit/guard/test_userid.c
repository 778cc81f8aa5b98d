/* SPDX-License-Identifier: ISC */
/* What ident servers answer. */
#include "test.h"

#include <string.h>

#include "usherd/guard/userid.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void reads_answers_and_nothing_else(void **state)
{
	static const struct {
		const char *line, *text; /* NULL: a bad response */
	} samples[] = {
		{ "47070,21701:USERID:UNIX:joe", "UNIX:joe" },
		{ "47070 , 21701 : USERID : UNIX : joe", "UNIX : joe" },
		{ " 47070\t, 021701 :\tuserid :  OTHER,US-ASCII : a:b c ",
		  "OTHER,US-ASCII : a:b c " },
		{ "47070,21701:USERID:UNIX:joe\n26/11/23: START: x",
		  "UNIX:joe\n26/11/23: START: x" },
		{ "47070,21701:USERID:UNIX:\x1b[2J\xff", "UNIX:\x1b[2J\xff" },
		{ "47070,21701:ERROR:NO-USER", NULL },
		{ "47071,21701:USERID:UNIX:joe", NULL },
		{ "47070,21702:USERID:UNIX:joe", NULL },
		{ "21701,47070:USERID:UNIX:joe", NULL },
		{ "112606,21701:USERID:UNIX:joe", NULL },
		{ "4294967296,21701:USERID:UNIX:joe", NULL },
		{ "47070,21701:USERID:UNIX:", NULL },
		{ "47070,21701:USERID:UNIX: ", NULL },
		{ "47070,21701:USERID::joe", NULL },
		{ "47070,21701:USERID:UNIX", NULL },
		{ "47070,21701:USERID", NULL },
		{ "47070,21701:USERIDS:UNIX:joe", NULL },
		{ "47070,21701", NULL },
		{ "-47070,21701:USERID:UNIX:joe", NULL },
		{ ",:USERID:UNIX:joe", NULL },
		{ "", NULL },
	};
	char text[USERID_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		enum userid_outcome outcome = userid_parse(
			samples[i].line, strlen(samples[i].line), 47070, 21701, text);

		if (samples[i].text == NULL) {
			assert_int_equal(outcome, USERID_BAD_RESPONSE);
			continue;
		}
		assert_int_equal(outcome, USERID_KNOWN);
		assert_string_equal(text, samples[i].text);
	}
}

static void cuts_what_is_too_long(void **state)
{
	char line[USERID_LINE_MAX] = "1,2:USERID:UNIX:";
	char text[USERID_TEXT_SIZE];

	(void)state;
	memset(line + strlen(line), 'x', sizeof(line) - strlen(line));
	assert_int_equal(userid_parse(line, sizeof(line), 1, 2, text), USERID_KNOWN);
	assert_int_equal(strlen(text), sizeof(text) - 1);
}

static void has_the_words_of_xinetd(void **state)
{
	(void)state;
	assert_string_equal(userid_word(USERID_NO_SERVER), "no server");
	assert_string_equal(userid_word(USERID_TIMEOUT), "timeout");
	assert_string_equal(userid_word(USERID_UNREADABLE),
			    "error while receiving response");
	assert_string_equal(userid_word(USERID_BAD_RESPONSE), "bad response");
	assert_string_equal(userid_word(USERID_SYSTEM_ERROR), "system error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_answers_and_nothing_else),
		cmocka_unit_test(cuts_what_is_too_long),
		cmocka_unit_test(has_the_words_of_xinetd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
