/* SPDX-License-Identifier: ISC */
/* Making and unmaking the engine. What it does is in dispatch.c, wait.c and flows.c. */
#include "usherd/serve/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "usherd/base/units.h"
#include "usherd/net/batch.h"
#include "usherd/serve/denials.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/post.h"

/* What is on its way when the engine ends mostly needs no longer. */
#define DRAIN_MS 250

static void parted(void *data)
{
	struct engine *engine = data;

	if (engine->session_over != NULL)
		engine->session_over(engine);
}

static int open_supervisor_parts(struct engine *engine, char *const *environment,
				 struct error *err)
{
	if (children_new(&engine->children) < 0)
		return error_set(err, -ENOMEM, "out of memory for the child table");
	if (environment_new(environment, &engine->environment) < 0)
		return error_set(err, -ENOMEM, "out of memory for the environment");
	if (denials_new(engine, &engine->denials) < 0)
		return error_set(err, -ENOMEM, "out of memory for the deny list");
	engine->scratch = malloc(ENGINE_SCRATCH);
	if (engine->scratch == NULL)
		return error_set(err, -ENOMEM, "out of memory for datagrams");
	return spawner_new(&engine->spawner, err);
}

static int open_worker_parts(struct engine *engine, struct error *err)
{
	if (datagram_batch_new(&engine->batch) < 0 ||
	    relays_new(engine->loop, &engine->relays) < 0)
		return error_set(err, -ENOMEM, "out of memory for datagrams");
	return sessions_new(engine->loop, &engine->sessions, err);
}

int engine_init(struct engine *engine, const struct engine_setup *setup,
		struct error *err)
{
	int r;

	memset(engine, 0, sizeof(*engine));
	engine->loop = setup->loop;
	engine->reporter = setup->reporter;
	engine->listener_ready = setup->listener_ready;
	engine->parking = setup->parking;
	engine->find_internal =
		setup->find_internal != NULL ? setup->find_internal : internal_find;
	engine->pid = getpid();
	engine->max_children = UNITS_UNLIMITED;
	engine->workers = 1;
	engine->reserve.fd = -1;
	launches_init(&engine->launches, engine->loop);
	retries_init(&engine->retries, engine->loop);
	farewells_init(&engine->farewells, engine->loop);
	engine->farewells.all_gone = parted;
	engine->farewells.data = engine;
	r = reserve_open(&engine->reserve);
	if (r < 0)
		(void)error_set_errno(err, r, "cannot keep a descriptor in reserve");
	else if (setup->worker)
		r = open_worker_parts(engine, err);
	else
		r = open_supervisor_parts(engine, setup->environment, err);
	if (r < 0)
		engine_done(engine);
	return r;
}

static void dismiss_with_listeners(struct engine *engine, struct post *post)
{
	for (size_t i = 0; i < post->listener_count; i++)
		listener_free(post->listeners[i]);
	post->listener_count = 0;
	engine_dismiss(engine, post);
}

void engine_done(struct engine *engine)
{
	loop_timer_cancel(&engine->billboards);
	retries_done(&engine->retries);
	farewells_done(&engine->farewells);
	/* Sessions first: their ends release tallies of posts that are still there. */
	for (size_t i = 0; i < engine->post_count; i++)
		post_close(engine->posts[i]);
	sessions_free(engine->sessions);
	engine->sessions = NULL;
	while (engine->post_count > 0)
		dismiss_with_listeners(engine, engine->posts[engine->post_count - 1]);
	if (engine->spawner != NULL)
		spawner_drain(engine->spawner, DRAIN_MS);
	launches_done(&engine->launches);
	children_free(engine->children);
	engine->children = NULL;
	spawner_free(engine->spawner);
	engine->spawner = NULL;
	/* A worker's is the supervisor's. */
	if (engine->relays == NULL)
		denials_free(engine->denials);
	engine->denials = NULL;
	environment_unref(engine->environment);
	engine->environment = NULL;
	reserve_close(&engine->reserve);
	free(engine->posts);
	free(engine->scratch);
	datagram_batch_free(engine->batch);
	relays_free(engine->relays);
	engine->posts = NULL;
	engine->scratch = NULL;
	engine->batch = NULL;
	engine->relays = NULL;
}
