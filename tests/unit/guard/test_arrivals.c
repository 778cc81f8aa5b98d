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

static unsigned arrive(struct arrivals *arrivals, const struct policy *policy,
		       uint64_t now_ns, unsigned times)
{
	struct surroundings around = { .now_ns = now_ns,
				       .max_children = 1,
				       .arrivals = arrivals };
	struct addr peer = { 0 };
	struct tally tally = { 0 };
	unsigned allowed = 0;

	for (unsigned i = 0; i < times; i++) {
		struct verdict verdict;

		arrivals_count(arrivals, now_ns);
		arrivals_count_minute(arrivals, policy, now_ns);
		verdict = guard_decide(policy, &tally, &around, &peer);
		allowed += verdict.reason == REASON_NONE;
		if (verdict.reason == REASON_NONE)
			continue;
		assert_int_equal(verdict.reason, REASON_CPM);
		assert_int_equal(verdict.pause_until_ns, now_ns + policy->cpm_pause_ns);
	}
	return allowed;
}

static const struct policy per_minute = { .instances = 9,
					  .per_source = 9,
					  .cps_rate = 1000,
					  .cps_pause_ns = 100 * SECOND,
					  .cpm_rate = 6,
					  .cpm_pause_ns = 5 * SECOND };

static void a_minutes_worth_may_come_at_once(void **state)
{
	struct arrivals arrivals = { 0 };

	(void)state;
	assert_int_equal(arrive(&arrivals, &per_minute, 7 * SECOND, 9), 6);
	assert_int_equal(arrive(&arrivals, &per_minute, 7 * SECOND, 9), 0);
}

static void each_share_of_the_minute_lets_one_more_in(void **state)
{
	struct arrivals arrivals = { 0 };

	(void)state;
	assert_int_equal(arrive(&arrivals, &per_minute, 7 * SECOND, 6), 6);
	for (uint64_t i = 1; i < 20; i++) {
		assert_int_equal(
			arrive(&arrivals, &per_minute, (7 + 10 * i) * SECOND - 1, 5), 0);
		assert_int_equal(arrive(&arrivals, &per_minute, (7 + 10 * i) * SECOND, 5),
				 1);
	}
	assert_int_equal(arrive(&arrivals, &per_minute, 1000 * SECOND, 9), 6);
}

static void a_pause_for_the_minute_is_told_as_one(void **state)
{
	struct arrivals arrivals = { 0 };
	struct surroundings around = { .max_children = 1, .arrivals = &arrivals };
	struct addr peer = { 0 };
	struct tally tally = { 0 };

	(void)state;
	assert_int_equal(arrive(&arrivals, &per_minute, SECOND, 7), 6);
	assert_true(arrivals_pause(&arrivals, SECOND, 6 * SECOND));
	around.now_ns = 3 * SECOND;
	arrivals_count_minute(&arrivals, &per_minute, around.now_ns);
	assert_int_equal(guard_decide(&per_minute, &tally, &around, &peer).reason,
			 REASON_CPM);
	assert_int_equal(guard_decide(&per_minute, &tally, &around, &peer).pause_until_ns,
			 6 * SECOND);
	assert_int_equal(arrive(&arrivals, &per_minute, 11 * SECOND, 1), 1);
}

static void without_a_rate_minutes_are_not_counted(void **state)
{
	struct policy policy = per_minute;
	struct arrivals arrivals = { 0 };

	(void)state;
	policy.cpm_rate = 0;
	assert_int_equal(arrive(&arrivals, &policy, SECOND, 500), 500);
	assert_int_equal(arrivals.due_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_within_a_second_from_the_first),
		cmocka_unit_test(a_clock_that_is_behind_begins_no_second),
		cmocka_unit_test(the_first_who_pauses_says_for_how_long),
		cmocka_unit_test(the_end_of_each_pause_is_told_once),
		cmocka_unit_test(decides_over_those_of_all_processes),
		cmocka_unit_test(a_minutes_worth_may_come_at_once),
		cmocka_unit_test(each_share_of_the_minute_lets_one_more_in),
		cmocka_unit_test(a_pause_for_the_minute_is_told_as_one),
		cmocka_unit_test(without_a_rate_minutes_are_not_counted),
	};

	return cmocka_run_group_tests_name("guard/arrivals", tests, NULL, NULL);
}
