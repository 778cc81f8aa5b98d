/* SPDX-License-Identifier: ISC */
/*
 * Setting up and taking down the supervisor. Reload and stop are in reload.c and stop.c,
 * signals in signals.c.
 */
#include "usherd/daemon/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "usherd/daemon/announce.h"
#include "usherd/daemon/load.h"
#include "usherd/daemon/startup.h"
#include "usherd/serve/dispatch.h"
#include "usherd/serve/inquiries.h"

static void refresh_workers(struct engine *engine)
{
	struct server *server = engine->data;

	workers_refresh_soon(server->workers);
}

static int hand_on(struct engine *engine, const char *id, int fd)
{
	struct server *server = engine->data;

	return workers_hand_on(server->workers, id, fd);
}

static uint64_t sessions_of(const struct engine *engine, const char *id)
{
	const struct server *server = engine->data;
	bool resting;

	return workers_active(server->workers, id, &resting);
}

static void sockets_changed(struct engine *engine)
{
	struct server *server = engine->data;

	registrar_refresh(server->registrar);
}

static void before_fork(const struct engine *engine)
{
	struct server *server = engine->data;

	loader_wait(&server->loader);
}

static bool fork_must_wait(const struct engine *engine)
{
	const struct server *server = engine->data;

	return server->loader.under_way;
}

static enum log_level level_of(const struct options *options)
{
	static const enum log_level levels[] = { LOG_LEVEL_NOTICE, LOG_LEVEL_INFO,
						 LOG_LEVEL_DEBUG };

	return levels[options->verbose < 2 ? options->verbose : 2];
}

static const char *ident_of(const struct options *options)
{
	return options->ident[0] != '\0' ? options->ident : "usherd";
}

static int start_log(struct server *server, struct error *err)
{
	int r = load_log_target(server->options, server->table, &server->target, err);

	if (r < 0)
		return r;
	r = log_new(&server->target, ident_of(server->options), level_of(server->options),
		    &server->log, err);
	if (r < 0)
		return r;
	log_reporter_init(&server->reporter, server->log);
	log_pump_start(&server->log_pump, server->loop, server->log);
	r = service_logs_new(server->loop, &server->reporter.reporter,
			     ident_of(server->options), &server->service_logs);
	if (r < 0)
		return error_set(err, r, "out of memory");
	server->reporter.service_logs = server->service_logs;
	return 0;
}

static void tell_technique(struct server *server)
{
	const char *objection = spawner_objection(server->engine.spawner);

	log_write(server->log, LOG_LEVEL_DEBUG, "programs are started %s%s",
		  objection == NULL ? "in shared memory" : "by fork: ",
		  objection == NULL ? "" : objection);
}

static int start_engine(struct server *server, struct error *err)
{
	struct engine_setup setup = { .loop = server->loop,
				      .reporter = &server->reporter.reporter,
				      .listener_ready = dispatch_ready,
				      .environment = environ,
				      .parking = server->parking };
	const struct inquiries_ends ends = { .serve = dispatch_held,
					     .refuse = dispatch_unwanted,
					     .let_go = dispatch_let_go };
	int r = engine_init(&server->engine, &setup, err);

	if (r < 0)
		return r;
	tell_technique(server);
	server->engine.data = server;
	server->engine.internal_changed = refresh_workers;
	server->engine.hand_on = hand_on;
	server->engine.sessions_of = sessions_of;
	server->engine.rpc_changed = sockets_changed;
	server->engine.before_fork = before_fork;
	eviction_init(&server->eviction, &server->engine);
	server->engine.fork_must_wait = fork_must_wait;
	server->engine.max_children = server->table->settings.max_children;
	server->engine.workers = (unsigned)server->table->settings.workers;
	r = workers_new(&server->engine, server->root, &server->workers);
	if (r == 0)
		r = lookups_new(&server->engine, server->workers, server->root,
				&server->lookups);
	if (r == 0)
		r = inquiries_new(&server->engine, server->root, &ends,
				  &server->inquiries);
	if (r == 0)
		r = registrar_new(&server->engine, &server->registrar);
	if (r < 0)
		return error_set(err, r, "out of memory");
	server->engine.inquiries = server->inquiries;
	inquiries_refresh(server->inquiries, &server->table->settings.worker);
	return 0;
}

