/* SPDX-License-Identifier: ISC */
/* How long to wait after how many failures. */
#include "test.h"

#include "usherd/base/backoff.h"

static void doubles_from_the_first_to_the_most(void **state)
{
	(void)state;
	assert_true(backoff_ns(0, 100, 1000) == 0);
	assert_true(backoff_ns(1, 100, 1000) == 100);
	assert_true(backoff_ns(2, 100, 1000) == 200);
	assert_true(backoff_ns(4, 100, 1000) == 800);
	assert_true(backoff_ns(5, 100, 1000) == 1000);
	assert_true(backoff_ns(UINT32_MAX, 100, 1000) == 1000);
}

static void never_waits_longer_than_the_most(void **state)
{
	(void)state;
	assert_true(backoff_ns(1, 1000, 100) == 100);
	assert_true(backoff_ns(1, 100, 0) == 0);
	assert_true(backoff_ns(3, 100, 400) == 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_from_the_first_to_the_most),
		cmocka_unit_test(never_waits_longer_than_the_most),
	};

	return cmocka_run_group_tests_name("base/backoff", tests, NULL, NULL);
}
