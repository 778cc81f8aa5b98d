/* SPDX-License-Identifier: ISC */
/* The blocks of the dump, one after the other. A service's own lines are
 * service_dump.c's.
 */
#include "usherd/daemon/state_dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "usherd/base/clock.h"
#include "usherd/base/units.h"
#include "usherd/daemon/service_dump.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/roll.h"
#include "usherd/serve/serving.h"
#include "usherd/serve/totals.h"

/* What several blocks look at. */
struct view {
	const struct server *server;
	FILE *out;
	struct counts *counts; /* owned, by post */
	size_t active;         /* services */
	uint64_t running;      /* programs and sessions */
};

static void write_header(struct view *view)
{
	char now[ROLL_TIME_SIZE];

	(void)fprintf(view->out, "INTERNAL STATE DUMP: usherd %s\nCurrent time: %s\n\n",
		      USHERD_VERSION, roll_time(clock_wall_seconds(), now));
}

static void write_settings(struct view *view)
{
	const struct settings *settings = &view->server->table->settings;

	(void)fputs("Services + defaults:\nSettings\n", view->out);
	if (settings->max_children != UNITS_UNLIMITED)
		(void)fprintf(view->out, "\tmax_children = %" PRIu64 "\n",
			      settings->max_children);
	(void)fprintf(view->out, "\tworkers = %d\n\tworker_user = %s\n",
		      settings->workers,
		      settings->worker_user != NULL ? settings->worker_user : "nobody");
	(void)fputs("\t(defaults are part of each service)\n", view->out);
}

static size_t bound(const struct post *post)
{
	size_t count = 0;

	for (size_t i = 0; i < post->listener_count; i++)
		count += listener_is_bound(post->listeners[i]);
	return count;
}

static const char *state_of(const struct post *post, bool resting)
{
	if (resting)
		return "Suspended";
	if (post->listener_count > 0 && bound(post) == 0)
		return "Not started";
	return "Active";
}

static void write_begin(struct view *view, const struct service *service,
			const char *state)
{
	(void)fprintf(view->out,
		      "Service = %s\n\tState = %s\n\tService configuration: %s\n",
		      service->name, state, service->name);
}

static void write_counts(struct view *view, const struct counts *counts)
{
	(void)fprintf(view->out,
		      "\tstarted = %" PRIu64 "\n\tended = %" PRIu64
		      "\n\trefused = %" PRIu64 "\n",
		      counts->started, counts->ended, counts_refused(counts));
}

static int write_post(struct view *view, size_t index)
{
	const struct server *server = view->server;
	const struct post *post = server->engine.posts[index];
	bool resting = loop_timer_is_armed(&post->pause);
	uint64_t running = post->tally->active;
	const char *state;
	int r;

	if (post->internal != NULL)
		running = workers_active(server->workers, post->service->id, &resting);
	state = state_of(post, resting);
	view->active += strcmp(state, "Active") == 0;
	view->running += running;
	write_begin(view, post->service, state);
	r = service_dump(post->service, view->out);
	(void)fprintf(view->out,
		      "\trunning servers = %" PRIu64
		      "\n\tretry servers = 0\n\tattempts = 0\n\tsockets = %zu\n",
		      running, bound(post));
	if (view->counts != NULL)
		write_counts(view, &view->counts[index]);
	(void)fputc('\n', view->out);
	return r;
}

static int write_services(struct view *view)
{
	const struct server *server = view->server;
	int r = 0;

	for (size_t i = 0; r == 0 && i < server->engine.post_count; i++)
		r = write_post(view, i);
	for (size_t i = 0; r == 0 && i < server->table->count; i++) {
		const struct service *service = server->table->services[i];

		if (!service->disable)
			continue;
		write_begin(view, service, "Disabled");
		r = service_dump(service, view->out);
		(void)fputc('\n', view->out);
	}
	return r;
}

static void write_program(void *data, const struct serving *serving)
{
	const struct view *view = data;
	char entry[ROLL_ENTRY_SIZE];

	(void)fputs(roll_entry(serving, entry), view->out);
}

static void write_programs(struct view *view)
{
	(void)fputs("Server table dump:\n", view->out);
	serving_visit(&view->server->engine, write_program, view);
	(void)fputs("\nRetry table dump:\n\n", view->out);
}

static uint64_t most_descriptors(void)
{
	struct rlimit limit = { 0 };

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

static void write_counters(struct view *view)
{
	const struct server *server = view->server;
	uint64_t limit = server->engine.max_children;

	(void)fprintf(view->out,
		      "descriptors_watched = %zu\n\nactive_services = %zu\n"
		      "available_services = %zu\nrunning_servers = %" PRIu64
		      "\nrunning_programs = %zu\nworkers = %zu\n\n",
		      loop_watch_count(server->loop), view->active,
		      server->engine.post_count, view->running,
		      children_programs(server->engine.children),
		      workers_count(server->workers));
	(void)fprintf(view->out,
		      "max_descriptors = %" PRIu64 "\nprocess_limit = %" PRIu64 "\n\n",
		      most_descriptors(), limit == UNITS_UNLIMITED ? 0 : limit);
}

int state_dump(const struct server *server, FILE *out)
{
	struct view view = { .server = server, .out = out };
	int r;

	/* Without memory for them, the counts alone are missing. */
	(void)totals_collect(&server->engine, server->workers, &view.counts);
	write_header(&view);
	write_settings(&view);
	r = write_services(&view);
	free(view.counts);
	view.counts = NULL;
	if (r < 0)
		return r;
	write_programs(&view);
	write_counters(&view);
	(void)fputs("END OF DUMP\n\n", out);
	errno = 0;
	if (fflush(out) == EOF || ferror(out) != 0)
		return errno != 0 ? -errno : -EIO;
	return 0;
}
