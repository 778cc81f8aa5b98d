/* SPDX-License-Identifier: ISC */
/*
 * The deny list (guard/deny.h) of all services: written by the supervisor alone, whose
 * sensors put on it who connects to them; read by the workers in shared memory that they
 * cannot write. It outlives every reload, and ends with usherd.
 *
 * Only streams put an address on the list: the sender of a datagram may be forged, and
 * anybody could have anybody denied.
 */
#ifndef USHERD_SERVE_DENIALS_H
#define USHERD_SERVE_DENIALS_H

#include "usherd/serve/duty.h"

/* In the supervisor. 0 or a negative errno. */
int denials_new(struct engine *engine, struct denials **ret);
void denials_free(struct denials *denials); /* NULL allowed */

/* Does @engine know of a list, and is @peer on it now? */
bool denials_hold(const struct engine *engine, const struct addr *peer, uint64_t now_ns);

/* In the supervisor: the sensor @post has refused the stream client @peer. */
void denials_put(struct post *post, const struct addr *peer);

/* In a forked worker: it can only be read from now on. 0 or a negative errno. */
int denials_leave(struct denials *denials);

/* For another program: the memory, owned by it; and the list in @fd, to be read. 0 or a
 * negative errno. */
int denials_fd(const struct denials *denials);
int denials_open(int fd, struct denials **ret);

#endif
