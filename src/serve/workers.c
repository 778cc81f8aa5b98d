/* SPDX-License-Identifier: ISC */
/* Which workers there should be, and making it so. One of them is tending.c's, what it
 * does worker.c's. */
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

void workers_free(struct workers *workers)
{
	if (workers == NULL)
		return;
	workers_stop(workers);
	for (struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next) {
		worker_close_channel(worker);
		worker->workers = NULL;
	}
	troubles_done(&workers->troubles);
	free(workers);
}

/* Whichever comes first, what is planned already or @at_ns. */
void workers_refresh_at(struct workers *workers, uint64_t at_ns)
{
	struct timer *timer = &workers->timer;

	if (workers->stopped ||
	    (loop_timer_is_armed(timer) && timer->deadline_ns <= at_ns))
		return;
	(void)loop_timer_set(workers->engine->loop, timer, at_ns);
}

void workers_refresh_soon(struct workers *workers)
{
	workers_refresh_at(workers, loop_now_ns(workers->engine->loop));
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
		const struct tally *tally = worker_tally(worker, id);

		if (tally == NULL)
			continue;
		active += tally->active;
		if (!worker->draining &&
		    ledger_arrivals(worker->crew->ledger, id)->paused_until_ns > now_ns)
			*ret_resting = true;
	}
	return active;
}

int workers_hand_on(struct workers *workers, const char *id, int fd)
{
	struct worker *best = NULL;
	uint64_t fewest = 0;

	for (struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next) {
		const struct tally *tally = worker_tally(worker, id);

		if (worker->draining || tally == NULL ||
		    (best != NULL && tally->active >= fewest))
			continue;
		best = worker;
		fewest = tally->active;
	}
	return best != NULL ? mux_give(&best->mux, id, fd) : -EAGAIN;
}

uint64_t workers_note_failure(struct workers *workers, uint64_t owner, uint64_t now_ns)
{
	return troubles_note(&workers->troubles, owner, now_ns, WORKER_REST_FIRST_NS,
			     WORKER_REST_MAX_NS);
}

/* The crew that serves @group, as far as it goes; NULL: none does. */
static struct crew *find_crew(const struct workers *workers, const struct group *group)
{
	for (const struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next)
		if (!worker->draining && worker->crew->signature == group->signature)
			return worker->crew;
	return NULL;
}

static bool is_served(const struct workers *workers, const struct group *group)
{
	const struct crew *crew = find_crew(workers, group);

	return crew != NULL && crew_vacancy(crew) == -1;
}

static bool is_wanted(const struct worker *worker, const struct group_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->groups[i].signature == worker->crew->signature)
			return true;
	return false;
}

/* Start those of the group's workers that are missing. 0 or a negative errno. */
static int man_crew(struct workers *workers, const struct group *group,
		    const struct responder_ports *ports)
{
	struct crew *crew = find_crew(workers, group);
	int r = 0;
	int slot;

	if (crew != NULL)
		(void)crew_ref(crew);
	else
		r = crew_new(group, &crew);
	while (r == 0 && (slot = crew_vacancy(crew)) != -1)
		r = worker_start(workers, group, ports, crew, (unsigned)slot);
	crew_unref(crew);
	return r;
}

/* Complete the group's crew, or later if it has to wait after failures. */
static void start_group(struct workers *workers, const struct group *group,
			const struct responder_ports *ports)
{
	uint64_t now_ns = loop_now_ns(workers->engine->loop);
	uint64_t not_before_ns = troubles_not_before(&workers->troubles, group->owner);
	int r;

	if (not_before_ns > now_ns) {
		workers_refresh_at(workers, not_before_ns);
		return;
	}
	r = man_crew(workers, group, ports);
	if (r == 0)
		return;
	report_message(workers->engine->reporter, LOG_LEVEL_ERROR,
		       "cannot start a worker: %s; trying again", strerror(-r));
	workers_refresh_at(workers, workers_note_failure(workers, group->owner, now_ns));
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
			worker_close_channel(worker);
	}
}

/* Sessions without end must not let the number of workers grow with every reload. */
static void end_oldest(struct workers *workers)
{
	size_t most = (size_t)WORKERS_DRAINING * workers->engine->workers;
	size_t count = 0;

	for (struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next) {
		if (!worker->draining || ++count <= most)
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
		workers_refresh_at(workers, loop_now_ns(workers->engine->loop) +
						    WORKER_REST_MAX_NS);
		return;
	}
	/* First, so that an access list that has become stricter is so at once. */
	drain_unwanted(workers, &wanted);
	start_missing(workers, &wanted);
	end_oldest(workers);
	groups_done(&wanted);
}
