/* SPDX-License-Identifier: ISC */
/* The status summary: what runs, and what has happened since the start. */
#include <inttypes.h>
#include <stdlib.h>

#include "usherd/base/text.h"
#include "usherd/daemon/server.h"
#include "usherd/serve/totals.h"

#define TOTALS_SIZE 640

static void add_refusals(struct text *text, const struct counts *counts)
{
	const char *separator = " (";

	text_addf(text, ", %" PRIu64 " refused", counts_refused(counts));
	for (unsigned i = 0; i < COUNTS_REASONS; i++) {
		if (counts->refused[i] == 0)
			continue;
		text_addf(text, "%s%s %" PRIu64, separator, reason_word(i),
			  counts->refused[i]);
		separator = ", ";
	}
	if (separator[0] == ',')
		text_add(text, ")");
}

/* What never is, for most services, is left out. */
static void add_totals(struct text *text, const struct counts *counts)
{
	text_addf(text, "; in total %" PRIu64 " started, %" PRIu64 " ended",
		  counts->started, counts->ended);
	if (counts->lost > 0)
		text_addf(text, ", %" PRIu64 " lost", counts->lost);
	add_refusals(text, counts);
	if (counts->datagrams > 0)
		text_addf(text, ", %" PRIu64 " datagrams", counts->datagrams);
	if (counts->bytes_in > 0 || counts->bytes_out > 0)
		text_addf(text, ", %" PRIu64 " bytes in, %" PRIu64 " bytes out",
			  counts->bytes_in, counts->bytes_out);
}

static void report_post(struct server *server, const struct post *post,
			const struct counts *counts)
{
	bool resting = loop_timer_is_armed(&post->pause);
	uint64_t active = post->tally->active;
	char buffer[TOTALS_SIZE];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	if (counts != NULL)
		add_totals(&text, counts);
	if (post->internal != NULL)
		active = workers_active(server->workers, post->service->id, &resting);
	log_write(server->log, LOG_LEVEL_NOTICE,
		  "service '%s': %s, %zu sockets, %" PRIu64 " active%s%s",
		  post->service->id, post->internal != NULL ? "in-process" : "program",
		  post->listener_count, active, resting ? ", resting" : "", buffer);
}

void server_report_status(struct server *server)
{
	struct counts *counts = NULL;
	char summary[128];

	log_write(server->log, LOG_LEVEL_NOTICE,
		  "status: %s, %zu programs and %zu workers running, %zu descriptors "
		  "watched%s",
		  server_summary(server, summary, sizeof(summary)),
		  children_programs(server->engine.children),
		  workers_count(server->workers), loop_watch_count(server->loop),
		  loop_is_nested(server->loop) ? " in an epoll set" : "");
	/* Without memory for it, what runs is reported all the same. */
	(void)totals_collect(&server->engine, server->workers, &counts);
	for (size_t i = 0; i < server->engine.post_count; i++)
		report_post(server, server->engine.posts[i],
			    counts != NULL ? &counts[i] : NULL);
	free(counts);
}
