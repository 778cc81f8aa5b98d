/* SPDX-License-Identifier: ISC */
/*
 * SIGHUP: read and check beside the loop, compare, and only then change. Up to
 * roster_commit() nothing that runs has been touched.
 */
#include <stdlib.h>
#include <string.h>

#include "usherd/daemon/announce.h"
#include "usherd/daemon/load.h"
#include "usherd/daemon/persona.h"
#include "usherd/daemon/server.h"
#include "usherd/serve/inquiries.h"

static void reopen_log(struct server *server, const struct table *table)
{
	struct log_target target = { 0 };
	struct error err = { 0 };

	if (load_log_target(server->options, table, &target, &err) < 0 ||
	    log_reopen(server->log, &target, &err) < 0) {
		log_write(server->log, LOG_LEVEL_ERROR, "%s; the log stays where it was",
			  err.text);
		log_target_done(&target);
		return;
	}
	log_target_done(&server->target);
	server->target = target;
}

/* The way from the present table to the next one. */
struct step {
	struct diff diff;
	struct service_logs_change *logs;
	struct roster_change *roster;
};

/* Ready to be committed. Services of @next that cannot be are not in it afterwards. */
static int prepare(struct server *server, struct table *next, struct step *step,
		   struct error *err)
{
	int r = table_retain(next, server->table);

	if (r > 0)
		log_write(server->log, LOG_LEVEL_WARNING,
			  "%d services with mistakes go on as they were", r);
	if (r >= 0)
		r = service_logs_prepare(server->service_logs, server->table, next,
					 &step->logs);
	if (r == 0)
		r = diff_compute(server->table, next, &step->diff);
	if (r < 0)
		return error_set(err, r, "out of memory");
	return roster_prepare(&server->engine, &step->diff, &step->roster, err);
}

static void end_programs(void *data, struct post *post)
{
	struct server *server = data;

	eviction_of(&server->eviction, post, server->table->settings.stop_grace_ns);
}

static void commit(struct server *server, struct table *next, const struct step *step)
{
	const struct diff *diff = &step->diff;

	reopen_log(server, next);
	service_logs_commit(server->service_logs, step->logs);
	server->engine.workers = (unsigned)next->settings.workers;
	if (persona_of(server->options)->ends_removed)
		roster_each_removed(step->roster, end_programs, server);
	roster_commit(&server->engine, step->roster, NULL);
	server->engine.max_children = next->settings.max_children;
	lookups_refresh(server->lookups);
	inquiries_refresh(server->inquiries, &next->settings.worker);
	registrar_refresh(server->registrar);
	announce_reloaded(server, diff);
	table_share(next, server->table);
	table_free(server->table);
	server->table = next;
}

static void apply(struct server *server, struct table *next)
{
	struct step step = { .logs = NULL };
	struct error err = { 0 };

	if (prepare(server, next, &step, &err) < 0) {
		service_logs_abandon(server->service_logs, step.logs);
		log_write(server->log, LOG_LEVEL_ERROR,
			  "cannot reload: %s; keeping the old configuration", err.text);
		table_free(next);
	} else {
		commit(server, next, &step);
	}
	diff_done(&step.diff);
}

static void finish(struct server *server, struct loader_outcome *outcome)
{
	char summary[128];

	load_log(server->options, &outcome->diagnostics, server->log);
	if (outcome->result == 0) {
		apply(server, outcome->table);
	} else {
		reopen_log(server, server->table);
		service_logs_reopen(server->service_logs);
		log_write(server->log, LOG_LEVEL_ERROR,
			  "cannot reload: %zu errors; keeping the old configuration",
			  outcome->diagnostics.errors);
	}
	diagnostics_done(&outcome->diagnostics);
	notify_ready(&server->notifier, server_summary(server, summary, sizeof(summary)));
}

static void loaded(void *data, struct loader_outcome *outcome)
{
	struct server *server = data;
	bool again = server->reload_again;

	server->reload_again = false;
	if (server->stopping) {
		table_free(outcome->table);
		diagnostics_done(&outcome->diagnostics);
		return;
	}
	finish(server, outcome);
	if (again)
		server_reload(server);
}

void server_reload(struct server *server)
{
	struct loader_outcome outcome = { .result = 0 };

	if (server->stopping)
		return;
	/* The files may have changed behind the load that is under way. */
	if (server->loader.under_way) {
		server->reload_again = true;
		return;
	}
	notify_reloading(&server->notifier);
	announce_reload(server);
	server->loader.options = server->options;
	server->loader.loaded = loaded;
	server->loader.data = server;
	if (loader_start(&server->loader, server->loop) == 0)
		return;
	/* Late is better than never. */
	outcome.result =
		load_table(server->options, &outcome.table, &outcome.diagnostics);
	finish(server, &outcome);
}
