/* SPDX-License-Identifier: ISC */
/* Which workers there should be, and making it so. What a worker does is in worker.c. */
#include "usherd/serve/workers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usherd/base/backoff.h"
#include "usherd/base/fd.h"
#include "usherd/serve/channel.h"
#include "usherd/serve/groups.h"
#include "usherd/serve/worker.h"

/* Reports taken from one worker before others have their turn. */
#define REPORT_BATCH 256

struct worker {
	struct child child; /* first: a child leads back here */
	struct workers *workers;
	struct worker *next;
	int channel; /* owned */
	struct watch reports;
	uint64_t signature;
	uint64_t started_ns;
	bool draining;
};

struct workers {
	struct engine *engine;
	struct worker *first;
	struct timer timer; /* the next refresh */
	unsigned failures;  /* ends of workers in a row, each soon after its start */
	bool root;
	bool stopped;
};

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
	free(workers);
}

static void refresh_in(struct workers *workers, uint64_t ns)
{
	struct loop *loop = workers->engine->loop;

	if (!workers->stopped)
		(void)loop_timer_set(loop, &workers->timer, loop_now_ns(loop) + ns);
}

void workers_refresh_soon(struct workers *workers)
{
	/* A rest after failures is not cut short. */
	if (!loop_timer_is_armed(&workers->timer))
		refresh_in(workers, 0);
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

/* The first restart is immediate. */
static uint64_t rest_ns(unsigned failures)
{
	return backoff_ns(failures > 0 ? failures - 1 : 0, WORKER_REST_FIRST_NS,
			  WORKER_REST_MAX_NS);
}

/* What the dead one still had to say. */
static void read_reports(struct worker *worker)
{
	struct reporter *reporter = worker->workers->engine->reporter;

	for (int i = 0; i < REPORT_BATCH; i++) {
		if (channel_receive(worker->channel, reporter) < 0)
			return;
	}
}

static void report_end(struct workers *workers, pid_t pid, int wait_status)
{
	struct reporter *reporter = workers->engine->reporter;

	if (WIFSIGNALED(wait_status))
		report_message(reporter, LOG_LEVEL_ERROR,
			       "worker %d was ended by signal %d (%s); starting another",
			       (int)pid, WTERMSIG(wait_status),
			       strsignal(WTERMSIG(wait_status)));
	else
		report_message(reporter, LOG_LEVEL_ERROR,
			       "worker %d ended with status %d; starting another",
			       (int)pid, WEXITSTATUS(wait_status));
}

static void worker_ended(struct child *child, int wait_status, uint64_t now_ns)
{
	struct worker *worker = (struct worker *)child;
	struct workers *workers = worker->workers;

	if (workers != NULL && wait_status != CHILD_FORGOTTEN) {
		read_reports(worker);
		if (!worker->draining && !workers->stopped) {
			bool soon = now_ns - worker->started_ns < WORKER_STEADY_NS;

			workers->failures = soon ? workers->failures + 1 : 1;
			report_end(workers, child->pid, wait_status);
			refresh_in(workers, rest_ns(workers->failures));
		}
		unlink_worker(worker);
	}
	close_channel(worker);
	free(worker);
}

static void reports_ready(struct watch *watch, short revents)
{
	struct worker *worker = watch->data;
	struct reporter *reporter = worker->workers->engine->reporter;

	(void)revents;
	for (int i = 0; i < REPORT_BATCH; i++) {
		int r = channel_receive(worker->channel, reporter);

		if (r == -EAGAIN)
			return;
		if (r == -EBADMSG) {
			report_message(reporter, LOG_LEVEL_ERROR,
				       "worker %d sent nonsense and is ended",
				       (int)worker->child.pid);
			(void)kill(worker->child.pid, SIGKILL);
		}
		if (r < 0) {
			/* Its end is told by SIGCHLD. */
			loop_remove(watch);
			return;
		}
	}
}

static int fork_worker(struct worker *worker, const struct group *group,
		       const struct responder_ports *ports)
{
	struct workers *workers = worker->workers;
	struct worker_plan plan = { .credentials = group->credentials,
				    .root = workers->root,
				    .posts = group->posts,
				    .post_count = group->count,
				    .ports = ports };
	int r = channel_open(&worker->channel, &plan.channel);
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0)
		worker_run(&plan);
	r = pid == -1 ? -errno : 0;
	fd_close(&plan.channel);
	worker->child.pid = pid;
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
	worker->started_ns = loop_now_ns(workers->engine->loop);
	r = fork_worker(worker, group, ports);
	if (r == 0)
		r = watch_worker(worker);
	if (r < 0) {
		/* The closed channel ends a worker that has been forked. */
		close_channel(worker);
		free(worker);
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

static int start_missing(struct workers *workers, const struct group_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct group *group = &wanted->groups[i];
		int r = 0;

		if (!is_served(workers, group))
			r = start_worker(workers, group, &wanted->ports);
		if (r < 0)
			return r;
	}
	return 0;
}

static void drain_unwanted(struct workers *workers, const struct group_list *wanted)
{
	for (struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next) {
		if (worker->draining || is_wanted(worker, wanted))
			continue;
		worker->draining = true;
		if (channel_order_drain(worker->channel) < 0)
			close_channel(worker);
	}
}

void workers_refresh(struct workers *workers)
{
	struct group_list wanted = { 0 };
	int r;

	if (workers->stopped)
		return;
	r = groups_make(workers->engine, &wanted);
	if (r == 0)
		r = start_missing(workers, &wanted);
	if (r == 0) {
		drain_unwanted(workers, &wanted);
	} else {
		report_message(workers->engine->reporter, LOG_LEVEL_ERROR,
			       "cannot start a worker: %s; trying again", strerror(-r));
		refresh_in(workers, rest_ns(++workers->failures + 1));
	}
	groups_done(&wanted);
}
