/* SPDX-License-Identifier: ISC */
/* How sockets come to be parked, see berth.h. */
#ifndef USHERD_SERVE_MOORING_H
#define USHERD_SERVE_MOORING_H

#include "usherd/serve/duty.h"

/*
 * A socket at listener->fd that is not parked yet: it will be, together with others, and
 * is watched then, by listener_update(). Without parking that is at once.
 */
void listener_moor(struct listener *listener);
/* No others are to be expected now. */
void listeners_moor_rest(struct engine *engine);

#endif
