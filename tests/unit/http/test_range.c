/* SPDX-License-Identifier: ISC */
/* One range of bytes, and the many ways not to write one. */
#include "test.h"

#include "usherd/http/range.h"

static void understands_one_range_and_ignores_the_rest(void **state)
{
	static const struct {
		const char *value;
		uint64_t size;
		enum http_range_kind kind;
		uint64_t first, last;
	} cases[] = {
		{ "bytes=0-0", 10, HTTP_RANGE_PART, 0, 0 },
		{ "bytes=2-5", 10, HTTP_RANGE_PART, 2, 5 },
		{ "BYTES=2-5", 10, HTTP_RANGE_PART, 2, 5 },
		{ "bytes= 2-5 ", 10, HTTP_RANGE_PART, 2, 5 },
		{ "bytes=2-", 10, HTTP_RANGE_PART, 2, 9 },
		{ "bytes=9-", 10, HTTP_RANGE_PART, 9, 9 },
		{ "bytes=2-9", 10, HTTP_RANGE_PART, 2, 9 },
		{ "bytes=2-10", 10, HTTP_RANGE_PART, 2, 9 },
		{ "bytes=2-99999999999999999999999", 10, HTTP_RANGE_PART, 2, 9 },
		{ "bytes=-3", 10, HTTP_RANGE_PART, 7, 9 },
		{ "bytes=-10", 10, HTTP_RANGE_PART, 0, 9 },
		{ "bytes=-99999999999999999999999", 10, HTTP_RANGE_PART, 0, 9 },
		{ "bytes=10-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=10-20", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=99999999999999999999999-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=-0", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=-1", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ 0, 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "", 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "bytes", 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "bytes=", 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "bytes=-", 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "bytes=5-2", 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "bytes=1-2,4-5", 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "bytes=1-2x", 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "bytes=x-2", 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "bytes=+1-2", 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "bytes=1--2", 10, HTTP_RANGE_WHOLE, 0, 0 },
		{ "lines=1-2", 10, HTTP_RANGE_WHOLE, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_range range = { 0 };

		if (http_range_parse(cases[i].value, cases[i].size, &range) !=
			    cases[i].kind ||
		    range.first != cases[i].first || range.last != cases[i].last)
			fail_msg("%s of %u", cases[i].value, (unsigned)cases[i].size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(understands_one_range_and_ignores_the_rest),
	};

	return cmocka_run_group_tests_name("http/range", tests, NULL, NULL);
}
