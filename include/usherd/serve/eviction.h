/* SPDX-License-Identifier: ISC */
/*
 * Ending the programs of some services while the others go on: SIGTERM to the process
 * group of each, SIGKILL to what is still there after the grace time. Nobody waits for
 * it; the end of each is recorded as that of any other program.
 */
#ifndef USHERD_SERVE_EVICTION_H
#define USHERD_SERVE_EVICTION_H

#include "usherd/serve/duty.h"

struct eviction {
	struct engine *engine; /* borrowed */
	struct timer timer;    /* the next moment at which something is to be killed */
};

void eviction_init(struct eviction *eviction, struct engine *engine);
/* What has been told to end is not looked after any more. */
void eviction_done(struct eviction *eviction);

/* End the programs of @post, all that it has now. */
void eviction_of(struct eviction *eviction, struct post *post, uint64_t grace_ns);

/* Only send @signo to the programs of those services that @wanted names. */
void eviction_signal(const struct engine *engine,
		     bool (*wanted)(const struct service *service), int signo);

#endif
