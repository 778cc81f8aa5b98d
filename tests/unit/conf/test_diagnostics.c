/* SPDX-License-Identifier: ISC */
#include "test.h"

#include <errno.h>

#include "conf_test.h"

static void formats_file_line_and_severity(void **state)
{
	(void)state;
	struct diagnostics list = { 0 };
	diagnostics_add(&list, SEVERITY_ERROR, "a.conf", 7, "bad '%s'", "x");
	diagnostics_add(&list, SEVERITY_WARNING, "a.conf", 0, "odd");
	diagnostics_add(&list, SEVERITY_ERROR, NULL, 0, "lost");
	assert_errors(&list, "a.conf:7: error: bad 'x'\na.conf: warning: odd\n"
			     "error: lost\n");
	assert_int_equal(list.errors, 2);
	diagnostics_done(&list);
	assert_int_equal(list.count, 0);
}

static void cuts_what_does_not_fit_the_buffer(void **state)
{
	(void)state;
	struct diagnostics list = { 0 };
	char buffer[12];
	diagnostics_add(&list, SEVERITY_ERROR, "a.conf", 7, "bad");
	assert_string_equal(diagnostic_format(&list.items[0], buffer, sizeof(buffer)),
			    "a.conf:7: e");
	diagnostics_done(&list);
}

static void only_counts_past_a_thousand(void **state)
{
	(void)state;
	struct diagnostics list = { 0 };
	for (unsigned i = 0; i < 1500; i++)
		diagnostics_add(&list, SEVERITY_ERROR, "a", i, "x");
	assert_int_equal(list.count, 1000);
	assert_int_equal(list.errors, 1500);
	diagnostics_done(&list);
}

static void sorts_by_file_then_line(void **state)
{
	(void)state;
	struct diagnostics list = { 0 };
	diagnostics_add(&list, SEVERITY_ERROR, "b", 9, "1");
	diagnostics_add(&list, SEVERITY_ERROR, "a", 5, "2");
	diagnostics_add(&list, SEVERITY_ERROR, "b", 2, "3");
	diagnostics_add(&list, SEVERITY_ERROR, NULL, 0, "4");
	diagnostics_add(&list, SEVERITY_ERROR, "a", 5, "5");
	diagnostics_add(&list, SEVERITY_ERROR, "a", 1, "6");
	diagnostics_add(&list, SEVERITY_ERROR, NULL, 0, "7");
	diagnostics_sort(&list);
	assert_errors(&list, "b:2: error: 3\nb:9: error: 1\na:1: error: 6\n"
			     "a:5: error: 2\na:5: error: 5\nerror: 4\nerror: 7\n");
	diagnostics_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_file_line_and_severity),
		cmocka_unit_test(cuts_what_does_not_fit_the_buffer),
		cmocka_unit_test(only_counts_past_a_thousand),
		cmocka_unit_test(sorts_by_file_then_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
