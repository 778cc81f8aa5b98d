/* SPDX-License-Identifier: ISC */
/* Making and unmaking the engine. What it does is in dispatch.c, wait.c and flows.c. */
#include "usherd/serve/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "usherd/base/units.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/post.h"

static int open_supervisor_parts(struct engine *engine, struct error *err)
{
	int r = children_new(&engine->children);

	if (r < 0)
		return error_set(err, r, "out of memory for the child table");
	return spawner_new(&engine->spawner, err);
}

static int open_buffers(struct engine *engine, struct error *err)
{
	engine->scratch = malloc(ENGINE_SCRATCH);
	engine->reply = malloc(ENGINE_SCRATCH);
	if (engine->scratch == NULL || engine->reply == NULL)
		return error_set(err, -ENOMEM, "out of memory for the engine's buffers");
	return 0;
}

int engine_init(struct engine *engine, const struct engine_setup *setup,
		struct error *err)
{
	int r;

	memset(engine, 0, sizeof(*engine));
	engine->loop = setup->loop;
	engine->reporter = setup->reporter;
	engine->listener_ready = setup->listener_ready;
	engine->environment = setup->environment;
	engine->pid = getpid();
	engine->max_children = UNITS_UNLIMITED;
	engine->reserve.fd = -1;
	r = open_buffers(engine, err);
	if (r == 0 && (r = reserve_open(&engine->reserve)) < 0)
		r = error_set_errno(err, r, "cannot keep a descriptor in reserve");
	if (r == 0 && setup->worker)
		r = sessions_new(engine->loop, &engine->sessions, err);
	if (r == 0 && !setup->worker)
		r = open_supervisor_parts(engine, err);
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
	/* Sessions first: their ends release tallies of posts that are still there. */
	sessions_free(engine->sessions);
	engine->sessions = NULL;
	while (engine->post_count > 0)
		dismiss_with_listeners(engine, engine->posts[engine->post_count - 1]);
	children_free(engine->children);
	engine->children = NULL;
	spawner_free(engine->spawner);
	engine->spawner = NULL;
	reserve_close(&engine->reserve);
	free(engine->posts);
	free(engine->scratch);
	free(engine->reply);
	engine->posts = NULL;
	engine->scratch = NULL;
	engine->reply = NULL;
}

struct surroundings engine_surroundings(const struct engine *engine)
{
	struct surroundings around = { .now_ns = loop_now_ns(engine->loop),
				       .max_children = engine->max_children };

	if (engine->children != NULL)
		around.children = children_programs(engine->children);
	return around;
}
