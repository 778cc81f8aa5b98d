/* SPDX-License-Identifier: ISC */
/*
 * A timerfd(2) that stays set over many turns. A time-out of poll(2) is set up and taken
 * away again with every wait; where the clock has to be programmed for it, that costs as
 * much as waking up does (most of all in virtual machines). This one is set when a
 * deadline comes up that is earlier than what it is set to, and else left alone: it may
 * ring for a deadline that has been moved or is gone, once.
 */
#include <errno.h>
#include <sys/timerfd.h>

#include "loop_internal.h"
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"

int bell_open(struct bell *bell)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd == -1)
		return -errno;
	*bell = (struct bell){ .fd = fd, .at_ns = BELL_SILENT };
	return 0;
}

void bell_close(struct bell *bell)
{
	fd_close(&bell->fd);
}

/* To set it, or to set it to nothing, also ends the readiness of having rung. */
static bool set(struct bell *bell, uint64_t at_ns)
{
	struct itimerspec when = { .it_value = { 0 } };

	if (at_ns != BELL_SILENT) {
		when.it_value.tv_sec = (time_t)(at_ns / CLOCK_NS_PER_SECOND);
		when.it_value.tv_nsec = (long)(at_ns % CLOCK_NS_PER_SECOND);
	}
	/* Zero would mean never. */
	if (at_ns == 0)
		when.it_value.tv_nsec = 1;
	if (timerfd_settime(bell->fd, TFD_TIMER_ABSTIME, &when, NULL) == -1)
		return false;
	bell->at_ns = at_ns;
	bell->rung = false;
	return true;
}

bool bell_covers(struct bell *bell, uint64_t deadline_ns)
{
	return (!bell->rung && bell->at_ns <= deadline_ns) || set(bell, deadline_ns);
}

void bell_has_rung(struct bell *bell)
{
	bell->rung = true;
}
