/* SPDX-License-Identifier: ISC */
/* Who is refused in a row, and when that is a crowd. */
#include "test.h"

#include "usherd/guard/crowd.h"
#include "usherd/guard/guard.h"

static void few_are_no_crowd(void **state)
{
	struct crowd crowd = { 0 };

	(void)state;
	assert_false(crowd_grows(&crowd, CROWD_CLIENTS - 1, 7));
	assert_true(crowd_grows(&crowd, 1, 7 + CROWD_NS));
}

static void who_come_slowly_are_no_crowd(void **state)
{
	struct crowd crowd = { 0 };

	(void)state;
	for (uint64_t i = 1; i < 9; i++)
		assert_false(
			crowd_grows(&crowd, CROWD_CLIENTS / 2 + 1, i * (CROWD_NS + 1)));
}

static void one_who_is_let_in_ends_it(void **state)
{
	struct crowd crowd = { 0 };

	(void)state;
	assert_false(crowd_grows(&crowd, CROWD_CLIENTS - 1, 1));
	crowd_ends(&crowd);
	assert_false(crowd_grows(&crowd, CROWD_CLIENTS - 1, 2));
	assert_true(crowd_grows(&crowd, 1, 3));
}

static void each_crowd_is_counted_from_nothing(void **state)
{
	struct crowd crowd = { 0 };

	(void)state;
	assert_true(crowd_grows(&crowd, CROWD_CLIENTS + 5, 1));
	assert_false(crowd_grows(&crowd, CROWD_CLIENTS - 1, 2));
}

static void is_full_when_all_places_of_all_workers_are_taken(void **state)
{
	struct policy policy = { .instances = 5 };
	struct tally tally = { .active = 3 };
	struct surroundings around = { .active_elsewhere = 1 };

	(void)state;
	assert_false(guard_is_full(&policy, &tally, &around));
	around.active_elsewhere = 2;
	assert_true(guard_is_full(&policy, &tally, &around));
	policy.instances = 0;
	assert_true(guard_is_full(&policy, &(struct tally){ 0 },
				  &(struct surroundings){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_are_no_crowd),
		cmocka_unit_test(who_come_slowly_are_no_crowd),
		cmocka_unit_test(one_who_is_let_in_ends_it),
		cmocka_unit_test(each_crowd_is_counted_from_nothing),
		cmocka_unit_test(is_full_when_all_places_of_all_workers_are_taken),
	};

	return cmocka_run_group_tests_name("guard/crowd", tests, NULL, NULL);
}
