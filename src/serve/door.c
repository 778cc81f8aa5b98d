/* SPDX-License-Identifier: ISC */
/* From the pure crowd to a door that is closed. How that is done is listening.c's. */
#include "usherd/serve/door.h"

#include "usherd/base/clock.h"
#include "usherd/serve/admission.h"
#include "usherd/serve/listening.h"

/* After that a few hundred clients are looked at again. */
#define DOOR_CLOSED_NS (CLOCK_NS_PER_SECOND / 10)

/* A refused client is to be told so. */
static bool tells_the_refused(const struct service *service)
{
	return service->banners[SERVICE_BANNER_GREETING] != NULL ||
	       service->banners[SERVICE_BANNER_FAIL] != NULL;
}

/* A door that other workers watch as well stays open: to each of them it would look as if
 * a stranger had shut the socket down. */
static bool may_close(const struct listener *listener)
{
	const struct post *post = listener->post;

	return !tells_the_refused(post->service) &&
	       listener->endpoint.transport == TRANSPORT_TCP &&
	       loop_is_watching(&listener->watch) && !post->engine->shares &&
	       admission_is_full(post);
}

bool door_turned_away(struct listener *listener, unsigned refused)
{
	struct post *post = listener->post;
	struct engine *engine = post->engine;
	uint64_t now_ns = loop_now_ns(engine->loop);

	if (!may_close(listener) || !crowd_grows(&listener->crowd, refused, now_ns) ||
	    listener_close_door(listener, DOOR_CLOSED_NS) < 0)
		return false;
	post->doors_closed = true;
	report_throttled(engine->reporter, &post->crowds, now_ns, LOG_LEVEL_WARNING,
			 "service '%s' is full, and a crowd comes: the kernel refuses "
			 "them, uncounted, until a place is free",
			 post->service->id);
	return true;
}

void door_let_in(struct listener *listener)
{
	crowd_ends(&listener->crowd);
}
