/* SPDX-License-Identifier: ISC */
/* Who came within this second and this minute, and the rest that a service takes from too
 * many of them. */
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

#define MINUTE_NS (60 * CLOCK_NS_PER_SECOND)

/* Each arrival moves the moment at which all have had their share of the minute; that may
 * lie a minute ahead, and no more. */
void arrivals_count_minute(struct arrivals *arrivals, const struct policy *policy,
			   uint64_t now_ns)
{
	uint64_t due_ns = arrivals->due_ns > now_ns ? arrivals->due_ns : now_ns;

	if (policy->cpm_rate == 0 || now_ns < arrivals->paused_until_ns)
		return;
	due_ns += MINUTE_NS / policy->cpm_rate;
	arrivals->overdue = due_ns - now_ns > MINUTE_NS;
	if (!arrivals->overdue)
		arrivals->due_ns = due_ns;
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
