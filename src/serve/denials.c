/* SPDX-License-Identifier: ISC */
/* Who shares the deny list, when its entries end, and what is said of them. */
#include "usherd/serve/denials.h"

#include <errno.h>
#include <stdlib.h>

#include "usherd/base/clock.h"
#include "usherd/base/shared.h"
#include "usherd/base/units.h"
#include "usherd/guard/deny.h"

struct denials {
	struct engine *engine; /* borrowed; NULL: only to be read */
	struct shared shared;
	struct deny_list *list; /* the memory of that */
	struct timer timer;     /* the next one's time is up */
	struct log_throttle full;
};

static void say_released(void *data, const struct prefix *address)
{
	const struct denials *denials = data;
	char text[ADDR_TEXT_SIZE];

	report_message(denials->engine->reporter, LOG_LEVEL_NOTICE,
		       "%s is no longer denied", prefix_format(address, text));
}

/* Without memory for the timer the entries end all the same; only nobody says so. */
static void release(struct denials *denials)
{
	struct loop *loop = denials->engine->loop;
	uint64_t next_ns =
		deny_expire(denials->list, loop_now_ns(loop), say_released, denials);

	if (next_ns != DENY_FOREVER)
		(void)loop_timer_set(loop, &denials->timer, next_ns);
	else
		loop_timer_cancel(&denials->timer);
}

static void time_is_up(struct timer *timer)
{
	release(timer->data);
}

static struct denials *allocate(struct engine *engine)
{
	struct denials *denials = calloc(1, sizeof(*denials));

	if (denials != NULL) {
		denials->engine = engine;
		denials->shared.fd = -1;
		denials->timer.fired = time_is_up;
		denials->timer.data = denials;
	}
	return denials;
}

int denials_new(struct engine *engine, struct denials **ret)
{
	struct denials *denials = allocate(engine);
	int r;

	if (denials == NULL)
		return -ENOMEM;
	r = shared_make("usherd-denied", deny_memory_size(), &denials->shared);
	if (r < 0) {
		free(denials);
		return r;
	}
	denials->list = denials->shared.memory;
	*ret = denials;
	return 0;
}

void denials_free(struct denials *denials)
{
	if (denials == NULL)
		return;
	loop_timer_cancel(&denials->timer);
	shared_done(&denials->shared);
	free(denials);
}

bool denials_hold(const struct engine *engine, const struct addr *peer, uint64_t now_ns)
{
	return engine->denials != NULL && deny_holds(engine->denials->list, peer, now_ns);
}

static void say_denied(const struct post *post, const struct addr *peer)
{
	uint64_t deny_ns = post->service->policy.deny_ns;
	char text[ADDR_TEXT_SIZE], duration[UNITS_TEXT_SIZE] = "";

	if (deny_ns != DENY_FOREVER)
		units_format_duration(deny_ns, duration);
	report_message(post->engine->reporter, LOG_LEVEL_WARNING,
		       "%s is denied by all services %s%s: it asked for '%s'",
		       addr_format_host(peer, text),
		       deny_ns != DENY_FOREVER ? "for " : "for ever", duration,
		       post->service->id);
}

void denials_put(struct post *post, const struct addr *peer)
{
	struct denials *denials = post->engine->denials;
	uint64_t deny_ns = post->service->policy.deny_ns;
	uint64_t now_ns = loop_now_ns(post->engine->loop);
	int r;

	if (denials == NULL || deny_ns == 0)
		return;
	r = deny_add(denials->list, peer,
		     deny_ns == DENY_FOREVER ? DENY_FOREVER : now_ns + deny_ns);
	if (r == -ENOSPC)
		report_throttled(post->engine->reporter, &denials->full, now_ns,
				 LOG_LEVEL_ERROR,
				 "service '%s': %d addresses are denied, no more are "
				 "kept",
				 post->service->id, DENY_MAX);
	if (r <= 0)
		return;
	say_denied(post, peer);
	/* A longer one that is added later does not move the end of this one. */
	if (deny_ns != DENY_FOREVER && (!loop_timer_is_armed(&denials->timer) ||
					denials->timer.deadline_ns > now_ns + deny_ns))
		(void)loop_timer_set(post->engine->loop, &denials->timer,
				     now_ns + deny_ns);
}

int denials_leave(struct denials *denials)
{
	int r = denials->shared.fd == -1 ? 0 : shared_give_up_writing(&denials->shared);

	denials->list = denials->shared.memory;
	return r;
}

int denials_fd(const struct denials *denials)
{
	return denials->shared.fd;
}

int denials_open(int fd, struct denials **ret)
{
	struct denials *denials = allocate(NULL);
	int r;

	if (denials == NULL)
		return -ENOMEM;
	r = shared_map(fd, deny_memory_size(), &denials->shared);
	if (r < 0) {
		free(denials);
		return r;
	}
	denials->list = denials->shared.memory;
	*ret = denials;
	return 0;
}
