/* SPDX-License-Identifier: ISC */
#include "usherd/serve/conditions.h"

#include <sys/sysinfo.h>
#include <time.h>

#include "usherd/base/clock.h"
#include "usherd/model/policy.h"

#define SECONDS_PER_MINUTE 60
#define MINUTES_PER_HOUR   60

/* The clock may be set at any time: it is not believed for longer than this. */
#define BELIEF_NS CLOCK_NS_PER_SECOND

unsigned conditions_minute(struct conditions *conditions, uint64_t now_ns)
{
	struct timespec wall = { 0 };
	struct tm local;
	uint64_t left_ns;

	if (now_ns < conditions->minute_until_ns)
		return conditions->minute;
	(void)clock_gettime(CLOCK_REALTIME, &wall);
	conditions->minute = POLICY_MINUTES_PER_DAY;
	left_ns = BELIEF_NS;
	if (localtime_r(&wall.tv_sec, &local) != NULL) {
		conditions->minute =
			(unsigned)(local.tm_hour * MINUTES_PER_HOUR + local.tm_min);
		/* A leap second may be the 60th. */
		if (local.tm_sec >= SECONDS_PER_MINUTE - 1)
			left_ns = CLOCK_NS_PER_SECOND - (uint64_t)wall.tv_nsec;
	}
	conditions->minute_until_ns = now_ns + left_ns;
	return conditions->minute;
}

/* getloadavg(3) of the GNU C library reads a file, which a worker does not see; the
 * kernel's numbers are the same. */
uint64_t conditions_load(struct conditions *conditions, uint64_t now_ns)
{
	struct sysinfo info;

	if (now_ns < conditions->load_until_ns)
		return conditions->load;
	conditions->load = UINT64_MAX;
	if (sysinfo(&info) == 0)
		conditions->load =
			(uint64_t)info.loads[0] * POLICY_LOAD_UNIT >> SI_LOAD_SHIFT;
	conditions->load_until_ns = now_ns + BELIEF_NS;
	return conditions->load;
}
