/* SPDX-License-Identifier: ISC */
/*
 * Reading the configuration beside the loop: a reload of thousands of services, or a name
 * service that is slow to answer, keeps no client waiting.
 *
 * One load at a time has a thread of its own, which shares nothing with the loop but the
 * options and the C library. It is over before this process is forked: a child with one
 * thread would wait for ever for a lock that the other had. loader_wait() sees to it.
 */
#ifndef USHERD_DAEMON_LOADER_H
#define USHERD_DAEMON_LOADER_H

#include <pthread.h>
#include <stdbool.h>

#include "usherd/conf/diagnostics.h"
#include "usherd/daemon/options.h"
#include "usherd/loop/loop.h"
#include "usherd/model/table.h"

/* What came of it: 0 with a table (owned by whoever gets it), or as conf_load(). */
struct loader_outcome {
	int result;
	struct table *table;
	struct diagnostics diagnostics; /* owned by whoever gets it */
};

/* Embedded in the caller's; all zero is one that does nothing. */
struct loader {
	const struct options *options; /* borrowed */
	/* Called by the loop at the end of each load. */
	void (*loaded)(void *data, struct loader_outcome *outcome);
	void *data;
	bool under_way; /* up to the call of `loaded` */
	/* Private: */
	bool joined;
	pthread_t thread;
	struct watch
		watch; /* of an eventfd, owned, that the thread writes to at its end */
	struct loader_outcome outcome;
};

/* Begin a load; none is under way. 0 or a negative errno: then there is no thread to be
 * had, and nothing has begun. */
int loader_start(struct loader *loader, struct loop *loop);

/* Wait for the end of the thread, if there is one; `loaded` is called later all the same.
 */
void loader_wait(struct loader *loader);

/* Wait, and forget the outcome. */
void loader_done(struct loader *loader);

#endif
