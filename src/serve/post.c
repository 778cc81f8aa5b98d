/* SPDX-License-Identifier: ISC */
/* Services on duty. The sockets are listener.c's. */
#include "usherd/serve/post.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "usherd/guard/screen.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/billboard.h"
#include "usherd/serve/pause.h"
#include "usherd/serve/record.h"
#include "usherd/serve/stderr_pipe.h"

static int equip_program(struct post *post, struct error *err)
{
	struct service *service = post->service;
	int r = plan_new(service, post->engine->environment, TECHNIQUE_SHARED,
			 &post->plan, err);

	if (r == 0 && (service->flags & SERVICE_INTERCEPT) != 0)
		r = screen_compile(&service->policy, &post->screen, err);
	if (r == 0 && service->program.stderr_target == STDERR_LOG)
		r = stderr_pipe_new(post, &post->stderr_pipe, err);
	return r;
}

/* Of which most is never touched; calloc(3) may do so. A worker has one of all workers'
 * instead. */
static int equip_rates(struct post *post)
{
	void *memory;

	if (!rates_wanted(&post->service->policy))
		return 0;
	memory = mmap(NULL, rates_memory_size(), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	post->own_rates = memory;
	post->rates = post->own_rates;
	return 0;
}

static int equip(struct post *post, struct error *err)
{
	const struct service *service = post->service;
	int r;

	if (equip_rates(post) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	/* The supervisor is all that a sensor needs. */
	if (service->policy.trap)
		return 0;
	if (!service_is_internal(service))
		return equip_program(post, err);
	post->internal = post->engine->find_internal(service->internal);
	if (post->internal == NULL)
		return error_set(err, -ENOENT, "no in-process service '%s'",
				 service->internal);
	if (post_aim(post, &service->redirect) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	/* A worker takes the supervisor's. */
	if (!billboard_is_wanted(post) || post->engine->children == NULL)
		return 0;
	r = billboard_new(&post->billboard);
	return r < 0 ? error_set_errno(err, r, "cannot share its banners") : 0;
}

int post_new(struct engine *engine, struct service *service, struct post **ret,
	     struct error *err)
{
	struct post *post = calloc(1, sizeof(*post));
	int r;

	if (post == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	post->references = 1;
	post->tally = &post->own_tally;
	post->arrivals = &post->own_tally.arrivals;
	post->engine = engine;
	post->service = service_ref(service);
	pause_init(post);
	r = equip(post, err);
	if (r < 0) {
		post_unref(post);
		return r;
	}
	*ret = post;
	return 0;
}

int post_aim(struct post *post, const struct target_list *targets)
{
	struct target_list copy;
	int r = target_list_copy(targets, &copy);

	if (r < 0)
		return r;
	target_list_done(&post->targets);
	post->targets = copy;
	return 0;
}

static bool note(void *data, const char *text)
{
	struct post *post = data;

	if (!record_may_log(post, &post->notes, "notes"))
		return false;
	report_message(post->engine->reporter, LOG_LEVEL_NOTICE, "service '%s': %s",
		       post->service->id, text);
	return true;
}

int post_open(struct post *post, struct error *err)
{
	struct internal_setup setup = { .loop = post->engine->loop,
					.sessions = post->engine->sessions,
					.service = post->service,
					.relays = post->engine->relays,
					.targets = &post->targets,
					.ports = post->engine->answered_ports,
					.rootless = post->engine->rootless,
					.note = note,
					.note_data = post,
					.mux = post->engine->targets,
					.catalogue = post->engine->catalogue };

	if (post->billboard != NULL) {
		setup.roll = billboard_roll;
		setup.roll_data = post->billboard;
	}
	return post->internal->open(post->internal, &setup, &post->state, err);
}

void post_retarget(struct post *post, const struct host *hosts, int *directories,
		   size_t directory_count)
{
	for (size_t i = 0; i < post->targets.count; i++)
		post->targets.items[i].at = hosts[i];
	if (post->state == NULL || post->internal->retarget == NULL)
		return;
	(void)post->internal->retarget(post->state, &post->targets, directories,
				       directory_count);
	for (size_t i = 0; i < directory_count; i++)
		directories[i] = -1;
}

void post_close(struct post *post)
{
	if (post->state != NULL)
		post->internal->close(post->state);
	post->state = NULL;
}

struct post *post_ref(struct post *post)
{
	post->references++;
	return post;
}

void post_unref(struct post *post)
{
	if (post == NULL || --post->references > 0)
		return;
	post_close(post);
	loop_timer_cancel(&post->pause);
	stderr_pipe_free(post->stderr_pipe);
	billboard_unref(post->billboard);
	screen_done(&post->screen);
	plan_unref(post->plan);
	service_unref(post->service);
	target_list_done(&post->targets);
	tally_done(&post->own_tally);
	if (post->own_rates != NULL)
		(void)munmap(post->own_rates, rates_memory_size());
	free((void *)post->elsewhere);
	free((void *)post->listeners);
	free(post);
}

int engine_reserve(struct engine *engine, size_t count)
{
	size_t room = engine->post_count + count;
	struct post **posts;

	if (room == 0)
		return 0;
	posts = (struct post **)reallocarray((void *)engine->posts, room, sizeof(*posts));
	if (posts == NULL)
		return -ENOMEM;
	engine->posts = posts;
	return 0;
}

void engine_enlist(struct engine *engine, struct post *post)
{
	engine->posts[engine->post_count++] = post;
}

void engine_dismiss(struct engine *engine, struct post *post)
{
	for (size_t i = engine->post_count; i-- > 0;) {
		if (engine->posts[i] != post)
			continue;
		engine->post_count--;
		memmove((void *)&engine->posts[i], (void *)&engine->posts[i + 1],
			(engine->post_count - i) * sizeof(struct post *));
		break;
	}
	loop_timer_cancel(&post->pause);
	post_unref(post);
}

struct post *engine_find(const struct engine *engine, const char *id)
{
	for (size_t i = 0; i < engine->post_count; i++)
		if (strcmp(engine->posts[i]->service->id, id) == 0)
			return engine->posts[i];
	return NULL;
}

/*
 * By swapping with a post made for the new service: what belongs to the service changes
 * hands, what belongs to its running sessions stays.
 */
void post_replace(struct post *post, struct post *fresh)
{
	struct post old = *post;

	post->service = fresh->service;
	post->plan = fresh->plan;
	post->internal = fresh->internal;
	post->targets = fresh->targets;
	post->billboard = fresh->billboard;
	post->screen = fresh->screen;
	fresh->service = old.service;
	fresh->plan = old.plan;
	fresh->internal = old.internal;
	fresh->targets = old.targets;
	fresh->billboard = old.billboard;
	/* Who came before has come all the same. */
	if (post->own_rates == NULL) {
		post->own_rates = fresh->own_rates;
		post->rates = fresh->rates;
		fresh->own_rates = NULL;
	}
	fresh->screen = old.screen;
	/* Running programs still write to the pipe they were given. */
	if (post->stderr_pipe == NULL) {
		post->stderr_pipe = stderr_pipe_move(fresh->stderr_pipe, post);
		fresh->stderr_pipe = NULL;
	}
	loop_timer_cancel(&post->pause);
	arrivals_resume(post->arrivals);
	post_unref(fresh);
}

int post_reserve(struct post *post, size_t count)
{
	struct listener **listeners;

	/* There may be more now than there are to be. */
	if (count < post->listener_count)
		count = post->listener_count;
	if (count == 0)
		return 0;
	listeners = (struct listener **)reallocarray((void *)post->listeners, count,
						     sizeof(*listeners));
	if (listeners == NULL)
		return -ENOMEM;
	post->listeners = listeners;
	return 0;
}

void post_attach(struct post *post, struct listener *listener)
{
	post->listeners[post->listener_count++] = listener;
	listener->post = post;
	listener->engine = post->engine;
}

size_t post_detach_all(struct post *post, struct listener **ret)
{
	size_t count = post->listener_count;

	for (size_t i = 0; i < count; i++) {
		ret[i] = post->listeners[i];
		ret[i]->post = NULL;
		ret[i]->closed = false;
		listener_unwatch(ret[i]);
		loop_timer_cancel(&ret[i]->timer);
	}
	post->listener_count = 0;
	return count;
}
