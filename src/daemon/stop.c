/* SPDX-License-Identifier: ISC */
/* The end of the daemon. */
#include <signal.h>

#include "usherd/base/clock.h"
#include "usherd/daemon/announce.h"
#include "usherd/daemon/server.h"
#include "usherd/serve/listening.h"

/* After SIGKILL nothing is left to be done but to wait for the kernel, and not for ever.
 */
#define KILL_PATIENCE_NS (5 * CLOCK_NS_PER_SECOND)

static void close_listeners(struct server *server)
{
	for (size_t i = 0; i < server->engine.post_count; i++) {
		struct post *post = server->engine.posts[i];

		loop_timer_cancel(&post->pause);
		while (post->listener_count > 0)
			listener_free(post->listeners[--post->listener_count]);
	}
}

/* A process in uninterruptible sleep does not even hear SIGKILL: it is left behind. */
static void patience_over(struct timer *timer)
{
	struct server *server = timer->data;

	log_write(server->log, LOG_LEVEL_ERROR, "%zu processes cannot be ended",
		  children_count(server->engine.children));
	loop_stop(server->loop);
}

static void grace_over(struct timer *timer)
{
	struct server *server = timer->data;
	struct loop *loop = server->loop;

	timer->fired = patience_over;
	if (loop_timer_set(loop, timer, loop_now_ns(loop) + KILL_PATIENCE_NS) < 0)
		loop_stop(loop);
	log_write(server->log, LOG_LEVEL_WARNING,
		  "%zu processes have not ended in time and are killed",
		  children_count(server->engine.children));
	children_signal(server->engine.children, SIGKILL);
}

static void end_children(struct server *server)
{
	struct loop *loop = server->loop;

	children_signal(server->engine.children, SIGTERM);
	/* After that: its process ends by itself, and soon. */
	registrar_stop(server->registrar, false);
	server->stop_timer.fired = grace_over;
	server->stop_timer.data = server;
	if (loop_timer_set(loop, &server->stop_timer,
			   loop_now_ns(loop) + server->table->settings.stop_grace_ns) < 0)
		children_signal(server->engine.children, SIGKILL);
	server_check_stopped(server);
}

/* What was to be kept is kept, however often the signal comes. */
static void stop_at_once(struct server *server, enum stop_mode mode)
{
	if (mode == STOP_DETACH)
		loop_stop(server->loop);
	else if (server->stop_mode == STOP_TERMINATE)
		children_signal(server->engine.children, SIGKILL);
}

void server_stop(struct server *server, enum stop_mode mode)
{
	if (server->stopping) {
		stop_at_once(server, mode);
		return;
	}
	server->stopping = true;
	server->stop_mode = mode;
	notify_stopping(&server->notifier);
	announce_stop(server, mode);
	workers_stop(server->workers);
	server_end_inquiries(server);
	lookups_free(server->lookups);
	server->lookups = NULL;
	close_listeners(server);
	/* Nobody's program is started any more. */
	retries_done(&server->engine.retries);
	if (mode == STOP_DETACH) {
		registrar_stop(server->registrar, true);
		loop_stop(server->loop);
	} else {
		end_children(server);
	}
}

void server_check_stopped(struct server *server)
{
	if (server->stopping && children_count(server->engine.children) == 0)
		loop_stop(server->loop);
}
