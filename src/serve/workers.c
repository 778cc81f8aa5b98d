/* SPDX-License-Identifier: ISC */
/* Which workers there should be, and making it so. What a worker does is in worker.c. */
#include "usherd/serve/workers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve_internal.h"
#include "usherd/base/fd.h"
#include "usherd/serve/channel.h"
#include "usherd/serve/groups.h"
#include "usherd/serve/mux.h"
#include "usherd/serve/order.h"
#include "usherd/serve/worker.h"

/* Packets of reports taken from one worker before others have their turn. */
#define REPORT_BATCH 16

static void refresh_fired(struct timer *timer)
{
	workers_refresh(timer->data);
}

int workers_new(struct engine *engine, bool root, struct workers **ret)
{
	struct workers *workers = calloc(1, sizeof(*workers));

	if (workers == NULL)
		return -ENOMEM;
	workers->engine = engine;
	workers->root = root;
	workers->timer.fired = refresh_fired;
	workers->timer.data = workers;
	*ret = workers;
	return 0;
}

static void unlink_worker(struct worker *worker)
{
	struct worker **link = &worker->workers->first;

	while (*link != worker)
		link = &(*link)->next;
	*link = worker->next;
}

static void close_channel(struct worker *worker)
{
	loop_remove(&worker->reports);
	fd_close(&worker->channel);
	mux_done(&worker->mux);
}

static void free_worker(struct worker *worker)
{
	close_channel(worker);
	ledger_free(worker->ledger);
	free(worker);
}

void workers_free(struct workers *workers)
{
	if (workers == NULL)
		return;
	workers_stop(workers);
	for (struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next) {
		close_channel(worker);
		worker->workers = NULL;
	}
	troubles_done(&workers->troubles);
	free(workers);
}

/* Whichever comes first, what is planned already or @at_ns. */
static void refresh_at(struct workers *workers, uint64_t at_ns)
{
	struct timer *timer = &workers->timer;

	if (workers->stopped ||
	    (loop_timer_is_armed(timer) && timer->deadline_ns <= at_ns))
		return;
	(void)loop_timer_set(workers->engine->loop, timer, at_ns);
}

void workers_refresh_soon(struct workers *workers)
{
	refresh_at(workers, loop_now_ns(workers->engine->loop));
}

void workers_stop(struct workers *workers)
{
	workers->stopped = true;
	loop_timer_cancel(&workers->timer);
}

size_t workers_count(const struct workers *workers)
{
	size_t count = 0;

	for (const struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next)
		count++;
	return count;
}

uint64_t workers_active(const struct workers *workers, const char *id, bool *ret_resting)
{
	uint64_t now_ns = loop_now_ns(workers->engine->loop);
	uint64_t active = 0;

	*ret_resting = false;
	for (const struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next) {
		const struct tally *tally = ledger_find(worker->ledger, id);

		if (tally == NULL)
			continue;
		active += tally->active;
		if (!worker->draining && tally->paused_until_ns > now_ns)
			*ret_resting = true;
	}
	return active;
}

int workers_hand_on(struct workers *workers, const char *id, int fd)
{
	for (struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next)
		if (!worker->draining && ledger_find(worker->ledger, id) != NULL)
			return mux_give(&worker->mux, id, fd);
	return -EAGAIN;
}

/* Pass reports on. 0: there may be more; -EAGAIN: none now; else why there are none. */
static int take_reports(struct worker *worker)
{
	int r = 0;

	for (int i = 0; r == 0 && i < REPORT_BATCH; i++)
		r = channel_receive(worker->channel, worker->workers->engine->reporter);
	return r;
}

static uint64_t note_failure(struct workers *workers, uint64_t owner, uint64_t now_ns)
{
	return troubles_note(&workers->troubles, owner, now_ns, WORKER_REST_FIRST_NS,
			     WORKER_REST_MAX_NS);
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
			if (now_ns - worker->started_ns >= WORKER_STEADY_NS)
				troubles_forget(&workers->troubles, worker->owner);
			report_worker_end(workers->engine->reporter, child->pid,
					  wait_status);
			refresh_at(workers, note_failure(workers, worker->owner, now_ns));
		}
		ledger_clear(worker->ledger);
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

