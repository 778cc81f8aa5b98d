/* SPDX-License-Identifier: ISC */
/*
 * Steps of the child that bound what its program may use: resource limits, nice, umask.
 * All three belong to the process alone (no CLONE_FS, no CLONE_THREAD): the daemon is
 * not changed by them.
 */
#include "exec_internal.h"

#include <stdint.h>
#include <sys/resource.h>

#include "raw.h"

/* What prlimit64 takes, whatever the width of rlim_t. */
struct kernel_limit {
	uint64_t soft;
	uint64_t hard;
};

int limits_set(int resource, rlim_t value)
{
	uint64_t wide = value == RLIM_INFINITY ? UINT64_MAX : (uint64_t)value;
	struct kernel_limit limit = { wide, wide };

	return RAW_CALL(SYS_prlimit64, 0, resource, &limit, NULL);
}

int limits_apply(const struct start *start)
{
	const struct program_limit *limits = start->program->limits;

	for (int resource = 0; resource < (int)PROGRAM_RLIMITS; resource++) {
		int r;

		if (!limits[resource].set)
			continue;
		r = limits_set(resource, limits[resource].value);
		if (r < 0)
			return r;
	}
	return 0;
}

int limits_apply_nice(const struct start *start)
{
	int now;

	if (start->program->nice == 0)
		return 0;
	/* Added to the daemon's own, as nice(2) does. The call itself gives 20 - nice, so
	 * that no result is negative; getpriority(2) "C library/kernel differences". */
	now = RAW_CALL(SYS_getpriority, PRIO_PROCESS, 0);
	if (now < 0)
		return now;
	return RAW_CALL(SYS_setpriority, PRIO_PROCESS, 0,
			20 - now + start->program->nice);
}

int limits_apply_umask(const struct start *start)
{
	/* Cannot fail: the result is the old mask. */
	if (start->program->umask_given)
		(void)RAW_CALL(SYS_umask, (unsigned)start->program->umask);
	return 0;
}
