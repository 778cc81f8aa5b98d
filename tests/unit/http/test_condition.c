/* SPDX-License-Identifier: ISC */
/* Conditional requests in their order, and what makes a file another one. */
#include "test.h"

#include <string.h>

#include "usherd/http/condition.h"

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define THEN   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct http_validator file = { .etag = "\"abc\"", .modified = 784111777 };

#define MATCH(v)      .if_match = (v)
#define NONE(v)       .if_none_match = (v)
#define SINCE(v)      .if_modified_since = (v)
#define UNMODIFIED(v) .if_unmodified_since = (v)

static void decides_in_the_order_of_the_rfc(void **state)
{
	static const struct {
		struct http_conditions conditions;
		enum http_outcome outcome;
	} cases[] = {
		{ { 0 }, HTTP_OUTCOME_SEND },
		{ { NONE("\"abc\"") }, HTTP_OUTCOME_NOT_MODIFIED },
		{ { NONE("W/\"abc\"") }, HTTP_OUTCOME_NOT_MODIFIED },
		{ { NONE("\"x\", \"y\",W/\"z\" ,\"abc\"") }, HTTP_OUTCOME_NOT_MODIFIED },
		{ { NONE("*") }, HTTP_OUTCOME_NOT_MODIFIED },
		{ { NONE("\"x\"") }, HTTP_OUTCOME_SEND },
		{ { NONE("\"ab\"") }, HTTP_OUTCOME_SEND },
		{ { NONE("abc") }, HTTP_OUTCOME_SEND },
		{ { NONE("\"abc") }, HTTP_OUTCOME_SEND },
		{ { NONE("\"x\" y \"abc\"") }, HTTP_OUTCOME_SEND },
		{ { NONE("") }, HTTP_OUTCOME_SEND },
		/* An etag is looked at, a date beside it is not. */
		{ { NONE("\"x\""), SINCE(AFTER) }, HTTP_OUTCOME_SEND },
		{ { SINCE(BEFORE) }, HTTP_OUTCOME_SEND },
		{ { SINCE(THEN) }, HTTP_OUTCOME_NOT_MODIFIED },
		{ { SINCE(AFTER) }, HTTP_OUTCOME_NOT_MODIFIED },
		{ { SINCE("yesterday") }, HTTP_OUTCOME_SEND },
		{ { MATCH("\"abc\"") }, HTTP_OUTCOME_SEND },
		{ { MATCH("*") }, HTTP_OUTCOME_SEND },
		{ { MATCH("W/\"abc\"") }, HTTP_OUTCOME_FAILED },
		{ { MATCH("\"x\"") }, HTTP_OUTCOME_FAILED },
		{ { MATCH("\"abc\""), UNMODIFIED(BEFORE) }, HTTP_OUTCOME_SEND },
		{ { UNMODIFIED(BEFORE) }, HTTP_OUTCOME_FAILED },
		{ { UNMODIFIED(THEN) }, HTTP_OUTCOME_SEND },
		{ { UNMODIFIED("yesterday") }, HTTP_OUTCOME_SEND },
		{ { MATCH("\"x\""), NONE("\"abc\"") }, HTTP_OUTCOME_FAILED },
		{ { MATCH("\"abc\""), NONE("\"abc\"") }, HTTP_OUTCOME_NOT_MODIFIED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (http_condition_decide(&cases[i].conditions, &file) !=
		    cases[i].outcome)
			fail_msg("case %zu", i);
}

static void a_range_is_for_the_same_file_only(void **state)
{
	static const struct {
		const char *value;
		bool allowed;
	} cases[] = {
		{ NULL, true },   { "\"abc\"", true }, { "W/\"abc\"", false },
		{ "abc", false }, { "\"x\"", false },  { THEN, true },
		{ AFTER, false }, { BEFORE, false },   { "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct http_conditions conditions = { .if_range = cases[i].value };

		if (http_condition_allows_range(&conditions, &file) != cases[i].allowed)
			fail_msg("case %zu", i);
	}
}

static void tells_files_apart(void **state)
{
	struct stat status = { .st_ino = 7, .st_size = 100 };
	struct http_validator first, other;

	(void)state;
	status.st_mtim.tv_sec = 784111777;
	status.st_mtim.tv_nsec = 5;
	http_validator_make(&status, &first);
	assert_int_equal(first.modified, 784111777);
	assert_int_equal(first.etag[0], '"');
	assert_int_equal(first.etag[strlen(first.etag) - 1], '"');
	http_validator_make(&status, &other);
	assert_string_equal(first.etag, other.etag);
	status.st_mtim.tv_nsec++;
	http_validator_make(&status, &other);
	assert_string_not_equal(first.etag, other.etag);
	status.st_mtim.tv_nsec--;
	status.st_size++;
	http_validator_make(&status, &other);
	assert_string_not_equal(first.etag, other.etag);
	status.st_size--;
	status.st_ino++;
	http_validator_make(&status, &other);
	assert_string_not_equal(first.etag, other.etag);
	/* The longest there is. */
	memset(&status, 0xff, sizeof(status));
	http_validator_make(&status, &other);
	assert_int_equal(other.etag[strlen(other.etag) - 1], '"');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_in_the_order_of_the_rfc),
		cmocka_unit_test(a_range_is_for_the_same_file_only),
		cmocka_unit_test(tells_files_apart),
	};

	return cmocka_run_group_tests_name("http/condition", tests, NULL, NULL);
}
