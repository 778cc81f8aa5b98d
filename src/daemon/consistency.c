/* SPDX-License-Identifier: ISC */
/* Whether what is counted is what runs. */
#include "usherd/daemon/server.h"
#include "usherd/serve/serving.h"

/* What is wrong, as far as one pass over the programs shows it. */
struct census {
	struct server *server;
	unsigned faults;
};

/* A place is taken before the program is there and given back after it has gone. */
static void check_program(void *data, const struct serving *serving)
{
	struct census *census = data;
	const struct post *post = serving->post;

	if (post->tally->active > 0)
		return;
	census->faults++;
	log_write(census->server->log, LOG_LEVEL_ERROR,
		  "service '%s': process %d is not counted", post->service->id,
		  (int)serving->pid);
}

static bool check_listeners(struct server *server, const struct post *post)
{
	size_t strays = 0;

	for (size_t i = 0; i < post->listener_count; i++)
		strays += post->listeners[i]->post != post;
	if (strays == 0)
		return true;
	log_write(server->log, LOG_LEVEL_ERROR,
		  "service '%s': %zu sockets belong to another one", post->service->id,
		  strays);
	return false;
}

void server_check(struct server *server, bool asked)
{
	struct census census = { .server = server };

	serving_visit(&server->engine, check_program, &census);
	for (size_t i = 0; i < server->engine.post_count; i++)
		census.faults += !check_listeners(server, server->engine.posts[i]);
	if (census.faults > 0)
		log_write(server->log, LOG_LEVEL_ERROR,
			  "Consistency check detected %u errors", census.faults);
	else if (asked)
		log_write(server->log, LOG_LEVEL_NOTICE, "Consistency check passed");
}

static void fired(struct timer *timer)
{
	struct server *server = timer->data;

	server_check(server, server->options->debug);
	server_check_regularly(server);
}

void server_check_regularly(struct server *server)
{
	struct timer *timer = &server->check_timer;

	if (server->options->check_ns == 0)
		return;
	timer->fired = fired;
	timer->data = server;
	if (loop_timer_set(server->loop, timer,
			   loop_now_ns(server->loop) + server->options->check_ns) < 0)
		log_write(server->log, LOG_LEVEL_ERROR,
			  "the state is not checked any more: out of memory");
}
