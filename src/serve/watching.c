/* SPDX-License-Identifier: ISC */
/* Whether a listener is watched for clients, by the state of its post and its own. */
#include "usherd/serve/watching.h"

#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/inquiry.h"

bool listener_is_free(const struct listener *listener)
{
	return listener_is_bound(listener) && listener->holder == NULL;
}

bool listener_is_kept(const struct listener *listener)
{
	/* What a worker has been handed is its own. */
	return listener->post != NULL && listener->post->internal != NULL &&
	       listener->endpoint.transport == TRANSPORT_TCP &&
	       inquiry_concerns(listener->post->service);
}

bool listener_is_lent(const struct listener *listener)
{
	return listener_is_free(listener) && !listener_is_kept(listener);
}

bool listener_is_wanted(const struct listener *listener)
{
	const struct post *post = listener->post;

	if (post == NULL || post->engine == NULL || !listener_is_bound(listener))
		return false;
	if (listener->holder != NULL || loop_timer_is_armed(&listener->timer) ||
	    loop_timer_is_armed(&post->pause))
		return false;
	return post->internal == NULL || post->engine->sessions != NULL ||
	       (post->engine->inquiries != NULL && listener_is_kept(listener));
}

void listener_rest(struct listener *listener, uint64_t ns)
{
	struct loop *loop = listener->post->engine->loop;

	if (loop_timer_set(loop, &listener->timer, loop_now_ns(loop) + ns) < 0)
		return;
	listener_unwatch(listener);
}

static void watch_failed(struct listener *listener, int r)
{
	struct engine *engine = listener->post->engine;
	char text[ENDPOINT_TEXT_SIZE];

	report_throttled(engine->reporter, &engine->short_of_resources,
			 loop_now_ns(engine->loop), LOG_LEVEL_ERROR,
			 "service '%s': cannot watch %s: %s; trying again",
			 listener->post->service->id,
			 endpoint_format(&listener->endpoint, text), strerror(-r));
	listener_rest(listener, CLOCK_NS_PER_SECOND);
}

void listener_update(struct listener *listener)
{
	int r;

	if (!listener_is_wanted(listener)) {
		listener_unwatch(listener);
		return;
	}
	if (loop_is_watching(&listener->watch))
		return;
	r = listener_watch(listener);
	if (r < 0)
		watch_failed(listener, r);
}

/* The kernel wakes the first that waits and is idle: begin to wait anew, behind all. */
void listener_stand_back(struct listener *listener)
{
	if (!listener->watch.shared || !loop_is_watching(&listener->watch))
		return;
	listener_unwatch(listener);
	listener_update(listener);
}
