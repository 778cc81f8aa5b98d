/* SPDX-License-Identifier: ISC */
/*
 * The birth of a worker: its sockets fetched, a process made. Its life is worker.c's,
 * that of one in another program begins in execute.c.
 */
#include "usherd/base/fd.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/channel.h"
#include "usherd/serve/execute.h"
#include "usherd/serve/watching.h"
#include "usherd/serve/worker.h"

#include <errno.h>
#include <unistd.h>

/* The first @count of the listeners that the worker is to have. */
static void release_listeners(const struct worker_plan *plan, size_t count)
{
	for (size_t i = 0; i < plan->post_count; i++)
		for (size_t j = 0; j < plan->posts[i]->listener_count; j++)
			if (listener_is_lent(plan->posts[i]->listeners[j]) && count > 0) {
				listener_release(plan->posts[i]->listeners[j]);
				count--;
			}
}

/* Have them all in the table that is about to be inherited. */
static int hold_listeners(const struct worker_plan *plan, size_t *ret_count)
{
	*ret_count = 0;
	for (size_t i = 0; i < plan->post_count; i++)
		for (size_t j = 0; j < plan->posts[i]->listener_count; j++) {
			struct listener *listener = plan->posts[i]->listeners[j];
			int r = listener_is_lent(listener) ? listener_hold(listener) : 0;

			if (r < 0) {
				release_listeners(plan, *ret_count);
				return r;
			}
			*ret_count += listener_is_lent(listener);
		}
	return 0;
}

static int fork_with_channel(const struct worker_plan *plan, int *ret_channel,
			     pid_t *ret_pid)
{
	int supervisor_end, worker_end;
	int r = channel_open(&supervisor_end, &worker_end);
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0 && plan->executable != NULL)
		worker_execute(plan, worker_end);
	if (pid == 0)
		worker_become(plan, worker_end);
	r = -errno;
	fd_close(&worker_end);
	if (pid == -1) {
		fd_close(&supervisor_end);
		return r;
	}
	*ret_channel = supervisor_end;
	*ret_pid = pid;
	return 0;
}

int worker_fork(const struct worker_plan *plan, int *ret_channel, pid_t *ret_pid)
{
	size_t held;
	int r = hold_listeners(plan, &held);

	if (r < 0)
		return r;
	if (plan->engine->before_fork != NULL)
		plan->engine->before_fork(plan->engine);
	r = fork_with_channel(plan, ret_channel, ret_pid);
	release_listeners(plan, held);
	return r;
}
