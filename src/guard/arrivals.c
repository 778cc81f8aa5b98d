/* SPDX-License-Identifier: ISC */
/* Who came within this second, and the rest that a service takes from too many of them.
 */
#include "usherd/base/clock.h"
#include "usherd/guard/guard.h"

void arrivals_count(struct arrivals *arrivals, uint64_t now_ns)
{
	if (now_ns < arrivals->paused_until_ns)
		return;
	/* The clock of who began the second may be a moment ahead of this one. */
	if (arrivals->window_count == 0 ||
	    (now_ns > arrivals->window_start_ns &&
	     now_ns - arrivals->window_start_ns >= CLOCK_NS_PER_SECOND)) {
		arrivals->window_start_ns = now_ns;
		arrivals->window_count = 0;
	}
	arrivals->window_count++;
}

bool arrivals_pause(struct arrivals *arrivals, uint64_t now_ns, uint64_t until_ns)
{
	if (now_ns < arrivals->paused_until_ns)
		return false;
	arrivals->paused_until_ns = until_ns;
	return true;
}

bool arrivals_tell_end(struct arrivals *arrivals)
{
	bool first = arrivals->ended_ns != arrivals->paused_until_ns;

	arrivals->ended_ns = arrivals->paused_until_ns;
	return first;
}

void arrivals_resume(struct arrivals *arrivals)
{
	*arrivals = (struct arrivals){ 0 };
}
