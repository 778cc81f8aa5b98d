/* SPDX-License-Identifier: ISC */
/* Arrivals within a second, and pauses, as several processes with their own idea of the
 * moment count them. */
#include "test.h"

#include "usherd/base/clock.h"
#include "usherd/guard/guard.h"

#define SECOND CLOCK_NS_PER_SECOND

static void counts_within_a_second_from_the_first(void **state)
{
	struct arrivals arrivals = { 0 };

	(void)state;
	arrivals_count(&arrivals, 5 * SECOND);
	arrivals_count(&arrivals, 6 * SECOND - 1);
	assert_int_equal(arrivals.window_count, 2);
	arrivals_count(&arrivals, 6 * SECOND);
	assert_int_equal(arrivals.window_count, 1);
}

static void a_clock_that_is_behind_begins_no_second(void **state)
{
	struct arrivals arrivals = { 0 };

	(void)state;
	arrivals_count(&arrivals, 5 * SECOND);
	arrivals_count(&arrivals, 5 * SECOND - 1);
	arrivals_count(&arrivals, 3 * SECOND);
	assert_int_equal(arrivals.window_count, 3);
}

static void the_first_who_pauses_says_for_how_long(void **state)
{
	struct arrivals arrivals = { 0 };

	(void)state;
	assert_true(arrivals_pause(&arrivals, SECOND, 3 * SECOND));
	assert_false(arrivals_pause(&arrivals, SECOND + 5, 3 * SECOND + 5));
	assert_int_equal(arrivals.paused_until_ns, 3 * SECOND);
	arrivals_count(&arrivals, 2 * SECOND);
	assert_int_equal(arrivals.window_count, 0);
	assert_true(arrivals_pause(&arrivals, 3 * SECOND, 7 * SECOND));
	assert_int_equal(arrivals.paused_until_ns, 7 * SECOND);
}

static void the_end_of_each_pause_is_told_once(void **state)
{
	struct arrivals arrivals = { 0 };

	(void)state;
	assert_false(arrivals_tell_end(&arrivals));
	for (uint64_t i = 1; i < 4; i++) {
		(void)arrivals_pause(&arrivals, i * SECOND, (i + 1) * SECOND);
		assert_true(arrivals_tell_end(&arrivals));
		assert_false(arrivals_tell_end(&arrivals));
	}
}

static void decides_over_those_of_all_processes(void **state)
{
	struct policy policy = { .instances = 9, .per_source = 9, .cps_rate = 1 };
	struct arrivals together = { 0 };
	struct surroundings around = { .now_ns = SECOND,
				       .max_children = 1,
				       .arrivals = &together };
	struct addr peer = { 0 };
	struct tally tally = { 0 };

	(void)state;
	arrivals_count(&together, SECOND);
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_NONE);
	arrivals_count(&together, SECOND);
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_CPS);
	around.arrivals = NULL;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_within_a_second_from_the_first),
		cmocka_unit_test(a_clock_that_is_behind_begins_no_second),
		cmocka_unit_test(the_first_who_pauses_says_for_how_long),
		cmocka_unit_test(the_end_of_each_pause_is_told_once),
		cmocka_unit_test(decides_over_those_of_all_processes),
	};

	return cmocka_run_group_tests_name("guard/arrivals", tests, NULL, NULL);
}
