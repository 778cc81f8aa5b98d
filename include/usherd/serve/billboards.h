/* SPDX-License-Identifier: ISC */
/* What the supervisor does for the billboards of its services: every second it looks at
 * the files and puts up what has changed. */
#ifndef USHERD_SERVE_BILLBOARDS_H
#define USHERD_SERVE_BILLBOARDS_H

#include "usherd/serve/duty.h"

/* How often the files are looked at. */
#define BILLBOARDS_LOOK_NS UINT64_C(1000000000)

/* In the supervisor: put the banners of @post up as they are now, and what runs if it
 * says so. What cannot be read is said once. */
void billboards_refresh(struct post *post);

/* In the supervisor: refresh those of all posts now and every BILLBOARDS_LOOK_NS, as long
 * as there are any. */
void billboards_tend(struct engine *engine);

#endif
