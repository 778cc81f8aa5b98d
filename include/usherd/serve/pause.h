/* SPDX-License-Identifier: ISC */
/* The rest that a post takes when more clients come than cps or cpm allows. */
#ifndef USHERD_SERVE_PAUSE_H
#define USHERD_SERVE_PAUSE_H

#include "usherd/serve/duty.h"

/* Of a new post: what happens when its pause is over. */
void pause_init(struct post *post);

/* cps or cpm was exceeded: refuse at once (TCP) or look away (the others) until
 * @until_ns, or as long as another worker has said before. */
void pause_begin(struct post *post, uint64_t until_ns);

/* If another worker has the service rest, or had until a moment ago, do so as well.
 * False: it does not. */
bool pause_join(struct post *post);

#endif
