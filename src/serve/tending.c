/* SPDX-License-Identifier: ISC */
/*
 * One worker as the supervisor keeps it: started, listened to, its end noted. How many
 * there are to be is workers.c's affair.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "serve_internal.h"
#include "usherd/base/fd.h"
#include "usherd/serve/channel.h"
#include "usherd/serve/totals.h"
#include "usherd/serve/worker.h"

/* Packets of reports taken from one worker before others have their turn. */
#define REPORT_BATCH 16

static void unlink_worker(struct worker *worker)
{
	struct worker **link = &worker->workers->first;

	while (*link != worker)
		link = &(*link)->next;
	*link = worker->next;
}

void worker_close_channel(struct worker *worker)
{
	loop_remove(&worker->reports);
	fd_close(&worker->channel);
	mux_done(&worker->mux);
}

static void free_worker(struct worker *worker)
{
	worker_close_channel(worker);
	crew_unref(worker->crew);
	free(worker);
}

/* Pass reports on. 0: there may be more; -EAGAIN: none now; else why there are none. */
static int take_reports(struct worker *worker)
{
	int r = 0;

	for (int i = 0; r == 0 && i < REPORT_BATCH; i++)
		r = channel_receive(worker->channel, worker->workers->engine->reporter);
	return r;
}

static void plan_another(const struct worker *worker, uint64_t now_ns)
{
	struct workers *workers = worker->workers;
	uint64_t owner = worker->crew->owner;

	if (now_ns - worker->started_ns >= WORKER_STEADY_NS)
		troubles_forget(&workers->troubles, owner);
	workers_refresh_at(workers, workers_note_failure(workers, owner, now_ns));
}

static void worker_ended(struct child *child, int wait_status, uint64_t now_ns)
{
	struct worker *worker = (struct worker *)child;
	struct workers *workers = worker->workers;

	if (workers != NULL && wait_status != CHILD_FORGOTTEN) {
		/* What it still had to say, and to give. */
		(void)take_reports(worker);
		mux_take(&worker->mux);
		if (!worker->draining && !workers->stopped) {
			report_worker_end(workers->engine->reporter, child->pid,
					  wait_status);
			plan_another(worker, now_ns);
		}
		totals_keep(workers->engine, worker->crew->ledger, worker->slot);
		crew_leave(worker->crew, worker->slot);
		unlink_worker(worker);
	}
	free_worker(worker);
}

static void end_for_nonsense(const struct worker *worker)
{
	report_message(worker->workers->engine->reporter, LOG_LEVEL_ERROR,
		       "worker %d sent nonsense and is ended", (int)worker->child.pid);
	(void)kill(worker->child.pid, SIGKILL);
}

static void mux_nonsense(struct mux *mux)
{
	end_for_nonsense(mux->data);
}

static void reports_ready(struct watch *watch, short revents)
{
	struct worker *worker = watch->data;
	int r = take_reports(worker);

	(void)revents;
	if (r == 0 || r == -EAGAIN)
		return;
	if (r == -EBADMSG)
		end_for_nonsense(worker);
	/* Its end is told by SIGCHLD. */
	loop_remove(watch);
}

static bool is_among(const struct ledger *const *ledgers, size_t count,
		     const struct ledger *ledger)
{
	for (size_t i = 0; i < count; i++)
		if (ledgers[i] == ledger)
			return true;
	return false;
}

/* Those of all other crews, each once. @ret has room. */
static size_t find_predecessors(const struct worker *worker, const struct ledger **ret)
{
	size_t count = 0;

	for (const struct worker *older = worker->workers->first; older != NULL;
	     older = older->next)
		if (older->crew != worker->crew &&
		    !is_among(ret, count, older->crew->ledger))
			ret[count++] = older->crew->ledger;
	return count;
}

static int fork_worker(struct worker *worker, const struct group *group,
		       const struct responder_ports *ports)
{
	struct workers *workers = worker->workers;
	const struct ledger **predecessors = (const struct ledger **)calloc(
		workers_count(workers) + 1, sizeof(struct ledger *));
	struct worker_plan plan = { .engine = workers->engine,
				    .credentials = group->credentials,
				    .transfer = -1,
				    .needs = group->needs,
				    .executable = group->executable,
				    .root = workers->root,
				    .posts = group->posts,
				    .post_count = group->count,
				    .ports = ports,
				    .ledger = worker->crew->ledger,
				    .slot = worker->slot,
				    .denials = workers->engine->denials,
				    .predecessors = predecessors };
	int r = 0;

	if (predecessors == NULL)
		return -ENOMEM;
	plan.predecessor_count = find_predecessors(worker, predecessors);
	if (group->transfer)
		r = mux_open(&worker->mux, workers->engine, &plan.transfer);
	if (r == 0)
		r = worker_fork(&plan, &worker->channel, &worker->child.pid);
	fd_close(&plan.transfer);
	free((void *)predecessors);
	return r;
}

static int watch_worker(struct worker *worker)
{
	int r;

	worker->child.ended = worker_ended;
	worker->reports.fd = worker->channel;
	worker->reports.events = POLLIN;
	worker->reports.ready = reports_ready;
	worker->reports.data = worker;
	r = loop_add(worker->workers->engine->loop, &worker->reports);
	if (r == 0)
		r = children_add(worker->workers->engine->children, &worker->child);
	return r;
}

static struct worker *new_worker(struct workers *workers, const struct group *group,
				 struct crew *crew, unsigned slot)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker == NULL)
		return NULL;
	worker->workers = workers;
	worker->channel = -1;
	worker->crew = crew_ref(crew);
	worker->slot = slot;
	worker->started_ns = loop_now_ns(workers->engine->loop);
	worker->mux.deaf = (group->needs & INTERNAL_HANDS_OVER) == 0;
	worker->mux.nonsense = mux_nonsense;
	worker->mux.data = worker;
	return worker;
}

int worker_start(struct workers *workers, const struct group *group,
		 const struct responder_ports *ports, struct crew *crew, unsigned slot)
{
	struct worker *worker = new_worker(workers, group, crew, slot);
	int r;

	if (worker == NULL)
		return -ENOMEM;
	r = fork_worker(worker, group, ports);
	if (r == 0)
		r = watch_worker(worker);
	if (r < 0) {
		/* The closed channel ends a worker that has been forked. */
		free_worker(worker);
		return r;
	}
	worker->next = workers->first;
	workers->first = worker;
	crew_enter(crew, slot);
	report_message(workers->engine->reporter, LOG_LEVEL_INFO,
		       "worker %d serves %zu services", (int)worker->child.pid,
		       group->count);
	return 0;
}

const struct tally *worker_tally(const struct worker *worker, const char *id)
{
	return ledger_find(worker->crew->ledger, id, worker->slot);
}
