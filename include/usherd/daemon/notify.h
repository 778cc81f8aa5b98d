/* SPDX-License-Identifier: ISC */
/*
 * The service manager's side door, sd_notify(3): a few lines of documented protocol, so
 * no library. Without NOTIFY_SOCKET everything here does nothing.
 */
#ifndef USHERD_DAEMON_NOTIFY_H
#define USHERD_DAEMON_NOTIFY_H

#include "usherd/base/addr.h"

struct notifier {
	struct addr addr;  /* length 0: nobody to notify */
	int fd;            /* owned; -1: none */
	uint64_t alive_ns; /* so often notify_alive() is expected; 0: never */
};

/* Takes NOTIFY_SOCKET out of the environment, so that no program inherits it. */
void notify_init(struct notifier *notifier);
void notify_done(struct notifier *notifier);

void notify_ready(const struct notifier *notifier, const char *status);
/* With MONOTONIC_USEC, as Type=notify-reload wants it. */
void notify_reloading(const struct notifier *notifier);
void notify_stopping(const struct notifier *notifier);
/* For the watchdog, WATCHDOG_USEC of sd_watchdog_enabled(3). */
void notify_alive(const struct notifier *notifier);

#endif
