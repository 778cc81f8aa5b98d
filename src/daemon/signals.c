/* SPDX-License-Identifier: ISC */
/* Signals as events of the loop, and what each persona makes of them. */
#include "usherd/daemon/signals.h"

#include <signal.h>
#include <stdlib.h>

#include "usherd/base/clock.h"
#include "usherd/daemon/dump_file.h"
#include "usherd/daemon/persona.h"
#include "usherd/serve/eviction.h"

/* Programs that end soon after each other are reaped together. What a place has become
 * free for comes with a turn of its own, so it is not kept waiting. */
#define REAP_REST_NS CLOCK_NS_PER_MS

#define XINETD_DUMP  "/run/xinetd.dump"

static void on_reload(struct server *server)
{
	server_reload(server);
}

static void on_stop(struct server *server)
{
	server_stop(server, server->table->settings.stop);
}

static void on_detach(struct server *server)
{
	server_stop(server, STOP_DETACH);
}

static bool is_rpc(const struct service *service)
{
	return (service->types & SERVICE_RPC) != 0;
}

/* Servers of xinetd's own and of RPC end with it, the others go on. */
static void on_xinetd_stop(struct server *server)
{
	eviction_signal(&server->engine, is_rpc, SIGTERM);
	server_stop(server, STOP_DETACH);
}

/* From the keyboard of who looks for a mistake. */
static void on_interrupt(struct server *server)
{
	if (!server->options->debug)
		return;
	server->status = EXIT_FAILURE;
	server_stop(server, STOP_DETACH);
}

static void on_status(struct server *server)
{
	server_report_status(server);
}

static void on_dump(struct server *server)
{
	struct error err = { 0 };

	if (dump_append(server, XINETD_DUMP, &err) < 0)
		log_write(server->log, LOG_LEVEL_ERROR, "%s", err.text);
	else
		log_write(server->log, LOG_LEVEL_INFO, "generated state dump in file %s",
			  XINETD_DUMP);
}

static void on_check(struct server *server)
{
	server_check(server, true);
}

static void on_upgrade(struct server *server)
{
	log_write(server->log, LOG_LEVEL_WARNING,
		  "upgrade in place is not part of this version: SIGUSR2 ignored");
}

static void on_child(struct server *server)
{
	struct children *children = server->engine.children;
	uint64_t now_ns = loop_now_ns(server->loop);

	/* Of an awaited one the next will be awaited, too. Without memory for a rest each
	 * end is told at once. */
	if (children_awaited(children) == 0)
		(void)loop_rest_signals(server->loop, now_ns + REAP_REST_NS);
	children_reap(children, now_ns);
	server_check_stopped(server);
}

const struct signal_row signals_usherd[] = {
	{ SIGHUP, on_reload },  { SIGTERM, on_stop },
	{ SIGINT, on_stop },    { SIGQUIT, on_detach },
	{ SIGUSR1, on_status }, { SIGUSR2, on_upgrade },
	{ SIGCHLD, on_child },  { 0, NULL },
};

const struct signal_row signals_xinetd[] = {
	{ SIGHUP, on_reload },
	{ SIGUSR2, on_reload },
	{ SIGTERM, on_xinetd_stop },
	{ SIGQUIT, on_detach },
	{ SIGUSR1, on_dump },
	{ SIGABRT, on_check },
	{ SIGINT, on_interrupt },
	{ SIGCHLD, on_child },
	{ SIGALRM, NULL },
	{ SIGVTALRM, NULL },
	{ SIGPROF, NULL },
	{ SIGIO, NULL },
	{ SIGPWR, NULL },
	{ SIGTSTP, NULL },
	{ SIGTTIN, NULL },
	{ SIGTTOU, NULL },
	{ 0, NULL },
};

/* SIGALRM has an inetd try again to bind what it could not: this is always done. */
const struct signal_row signals_inetd[] = {
	{ SIGHUP, on_reload },  { SIGTERM, on_detach }, { SIGINT, on_detach },
	{ SIGQUIT, on_detach }, { SIGUSR1, on_status }, { SIGCHLD, on_child },
	{ SIGALRM, NULL },      { SIGUSR2, NULL },      { 0, NULL },
};

static const struct signal_row *rows_of(const struct server *server)
{
	return persona_of(server->options)->signals;
}

static void arrived(int signo, void *data)
{
	for (const struct signal_row *row = rows_of(data); row->signo != 0; row++)
		if (row->signo == signo)
			row->handle(data);
}

int signals_install(struct server *server, struct error *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (const struct signal_row *row = rows_of(server); row->signo != 0; row++) {
		/* The starter may have ignored some: SIGCHLD would then never come. */
		(void)signal(row->signo, row->handle == NULL ? SIG_IGN : SIG_DFL);
		if (row->handle != NULL)
			(void)sigaddset(&set, row->signo);
	}
	/* Writing to a client that has gone must not end the daemon, nor a log file that
	 * has reached RLIMIT_FSIZE. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	return loop_signals(server->loop, &set, arrived, server, err);
}