static int take_pidfile(struct server *server, struct error *err)
{
	const char *path = server->options->pidfile;

	if (path == NULL)
		path = server->table->settings.pidfile;
	return path == NULL ? 0 : pidfile_take(path, &server->pidfile, err);
}

static int put_services_on_duty(struct server *server, struct inherited *inherited,
				struct error *err)
{
	struct service_logs_change *logs_change;
	struct roster_change *change;
	struct diff diff = { 0 };
	int r = service_logs_prepare(server->service_logs, NULL, server->table,
				     &logs_change);

	if (r == 0)
		service_logs_commit(server->service_logs, logs_change);
	if (r == 0)
		r = diff_compute(NULL, server->table, &diff);
	if (r < 0)
		return error_set(err, r, "out of memory");
	r = roster_prepare(&server->engine, &diff, &change, err);
	diff_done(&diff);
	if (r < 0)
		return r;
	roster_commit(&server->engine, change, inherited);
	for (size_t i = 0; i < inherited->count; i++)
		if (inherited->fds[i] != -1)
			log_write(
				server->log, LOG_LEVEL_WARNING,
				"inherited socket %d belongs to no service and is closed",
				inherited->fds[i]);
	inherited_done(inherited);
	lookups_refresh(server->lookups);
	registrar_refresh(server->registrar);
	return 0;
}

int server_start(struct server *server, const struct options *options,
		 struct table *table, struct parking *parking,
		 struct inherited *inherited, struct error *err)
{
	int r;

	memset(server, 0, sizeof(*server));
	server->parking = parking;
	server->options = options;
	server->table = table;
	server->root = geteuid() == 0;
	server->pidfile.fd = -1;
	notify_init(&server->notifier);
	r = loop_new(&server->loop, err);
	/* Without it nothing is missing but speed. */
	if (r == 0)
		(void)loop_keep_time(server->loop);
	if (r == 0)
		r = start_log(server, err);
	if (r == 0)
		r = take_pidfile(server, err);
	if (r == 0)
		r = start_engine(server, err);
	if (r == 0)
		r = put_services_on_duty(server, inherited, err);
	if (r < 0)
		server_done(server);
	return r;
}

const char *server_summary(const struct server *server, char *buffer, size_t size)
{
	size_t bound;
	size_t all = roster_listeners(&server->engine, &bound);

	(void)snprintf(buffer, size, "%zu services, %zu of %zu sockets bound",
		       server->engine.post_count, bound, all);
	return buffer;
}

static void show_life(struct timer *timer)
{
	struct server *server = timer->data;

	notify_alive(&server->notifier);
	/* Without memory for it the manager starts a new one soon. */
	(void)loop_timer_set(server->loop, timer,
			     loop_now_ns(server->loop) + server->notifier.alive_ns);
}

static void start_showing_life(struct server *server)
{
	server->alive_timer.fired = show_life;
	server->alive_timer.data = server;
	if (server->notifier.alive_ns > 0)
		show_life(&server->alive_timer);
}

int server_run(struct server *server)
{
	char summary[128];

	(void)server_summary(server, summary, sizeof(summary));
	announce_ready(server, summary);
	notify_ready(&server->notifier, summary);
	start_showing_life(server);
	server_check_regularly(server);
	load_give_memory_back();
	return loop_run(server->loop);
}

void server_end_inquiries(struct server *server)
{
	server->engine.inquiries = NULL;
	inquiries_free(server->inquiries);
	server->inquiries = NULL;
}

void server_done(struct server *server)
{
	loader_done(&server->loader);
	loop_timer_cancel(&server->check_timer);
	loop_timer_cancel(&server->alive_timer);
	eviction_done(&server->eviction);
	server_end_inquiries(server);
	lookups_free(server->lookups);
	server->lookups = NULL;
	registrar_free(server->registrar);
	server->registrar = NULL;
	workers_free(server->workers);
	server->workers = NULL;
	if (server->engine.loop != NULL)
		engine_done(&server->engine);
	pidfile_release(&server->pidfile);
	notify_done(&server->notifier);
	server->reporter.service_logs = NULL;
	service_logs_free(server->service_logs);
	server->service_logs = NULL;
	log_pump_stop(&server->log_pump);
	log_free(server->log);
	server->log = NULL;
	log_target_done(&server->target);
	loop_free(server->loop);
	server->loop = NULL;
	table_free(server->table);
	server->table = NULL;
}
