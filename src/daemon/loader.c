/* SPDX-License-Identifier: ISC */
/* The thread of a load. What becomes of the outcome is reload.c's affair. */
#include "usherd/daemon/loader.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/daemon/load.h"

/* Clients come first, but a busy machine must not starve the load. On Linux each thread
 * has a nice value of its own, pthreads(7). */
#define NICENESS 5

/* Who wakes for a client need not wait until the thread's turn is over: since Linux 6.12
 * a turn can be that short, sched_setattr(2). */
#define TURN_NS UINT64_C(100000)

/* Its first version; C libraries have none, and the kernel's header does not go with
 * theirs. */
struct scheduling {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

static void stand_back(void)
{
	struct scheduling scheduling = { .size = sizeof(scheduling),
					 .policy = SCHED_OTHER,
					 .nice = getpriority(PRIO_PROCESS, 0) + NICENESS,
					 .runtime_ns = TURN_NS };

	if (syscall(SYS_sched_setattr, 0, &scheduling, 0) == -1)
		(void)setpriority(PRIO_PROCESS, 0, scheduling.nice);
}

static void *run(void *argument)
{
	struct loader *loader = argument;
	struct loader_outcome *outcome = &loader->outcome;

	stand_back();
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
