/* SPDX-License-Identifier: ISC */
/* The hard limit that follows from the soft one, as xinetd.conf(5) has it. */
#include "test.h"

#include "usherd/model/log_type.h"

static void the_hard_limit_is_one_percent_more_within_bounds(void **state)
{
	(void)state;
	assert_true(log_type_hard_limit(1) == 1 + 5120);
	assert_true(log_type_hard_limit(512000) == 512000 + 5120);
	assert_true(log_type_hard_limit(1000000) == 1010000);
	assert_true(log_type_hard_limit(2048000) == 2048000 + 20480);
	assert_true(log_type_hard_limit(100000000) == 100000000 + 20480);
	assert_true(log_type_hard_limit(UINT64_MAX - 5) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hard_limit_is_one_percent_more_within_bounds),
	};

	return cmocka_run_group_tests_name("model/log_type", tests, NULL, NULL);
}
