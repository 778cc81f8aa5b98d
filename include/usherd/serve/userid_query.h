/* SPDX-License-Identifier: ISC */
/* A client of ident servers. Blocks: for processes that have nothing else to do. */
#ifndef USHERD_SERVE_USERID_QUERY_H
#define USHERD_SERVE_USERID_QUERY_H

#include "usherd/base/addr.h"
#include "usherd/guard/userid.h"

#define USERID_PORT 113

/* Ask the host of @peer, from the address of @local, whose connection it is that leads
 * from there to here. Takes @seconds at most. */
enum userid_outcome userid_query(const struct addr *peer, const struct addr *local,
				 unsigned seconds, char ret[USERID_TEXT_SIZE]);

#endif
