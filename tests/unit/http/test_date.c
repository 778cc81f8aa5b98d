/* SPDX-License-Identifier: ISC */
/* Dates of HTTP in all three forms, wherever the machine stands. */
#include "test.h"

#include <stdlib.h>
#include <time.h>

#include "usherd/http/date.h"

static void reads_all_three_forms(void **state)
{
	static const char *const forms[] = { "Sun, 06 Nov 1994 08:49:37 GMT",
					     "Sunday, 06-Nov-94 08:49:37 GMT",
					     "Sun Nov  6 08:49:37 1994" };

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		int64_t moment = 0;

		assert_true(http_date_parse(forms[i], &moment));
		assert_int_equal(moment, 784111777);
	}
}

static void refuses_anything_else(void **state)
{
	static const char *const texts[] = { "",
					     "0",
					     "Sun, 06 Nov 1994 08:49:37",
					     "Sun, 06 Nov 1994 08:49:37 CET",
					     "Sun, 06 Nov 1994 08:49:37 GMT x",
					     "Sun, 06 Xxx 1994 08:49:37 GMT",
					     "Sun, 06 Nov 1994 28:49:37 GMT",
					     "1994-11-06 08:49:37" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int64_t moment = 4711;

		if (http_date_parse(texts[i], &moment) || moment != 4711)
			fail_msg("%s", texts[i]);
	}
}

static void writes_what_it_reads(void **state)
{
	static const int64_t moments[] = { 0,          1,          784111777,
					   1700000000, 4102444800, 253402300799 };
	char buffer[HTTP_DATE_SIZE];

	(void)state;
	assert_int_equal(setenv("TZ", "Asia/Tokyo", 1), 0);
	tzset();
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		int64_t again = -1;

		assert_true(
			http_date_parse(http_date_format(moments[i], buffer), &again));
		assert_int_equal(again, moments[i]);
	}
	assert_string_equal(http_date_format(784111777, buffer),
			    "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_string_equal(http_date_format(INT64_MAX, buffer),
			    "Fri, 31 Dec 9999 23:59:59 GMT");
	assert_string_equal(http_date_format(INT64_MIN, buffer),
			    "Mon, 01 Jan 1 00:00:00 GMT");
	assert_int_equal(unsetenv("TZ"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_three_forms),
		cmocka_unit_test(refuses_anything_else),
		cmocka_unit_test(writes_what_it_reads),
	};

	return cmocka_run_group_tests_name("http/date", tests, NULL, NULL);
}
