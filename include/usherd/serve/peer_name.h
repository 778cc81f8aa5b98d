/* SPDX-License-Identifier: ISC */
/* What a client is called. Blocks: for processes that have nothing else to do. */
#ifndef USHERD_SERVE_PEER_NAME_H
#define USHERD_SERVE_PEER_NAME_H

#include "usherd/guard/names.h"
#include "usherd/model/policy.h"

/* All that guard_welcomes_named() needs to know of @peer. What the resolver cannot tell
 * now is not known, and not taken for the better. */
void peer_name_find(const struct policy *policy, const struct addr *peer,
		    struct peer_names *ret);

#endif
