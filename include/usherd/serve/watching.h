/* SPDX-License-Identifier: ISC */
/* When a listener is watched for clients: on duty, not at rest, in nobody else's hands.
 */
#ifndef USHERD_SERVE_WATCHING_H
#define USHERD_SERVE_WATCHING_H

#include "usherd/serve/duty.h"

/* Of several processes that watch the listener, let another be woken for the next client.
 */
void listener_stand_back(struct listener *listener);

/* Is it bound, free, not at rest, and of a service on duty: may its clients be served? */
bool listener_is_wanted(const struct listener *listener);

/* Watch again / not at all, according to the state of post and listener. */
void listener_update(struct listener *listener);

/* Bound, and in nobody else's hands: a worker may have it. */
bool listener_is_free(const struct listener *listener);

/* Of an in-process service whose clients are asked about before they are served: the
 * supervisor takes them, and hands on those whom it lets in. */
bool listener_is_kept(const struct listener *listener);

/* Free, and a worker's to have. */
bool listener_is_lent(const struct listener *listener);

/* Look away from one listener for @ns. */
void listener_rest(struct listener *listener, uint64_t ns);

#endif
