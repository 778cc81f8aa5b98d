/* SPDX-License-Identifier: ISC */
/*
 * SIGHUP: read, check, compare, and only then change. Up to roster_commit() nothing that
 * runs has been touched.
 */
#include <stdlib.h>
#include <string.h>

#include "usherd/daemon/load.h"
#include "usherd/daemon/server.h"

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

/* The change from the present table to @next, ready to be committed. */
static int prepare(struct server *server, const struct table *next, struct diff *diff,
		   struct roster_change **ret, struct error *err)
{
	int r = diff_compute(server->table, next, diff);

	if (r < 0)
		return error_set(err, r, "out of memory");
	return roster_prepare(&server->engine, diff, ret, err);
}

static void commit(struct server *server, struct table *next,
		   struct roster_change *change, const struct diff *diff)
{
	reopen_log(server, next);
	roster_commit(&server->engine, change, NULL);
	server->engine.max_children = next->settings.max_children;
	lookups_refresh(server->lookups);
	log_write(server->log, LOG_LEVEL_NOTICE,
		  "configuration reloaded: %zu added, %zu changed, %zu removed, %zu kept",
		  diff->totals[CHANGE_ADD], diff->totals[CHANGE_REPLACE],
		  diff->totals[CHANGE_REMOVE], diff->totals[CHANGE_KEEP]);
	table_free(server->table);
	server->table = next;
}

static void apply(struct server *server, struct table *next)
{
	struct roster_change *change = NULL;
	struct diff diff = { 0 };
	struct error err = { 0 };

	if (prepare(server, next, &diff, &change, &err) < 0) {
		log_write(server->log, LOG_LEVEL_ERROR,
			  "cannot reload: %s; keeping the old configuration", err.text);
		table_free(next);
	} else {
		commit(server, next, change, &diff);
	}
	diff_done(&diff);
}

void server_reload(struct server *server)
{
	struct diagnostics diagnostics = { 0 };
	struct table *next = NULL;
	char summary[128];

	if (server->stopping)
		return;
	notify_reloading(&server->notifier);
	if (load_table(server->options, &next, &diagnostics) == 0) {
		load_log(&diagnostics, server->log);
		apply(server, next);
	} else {
		load_log(&diagnostics, server->log);
		reopen_log(server, server->table);
		log_write(server->log, LOG_LEVEL_ERROR,
			  "cannot reload: %zu errors; keeping the old configuration",
			  diagnostics.errors);
	}
	diagnostics_done(&diagnostics);
	notify_ready(&server->notifier, server_summary(server, summary, sizeof(summary)));
}