static int fork_worker(struct worker *worker, const struct group *group,
		       const struct responder_ports *ports)
{
	struct workers *workers = worker->workers;
	size_t count = workers_count(workers);
	const struct ledger **predecessors =
		(const struct ledger **)calloc(count + 1, sizeof(struct ledger *));
	struct worker_plan plan = { .engine = workers->engine,
				    .credentials = group->credentials,
				    .transfer = -1,
				    .needs = group->needs,
				    .executable = group->executable,
				    .root = workers->root,
				    .posts = group->posts,
				    .post_count = group->count,
				    .ports = ports,
				    .ledger = worker->ledger,
				    .predecessors = predecessors };
	int r = 0;

	if (predecessors == NULL)
		return -ENOMEM;
	for (const struct worker *older = workers->first; older != NULL;
	     older = older->next)
		predecessors[plan.predecessor_count++] = older->ledger;
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

static int start_worker(struct workers *workers, const struct group *group,
			const struct responder_ports *ports)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (worker == NULL)
		return -ENOMEM;
	worker->workers = workers;
	worker->channel = -1;
	worker->signature = group->signature;
	worker->owner = group->owner;
	worker->started_ns = loop_now_ns(workers->engine->loop);
	worker->mux.deaf = (group->needs & INTERNAL_HANDS_OVER) == 0;
	worker->mux.nonsense = mux_nonsense;
	worker->mux.data = worker;
	r = group_ledger(group, &worker->ledger);
	if (r == 0)
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
	report_message(workers->engine->reporter, LOG_LEVEL_INFO,
		       "worker %d serves %zu services", (int)worker->child.pid,
		       group->count);
	return 0;
}

static bool is_served(const struct workers *workers, const struct group *group)
{
	for (const struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next)
		if (!worker->draining && worker->signature == group->signature)
			return true;
	return false;
}

static bool is_wanted(const struct worker *worker, const struct group_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->groups[i].signature == worker->signature)
			return true;
	return false;
}

/* Start the group's worker, or later if it has to wait after failures. */
static void start_group(struct workers *workers, const struct group *group,
			const struct responder_ports *ports)
{
	uint64_t now_ns = loop_now_ns(workers->engine->loop);
	uint64_t not_before_ns = troubles_not_before(&workers->troubles, group->owner);
	int r;

	if (not_before_ns > now_ns) {
		refresh_at(workers, not_before_ns);
		return;
	}
	r = start_worker(workers, group, ports);
	if (r == 0)
		return;
	report_message(workers->engine->reporter, LOG_LEVEL_ERROR,
		       "cannot start a worker: %s; trying again", strerror(-r));
	refresh_at(workers, note_failure(workers, group->owner, now_ns));
}

static void start_missing(struct workers *workers, const struct group_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (!is_served(workers, &wanted->groups[i]))
			start_group(workers, &wanted->groups[i], &wanted->ports);
}

static void drain_unwanted(struct workers *workers, const struct group_list *wanted)
{
	for (struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next) {
		if (worker->draining || is_wanted(worker, wanted))
			continue;
		worker->draining = true;
		if (order_drain(worker->channel) < 0)
			close_channel(worker);
	}
}

/* Sessions without end must not let the number of workers grow with every reload. */
static void end_oldest(struct workers *workers)
{
	size_t count = 0;

	for (struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next) {
		if (!worker->draining || ++count <= WORKERS_DRAINING)
			continue;
		report_message(workers->engine->reporter, LOG_LEVEL_WARNING,
			       "worker %d has had its time to drain and is ended",
			       (int)worker->child.pid);
		(void)kill(worker->child.pid, SIGKILL);
	}
}

void workers_refresh(struct workers *workers)
{
	struct group_list wanted = { 0 };

	if (workers->stopped)
		return;
	if (groups_make(workers->engine, &wanted) < 0) {
		refresh_at(workers,
			   loop_now_ns(workers->engine->loop) + WORKER_REST_MAX_NS);
		return;
	}
	/* First, so that an access list that has become stricter is so at once. */
	drain_unwanted(workers, &wanted);
	start_missing(workers, &wanted);
	end_oldest(workers);
	groups_done(&wanted);
}
