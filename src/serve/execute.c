/* SPDX-License-Identifier: ISC */
/*
 * The last act of a forked child that is to be a worker in another program. Descriptors
 * that are not handed over are close-on-exec anyway.
 */
#include "usherd/serve/execute.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "usherd/exec/libexec.h"
#include "usherd/serve/channel.h"
#include "usherd/serve/handover.h"

/* Of the environment only the time zone is passed on: what else stands there was meant
 * for the supervisor, and may tell a library to do things. */
static int execute(const char *path, int handed, struct error *err)
{
	const char *zone = getenv("TZ");
	char name[PATH_MAX], number[16], zone_entry[256];
	char *arguments[] = { name, number, NULL };
	char *environment[] = { zone_entry, NULL };

	(void)text_copy(name, sizeof(name), path);
	(void)snprintf(number, sizeof(number), "%d", handed);
	if (zone == NULL || (size_t)snprintf(zone_entry, sizeof(zone_entry), "TZ=%s",
					     zone) >= sizeof(zone_entry))
		environment[0] = NULL;
	(void)execve(path, arguments, environment);
	return error_set_errno(err, -errno, "cannot execute '%s'", path);
}

_Noreturn void worker_execute(const struct worker_plan *plan, int channel)
{
	struct channel_reporter reporter;
	struct error err = { 0 };
	char path[PATH_MAX];
	int handed;
	int r;

	channel_reporter_init(&reporter, channel);
	r = handover_write(plan, channel, &handed);
	if (r < 0)
		(void)error_set_errno(&err, r, "cannot hand over");
	else if (libexec_find(plan->executable, path, sizeof(path), &err) == 0)
		(void)execute(path, handed, &err);
	worker_give_up(&reporter, &err);
}
