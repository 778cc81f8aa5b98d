/* SPDX-License-Identifier: ISC */
#include "usherd/daemon/announce.h"

#include "usherd/daemon/persona.h"

static bool speaks_xinetd(const struct server *server)
{
	return persona_of(server->options)->xinetd_log;
}

void announce_ready(const struct server *server, const char *summary)
{
	size_t count = server->engine.post_count;

	if (!speaks_xinetd(server)) {
		log_write(server->log, LOG_LEVEL_NOTICE,
			  "usherd " USHERD_VERSION " ready: %s", summary);
		return;
	}
	log_write(server->log, LOG_LEVEL_NOTICE,
		  "usherd " USHERD_VERSION " started as xinetd: %s", summary);
	log_write(server->log, LOG_LEVEL_NOTICE,
		  "Started working: %zu available service%s", count,
		  count == 1 ? "" : "s");
}

void announce_reload(const struct server *server)
{
	if (speaks_xinetd(server))
		log_write(server->log, LOG_LEVEL_NOTICE, "Starting reconfiguration");
}

void announce_reloaded(const struct server *server, const struct diff *diff)
{
	const size_t *totals = diff->totals;

	if (speaks_xinetd(server))
		log_write(server->log, LOG_LEVEL_NOTICE,
			  "Reconfigured: new=%zu old=%zu dropped=%zu (services)",
			  totals[CHANGE_ADD],
			  totals[CHANGE_KEEP] + totals[CHANGE_REPLACE],
			  totals[CHANGE_REMOVE]);
	else
		log_write(server->log, LOG_LEVEL_NOTICE,
			  "configuration reloaded: %zu added, %zu changed, %zu removed, "
			  "%zu kept",
			  totals[CHANGE_ADD], totals[CHANGE_REPLACE],
			  totals[CHANGE_REMOVE], totals[CHANGE_KEEP]);
}

void announce_stop(const struct server *server, enum stop_mode mode)
{
	if (speaks_xinetd(server))
		log_write(server->log, LOG_LEVEL_WARNING, "Exiting...");
	else
		log_write(server->log, LOG_LEVEL_NOTICE,
			  "stopping; %zu programs running%s",
			  children_programs(server->engine.children),
			  mode == STOP_DETACH ? " go on without usherd" : "");
}
