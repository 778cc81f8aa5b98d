/* SPDX-License-Identifier: ISC */
/*
 * What the relaying services of one worker share: the buffer that bytes are copied
 * through, and the pipes that they are spliced through.
 */
#ifndef USHERD_INTERNAL_RELAYS_H
#define USHERD_INTERNAL_RELAYS_H

#include <stddef.h>

#include "usherd/loop/loop.h"

struct relays;

/* Takes memory as it is used. 0 or -ENOMEM. */
int relays_new(struct loop *loop, struct relays **ret);
/* After the services that use it. NULL allowed. */
void relays_free(struct relays *relays);

/* Pipes that are open, in use or not: at most RELAYS_PIPES. */
size_t relays_pipes(const struct relays *relays);
#define RELAYS_PIPES 256

#endif
