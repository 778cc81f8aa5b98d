/* SPDX-License-Identifier: ISC */
/* Datagrams to the service manager; best effort, never blocking. */
#include "usherd/daemon/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/base/units.h"

static void say(const struct notifier *notifier, const char *text)
{
	if (notifier->fd != -1)
		(void)sendto(notifier->fd, text, strlen(text),
			     MSG_DONTWAIT | MSG_NOSIGNAL, &notifier->addr.u.any,
			     notifier->addr.length);
}

/* Twice in the time that the manager waits: one may be late. */
static uint64_t read_watchdog(void)
{
	const char *pid = getenv("WATCHDOG_PID");
	const char *usec = getenv("WATCHDOG_USEC");
	uint64_t number = 0;
	uint64_t us = 0;

	if (usec == NULL ||
	    units_parse_unsigned(usec, 2, INT64_MAX / 1000, &us, NULL) < 0)
		return 0;
	if (pid != NULL && (units_parse_unsigned(pid, 1, INT32_MAX, &number, NULL) < 0 ||
			    number != (uint64_t)getpid()))
		return 0;
	return us * 1000 / 2;
}

void notify_init(struct notifier *notifier)
{
	const char *path = getenv("NOTIFY_SOCKET");

	memset(notifier, 0, sizeof(*notifier));
	notifier->fd = -1;
	if (path != NULL && addr_parse_unix(path, &notifier->addr, NULL) == 0)
		notifier->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notifier->fd != -1)
		notifier->alive_ns = read_watchdog();
	(void)unsetenv("NOTIFY_SOCKET");
}

void notify_done(struct notifier *notifier)
{
	fd_close(&notifier->fd);
}

void notify_ready(const struct notifier *notifier, const char *status)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "READY=1\nSTATUS=%s\n", status);
	say(notifier, text);
}

void notify_reloading(const struct notifier *notifier)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu\n",
		       (unsigned long long)(clock_monotonic_ns() / 1000));
	say(notifier, text);
}

void notify_stopping(const struct notifier *notifier)
{
	say(notifier, "STOPPING=1\nSTATUS=stopping\n");
}

void notify_alive(const struct notifier *notifier)
{
	say(notifier, "WATCHDOG=1\n");
}
