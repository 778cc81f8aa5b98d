/* SPDX-License-Identifier: ISC */
/* The thread of a load. What becomes of the outcome is reload.c's affair. */
#include "usherd/daemon/loader.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "usherd/base/fd.h"
#include "usherd/daemon/load.h"

/* Clients come first, but a busy machine must not starve the load. On Linux each thread
 * has a nice value of its own, pthreads(7). */
#define NICENESS 5

static void *run(void *argument)
{
	struct loader *loader = argument;
	struct loader_outcome *outcome = &loader->outcome;

	(void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICENESS);
	outcome->result =
		load_table(loader->options, &outcome->table, &outcome->diagnostics);
	load_give_memory_back();
	/* It cannot fail: the counter is far from full. */
	(void)eventfd_write(loader->watch.fd, 1);
	return NULL;
}

static void end(struct loader *loader)
{
	loader_wait(loader);
	loop_remove(&loader->watch);
	fd_close(&loader->watch.fd);
	loader->under_way = false;
}

static void ready(struct watch *watch, short revents)
{
	struct loader *loader = watch->data;
	struct loader_outcome outcome;

	(void)revents;
	end(loader);
	outcome = loader->outcome;
	/* Another load may be begun by the call. */
	loader->loaded(loader->data, &outcome);
}

int loader_start(struct loader *loader, struct loop *loop)
{
	int r;

	loader->outcome = (struct loader_outcome){ .result = 0 };
	loader->watch =
		(struct watch){ .events = POLLIN, .ready = ready, .data = loader };
	loader->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loader->watch.fd == -1)
		return -errno;
	r = loop_add(loop, &loader->watch);
	/* The loop has blocked the signals it handles, and the thread inherits that. */
	if (r == 0)
		r = -pthread_create(&loader->thread, NULL, run, loader);
	if (r < 0) {
		loop_remove(&loader->watch);
		fd_close(&loader->watch.fd);
		return r;
	}
	loader->joined = false;
	loader->under_way = true;
	return 0;
}

void loader_wait(struct loader *loader)
{
	if (!loader->under_way || loader->joined)
		return;
	(void)pthread_join(loader->thread, NULL);
	loader->joined = true;
}

void loader_done(struct loader *loader)
{
	if (!loader->under_way)
		return;
	end(loader);
	table_free(loader->outcome.table);
	diagnostics_done(&loader->outcome.diagnostics);
}
