/* SPDX-License-Identifier: ISC */
/*
 * The two clocks. The only file below serve that asks what time it is; clock_gettime(2)
 * on a clock that exists cannot fail.
 */
#include "usherd/base/clock.h"

#include <time.h>

uint64_t clock_monotonic_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

int64_t clock_wall_seconds(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec;
}
