/* SPDX-License-Identifier: ISC */
/*
 * Becoming a daemon: standard descriptors, what the starter handed over, the background.
 */
#ifndef USHERD_DAEMON_STARTUP_H
#define USHERD_DAEMON_STARTUP_H

#include "usherd/base/error.h"
#include "usherd/serve/roster.h"

/*
 * First thing in main: 0, 1 and 2 are open; every other descriptor is close-on-exec;
 * those of LISTEN_FDS (sd_listen_fds(3), meant for this very process) are returned,
 * non-blocking, and the variables removed from the environment. 0 or a negative errno.
 */
int startup_descriptors(struct inherited *ret, struct error *err);
void inherited_done(struct inherited *inherited); /* closes what was not taken */

/* Take out of the environment what belongs to whoever started the daemon and is nothing
 * for programs of others: as OpenBSD's inetd does. */
void startup_launder(void);

/*
 * Fork into the background. The parent stays until the child has called
 * startup_ready() and then returns success to its caller, or the child's exit status if
 * it ends before. Returns in the child only, with the descriptor for startup_ready().
 */
int startup_background(int *ret_ready_fd, struct error *err);

/* Tell the waiting parent that the daemon is up, and let go of terminal and standard
 * descriptors (all lead to /dev/null then). */
void startup_ready(int *ready_fd);

#endif
