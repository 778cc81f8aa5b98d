/* SPDX-License-Identifier: ISC */
/* Minute and load: as the system has them, and not asked too often. */
#include "test.h"

#include <stdlib.h>
#include <time.h>

#include "usherd/base/clock.h"
#include "usherd/model/policy.h"
#include "usherd/serve/conditions.h"

static unsigned minute_of(time_t now)
{
	struct tm local;

	assert_non_null(localtime_r(&now, &local));
	return (unsigned)(local.tm_hour * 60 + local.tm_min);
}

static void tells_the_minute_of_local_time(void **state)
{
	static const char *const zones[] = { "UTC0", "XYZ-7", "ABC+11:30" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct conditions conditions = { 0 };
		unsigned before, minute, after;

		assert_int_equal(setenv("TZ", zones[i], 1), 0);
		tzset();
		before = minute_of(time(NULL));
		minute = conditions_minute(&conditions, 1);
		after = minute_of(time(NULL));
		assert_true(minute == before || minute == after);
		assert_true(minute < POLICY_MINUTES_PER_DAY);
	}
}

static void asks_again_after_a_second_at_most(void **state)
{
	struct conditions conditions = { 0 };
	uint64_t now_ns = 5 * CLOCK_NS_PER_SECOND;

	(void)state;
	(void)conditions_minute(&conditions, now_ns);
	(void)conditions_load(&conditions, now_ns);
	assert_true(conditions.minute_until_ns > now_ns);
	assert_true(conditions.minute_until_ns <= now_ns + CLOCK_NS_PER_SECOND);
	assert_true(conditions.load_until_ns == now_ns + CLOCK_NS_PER_SECOND);
	conditions.minute = 4000;
	conditions.load = 77;
	assert_int_equal(conditions_minute(&conditions, now_ns), 4000);
	assert_int_equal(conditions_load(&conditions, now_ns), 77);
	now_ns += CLOCK_NS_PER_SECOND;
	assert_true(conditions_minute(&conditions, now_ns) < POLICY_MINUTES_PER_DAY);
	(void)conditions_load(&conditions, now_ns);
	assert_true(conditions.load_until_ns > now_ns);
}

static void tells_the_load_as_the_system_does(void **state)
{
	struct conditions conditions = { 0 };
	double before, after, load;

	(void)state;
	assert_int_equal(getloadavg(&before, 1), 1);
	load = (double)conditions_load(&conditions, 1) / (double)POLICY_LOAD_UNIT;
	assert_int_equal(getloadavg(&after, 1), 1);
	/* The file has two digits after the point. */
	assert_true((load > before - 0.02 && load < before + 0.02) ||
		    (load > after - 0.02 && load < after + 0.02));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_minute_of_local_time),
		cmocka_unit_test(asks_again_after_a_second_at_most),
		cmocka_unit_test(tells_the_load_as_the_system_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
