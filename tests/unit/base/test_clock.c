/* SPDX-License-Identifier: ISC */
/* The two clocks, compared with the kernel's own answers. */
#include "test.h"

#include <time.h>

#include "usherd/base/clock.h"

static uint64_t kernel_ns(clockid_t id)
{
	struct timespec now;

	assert_int_equal(clock_gettime(id, &now), 0);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void monotonic_time_lies_between_two_readings(void **state)
{
	uint64_t before = kernel_ns(CLOCK_MONOTONIC);
	uint64_t now = clock_monotonic_ns();
	uint64_t after = kernel_ns(CLOCK_MONOTONIC);

	(void)state;
	assert_true(before <= now);
	assert_true(now <= after);
}

static void wall_time_is_whole_seconds_since_the_epoch(void **state)
{
	int64_t before = (int64_t)(kernel_ns(CLOCK_REALTIME) / 1000000000u);
	int64_t now = clock_wall_seconds();
	int64_t after = (int64_t)(kernel_ns(CLOCK_REALTIME) / 1000000000u);

	(void)state;
	assert_true(before <= now);
	assert_true(now <= after);
}

static void the_constants_agree(void **state)
{
	(void)state;
	assert_true(CLOCK_NS_PER_SECOND == 1000 * CLOCK_NS_PER_MS);
	assert_true(CLOCK_NS_PER_MS == 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(monotonic_time_lies_between_two_readings),
		cmocka_unit_test(wall_time_is_whole_seconds_since_the_epoch),
		cmocka_unit_test(the_constants_agree),
	};

	return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
