/* SPDX-License-Identifier: ISC */
/* Failures by owner: who waits how long, and that nobody waits for another. */
#include "test.h"

#include "usherd/serve/troubles.h"

static void the_first_failure_waits_for_nothing_then_twice_as_long_each_time(void **state)
{
	struct troubles troubles = { 0 };

	(void)state;
	assert_int_equal(troubles_not_before(&troubles, 7), 0);
	assert_int_equal(troubles_note(&troubles, 7, 1000, 100, 350), 1000);
	assert_int_equal(troubles_note(&troubles, 7, 1000, 100, 350), 1100);
	assert_int_equal(troubles_note(&troubles, 7, 1000, 100, 350), 1200);
	assert_int_equal(troubles_note(&troubles, 7, 1000, 100, 350), 1350);
	assert_int_equal(troubles_note(&troubles, 7, 2000, 100, 350), 2350);
	assert_int_equal(troubles_not_before(&troubles, 7), 2350);
	troubles_done(&troubles);
}

static void owners_do_not_share_their_troubles(void **state)
{
	struct troubles troubles = { 0 };

	(void)state;
	for (uint64_t owner = 1; owner <= 5; owner++)
		for (uint64_t times = 0; times < owner; times++)
			(void)troubles_note(&troubles, owner, 0, 10, 1000);
	assert_int_equal(troubles_not_before(&troubles, 1), 0);
	assert_int_equal(troubles_not_before(&troubles, 3), 20);
	assert_int_equal(troubles_not_before(&troubles, 5), 80);
	troubles_forget(&troubles, 3);
	troubles_forget(&troubles, 99);
	assert_int_equal(troubles.count, 4);
	assert_int_equal(troubles_not_before(&troubles, 3), 0);
	assert_int_equal(troubles_not_before(&troubles, 5), 80);
	assert_int_equal(troubles_note(&troubles, 3, 500, 10, 1000), 500);
	troubles_done(&troubles);
	assert_int_equal(troubles_not_before(&troubles, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_first_failure_waits_for_nothing_then_twice_as_long_each_time),
		cmocka_unit_test(owners_do_not_share_their_troubles),
	};

	return cmocka_run_group_tests_name("troubles", tests, NULL, NULL);
}
