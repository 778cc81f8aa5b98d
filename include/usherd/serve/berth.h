/* SPDX-License-Identifier: ISC */
/*
 * Where the socket of a listener is: open in this thread's descriptor table, parked (see
 * base/parking.h), or both. Everything is parked, for ss(8) to find; with more than
 * BERTH_RESIDENT_MAX listeners bound nothing stays open here as well, so that starting a
 * program costs the same with ten ports and with ten thousand.
 */
#ifndef USHERD_SERVE_BERTH_H
#define USHERD_SERVE_BERTH_H

#include "usherd/serve/duty.h"

#define BERTH_RESIDENT_MAX 32

/* Has it a socket, wherever? */
bool listener_is_bound(const struct listener *listener);

/* Have the socket at listener->fd until listener_release(); pairs may nest. 0 or a
 * negative errno (-EMFILE, -ENFILE). */
int listener_hold(struct listener *listener);
void listener_release(struct listener *listener);

/* Watch for clients / look away. listener_watch() returns 0 or a negative errno. Looking
 * away always works and may be repeated. */
int listener_watch(struct listener *listener);
void listener_unwatch(struct listener *listener);

/* Give up the socket. */
void listener_shut(struct listener *listener);

#endif
