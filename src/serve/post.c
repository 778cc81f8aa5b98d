/* SPDX-License-Identifier: ISC */
/* Services on duty. The sockets are listener.c's. */
#include "usherd/serve/post.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/net/listener.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/ledger.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/record.h"
#include "usherd/serve/stderr_pipe.h"

/* A pause of another worker may have begun meanwhile: then it is that one's end. */
static bool is_over(struct post *post)
{
	uint64_t until_ns = post->arrivals->paused_until_ns;
	struct loop *loop = post->engine->loop;

	return until_ns <= loop_now_ns(loop) ||
	       loop_timer_set(loop, &post->pause, until_ns) < 0;
}

/* One of the workers tells it. */
static bool is_to_be_told(struct post *post)
{
	bool first;

	if (post->ledger == NULL)
		return true;
	if (!ledger_lock(post->ledger))
		return false;
	first = arrivals_tell_end(post->arrivals);
	ledger_unlock(post->ledger);
	return first;
}

static void pause_over(struct timer *timer)
{
	struct post *post = timer->data;

	if (!is_over(post))
		return;
	for (size_t i = 0; i < post->listener_count; i++) {
		struct listener *listener = post->listeners[i];

		/* While a wait program has the socket it is not ours to touch. */
		if (listener_is_free(listener))
			listener_reopen(listener);
		listener_update(listener);
	}
	if (is_to_be_told(post))
		report_message(post->engine->reporter, LOG_LEVEL_NOTICE,
			       "service '%s' accepts connections again",
			       post->service->id);
}

static int equip_program(struct post *post, struct error *err)
{
	struct service *service = post->service;
	int r = plan_new(service, post->engine->environment, TECHNIQUE_SHARED,
			 &post->plan, err);

	if (r == 0 && service->program.stderr_target == STDERR_LOG)
		r = stderr_pipe_new(post, &post->stderr_pipe, err);
	return r;
}

static int equip(struct post *post, struct error *err)
{
	const struct service *service = post->service;

	if (!service_is_internal(service))
		return equip_program(post, err);
	post->internal = post->engine->find_internal(service->internal);
	if (post->internal == NULL)
		return error_set(err, -ENOENT, "no in-process service '%s'",
				 service->internal);
	if (post_aim(post, &service->redirect) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
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
	post->pause.fired = pause_over;
	post->pause.data = post;
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
					.mux = post->engine->targets };

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
	plan_unref(post->plan);
	service_unref(post->service);
	target_list_done(&post->targets);
	tally_done(&post->own_tally);
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
	fresh->service = old.service;
	fresh->plan = old.plan;
	fresh->internal = old.internal;
	fresh->targets = old.targets;
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
		listener_unwatch(ret[i]);
		loop_timer_cancel(&ret[i]->timer);
	}
	post->listener_count = 0;
	return count;
}

static void tell_pause(const struct post *post)
{
	const struct policy *policy = &post->service->policy;

	report_message(post->engine->reporter, LOG_LEVEL_WARNING,
		       "service '%s' rests for %llu seconds: more than %llu connections "
		       "per second",
		       post->service->id,
		       (unsigned long long)(policy->cps_pause_ns / CLOCK_NS_PER_SECOND),
		       (unsigned long long)policy->cps_rate);
}

/* One after the other: a socket must not be shut twice, see listener_pause(). */
static void shut(const struct post *post, const struct listener *listener)
{
	bool locked = post->ledger != NULL && ledger_lock(post->ledger);

	(void)listener_pause(listener->fd, &listener->endpoint);
	if (locked)
		ledger_unlock(post->ledger);
}

static void close_doors(struct post *post)
{
	for (size_t i = 0; i < post->listener_count; i++) {
		struct listener *listener = post->listeners[i];

		if (listener_is_free(listener) && listener_hold(listener) == 0) {
			shut(post, listener);
			listener_release(listener);
		}
		listener_update(listener);
	}
}

/* The one that is said first holds for all who count together. */
static bool begins_pause(struct post *post, uint64_t until_ns)
{
	uint64_t now_ns = loop_now_ns(post->engine->loop);
	bool begins;

	if (post->ledger != NULL && !ledger_lock(post->ledger))
		return false;
	begins = arrivals_pause(post->arrivals, now_ns, until_ns);
	if (post->ledger != NULL)
		ledger_unlock(post->ledger);
	return begins;
}

void post_pause(struct post *post, uint64_t until_ns)
{
	if (loop_timer_is_armed(&post->pause))
		return;
	/* Without the timer nobody would end the pause: then do not begin it. */
	if (loop_timer_set(post->engine->loop, &post->pause, until_ns) < 0)
		return;
	if (begins_pause(post, until_ns))
		tell_pause(post);
	close_doors(post);
}

/* A socket that was shut for the pause looks so for a moment after its end, too. */
#define PAUSE_ECHO_NS (CLOCK_NS_PER_SECOND / 4)

bool post_joins_pause(struct post *post)
{
	uint64_t until_ns = post->arrivals->paused_until_ns;
	struct loop *loop = post->engine->loop;

	if (post->ledger == NULL || until_ns == 0 ||
	    loop_now_ns(loop) >= until_ns + PAUSE_ECHO_NS ||
	    loop_timer_set(loop, &post->pause, until_ns) < 0)
		return false;
	for (size_t i = 0; i < post->listener_count; i++)
		listener_update(post->listeners[i]);
	return true;
}
