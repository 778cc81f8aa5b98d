/* SPDX-License-Identifier: ISC */
/* What the tables of sources share. */
#ifndef USHERD_GUARD_INTERNAL_H
#define USHERD_GUARD_INTERNAL_H

#include <stdint.h>

#include "usherd/base/addr.h"

/* Every bit of @seed and of @prefix changes half of the result. Clients choose their
 * addresses, so the seed is to be none of their knowledge: collisions cannot be prepared
 * then. */
uint64_t guard_hash(uint64_t seed, const struct prefix *prefix);

#endif
