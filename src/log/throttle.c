/* SPDX-License-Identifier: ISC */
/* A gate that lets one message through per period and counts the others. */
#include <limits.h>

#include "usherd/log/log.h"

bool log_throttle_pass(struct log_throttle *throttle, uint64_t now_ns,
		       unsigned *ret_suppressed)
{
	if (now_ns < throttle->open_at_ns) {
		if (throttle->suppressed < UINT_MAX)
			throttle->suppressed++;
		return false;
	}
	*ret_suppressed = throttle->suppressed;
	throttle->suppressed = 0;
	throttle->open_at_ns = now_ns + LOG_THROTTLE_PERIOD_NS;
	return true;
}
