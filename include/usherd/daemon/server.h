/* SPDX-License-Identifier: ISC */
/*
 * The supervisor: owns loop, log, table, engine and workers, and wires them together.
 */
#ifndef USHERD_DAEMON_SERVER_H
#define USHERD_DAEMON_SERVER_H

#include "usherd/daemon/loader.h"
#include "usherd/daemon/notify.h"
#include "usherd/daemon/options.h"
#include "usherd/daemon/pidfile.h"
#include "usherd/model/table.h"
#include "usherd/serve/engine.h"
#include "usherd/serve/eviction.h"
#include "usherd/serve/log_pump.h"
#include "usherd/serve/log_reporter.h"
#include "usherd/serve/lookups.h"
#include "usherd/serve/registrar.h"
#include "usherd/serve/roster.h"
#include "usherd/serve/service_logs.h"
#include "usherd/serve/workers.h"

struct server {
	const struct options *options; /* borrowed */
	struct table *table;           /* owned; what is in effect */
	struct log *log;               /* owned */
	struct log_target target;      /* what the log writes to */
	struct log_reporter reporter;
	struct parking *parking; /* borrowed, or NULL */
	struct loop *loop;       /* owned */
	struct engine engine;
	struct workers *workers;     /* owned */
	struct inquiries *inquiries; /* owned */
	struct lookups *lookups;     /* owned */
	struct registrar *registrar; /* owned */
	struct pidfile pidfile;
	struct notifier notifier;
	struct timer alive_timer; /* to the next sign of life to the service manager */
	struct log_pump log_pump;
	struct service_logs *service_logs; /* owned */
	struct loader loader;              /* of the next configuration */
	bool reload_again;                 /* asked for while one is under way */
	struct eviction eviction;
	struct timer check_timer; /* to the next server_check() */
	struct timer stop_timer;
	bool stopping;
	enum stop_mode stop_mode; /* while stopping */
	int status;               /* the exit code when it has stopped */
	bool root;
};

/*
 * Set everything up for @table (taken over) and put its services on duty. @parking may be
 * NULL: then each start costs more the more sockets there are. Nothing is left behind on
 * failure. 0; -EEXIST when another instance runs; another negative errno.
 */
int server_start(struct server *server, const struct options *options,
		 struct table *table, struct parking *parking,
		 struct inherited *inherited, struct error *err);

/* Serve until told to stop. 0 or a negative errno. */
int server_run(struct server *server);
void server_done(struct server *server);

/* Read the configuration anew and put it into effect, or keep everything as it is: begun
 * here, carried out when it has been read. */
void server_reload(struct server *server);

/*
 * TERM, INT: as the configuration says. Called again while the programs have their grace
 * time, it ends the wait: STOP_TERMINATE kills, STOP_DETACH leaves the rest alone.
 */
void server_stop(struct server *server, enum stop_mode mode);

/* Whoever is held is let go, and nobody is held any more. */
void server_end_inquiries(struct server *server);

/* After every reaping: has the last child gone? */
void server_check_stopped(struct server *server);

/* One status summary to the log. */
void server_report_status(struct server *server);

/* Do the tables of what runs agree with each other? What does not is an error in the log;
 * that all does is said if it was @asked for. */
void server_check(struct server *server, bool asked);
/* The same now and then, if the options say so. */
void server_check_regularly(struct server *server);

/* "N services, M listeners" into @buffer, for the ready messages. */
const char *server_summary(const struct server *server, char *buffer, size_t size);

#endif
