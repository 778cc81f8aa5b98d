/* SPDX-License-Identifier: ISC */
/* Signals as events of the loop. */
#include "usherd/daemon/signals.h"

#include <signal.h>

#include "usherd/base/clock.h"

/* Programs that end soon after each other are reaped together. What a place has become
 * free for comes with a turn of its own, so it is not kept waiting. */
#define REAP_REST_NS CLOCK_NS_PER_MS

static void on_hup(struct server *server)
{
	server_reload(server);
}

static void on_stop(struct server *server)
{
	server_stop(server, server->table->settings.stop);
}

static void on_quit(struct server *server)
{
	server_stop(server, STOP_DETACH);
}

static void on_status(struct server *server)
{
	server_report_status(server);
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

static const struct {
	int signo;
	void (*handle)(struct server *server);
} handlers[] = {
	{ SIGHUP, on_hup },    { SIGTERM, on_stop },   { SIGINT, on_stop },
	{ SIGQUIT, on_quit },  { SIGUSR1, on_status }, { SIGUSR2, on_upgrade },
	{ SIGCHLD, on_child },
};

#define HANDLER_COUNT (sizeof(handlers) / sizeof(handlers[0]))

static void arrived(int signo, void *data)
{
	for (size_t i = 0; i < HANDLER_COUNT; i++)
		if (handlers[i].signo == signo)
			handlers[i].handle(data);
}

int signals_install(struct server *server, struct error *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < HANDLER_COUNT; i++) {
		/* The starter may have ignored some: SIGCHLD would then never come. */
		(void)signal(handlers[i].signo, SIG_DFL);
		(void)sigaddset(&set, handlers[i].signo);
	}
	/* Writing to a client that has gone must not end the daemon, nor a log file that
	 * has reached RLIMIT_FSIZE. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	return loop_signals(server->loop, &set, arrived, server, err);
}
