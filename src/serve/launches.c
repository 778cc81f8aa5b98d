/* SPDX-License-Identifier: ISC */
/* When to look at starts under way. What it means that one is settled its owner knows. */
#include "usherd/serve/launches.h"

#include <string.h>
#include <utlist.h>

#include "usherd/base/clock.h"

#define LOOK_FIRST_NS CLOCK_NS_PER_MS
#define LOOK_MOST_NS  (20 * CLOCK_NS_PER_MS)
#define LOOK_SHARE    16 /* of the age of the youngest */

static void arm(struct launches *launches)
{
	uint64_t now_ns = loop_now_ns(launches->loop);
	uint64_t began_ns = launches->first->prev->attempt.began_ns;
	uint64_t wait_ns = now_ns > began_ns ? (now_ns - began_ns) / LOOK_SHARE : 0;

	if (wait_ns < LOOK_FIRST_NS)
		wait_ns = LOOK_FIRST_NS;
	else if (wait_ns > LOOK_MOST_NS)
		wait_ns = LOOK_MOST_NS;
	/* Out of memory: the next one to be added tries again. */
	(void)loop_timer_set(launches->loop, &launches->timer, now_ns + wait_ns);
}

static void time_to_look(struct timer *timer)
{
	struct launches *launches = timer->data;

	launches_look(launches);
	if (launches->first != NULL)
		arm(launches);
}

static void take_out(struct launches *launches, struct launch *launch)
{
	DL_DELETE(launches->first, launch);
	launch->under_way = false;
	if (launches->first == NULL)
		loop_timer_cancel(&launches->timer);
}

void launches_init(struct launches *launches, struct loop *loop)
{
	memset(launches, 0, sizeof(*launches));
	launches->loop = loop;
	launches->timer.fired = time_to_look;
	launches->timer.data = launches;
}

/* The next that is settled, from @launch on. */
static struct launch *find_settled(struct launch *launch, struct error *err,
				   bool *ret_runs)
{
	for (; launch != NULL; launch = launch->next) {
		enum spawn_state state = spawn_look(&launch->attempt, err);

		*ret_runs = state == SPAWN_RUNS;
		if (state != SPAWN_UNDER_WAY)
			break;
	}
	return launch;
}

void launches_look(struct launches *launches)
{
	struct error err;
	struct launch *launch;
	bool runs;

	/* From the beginning each time: what is called may change the list. */
	while ((launch = find_settled(launches->first, &err, &runs)) != NULL) {
		take_out(launches, launch);
		launch->settled(launch, runs ? NULL : &err);
	}
}

void launches_done(struct launches *launches)
{
	launches_look(launches);
	while (launches->first != NULL) {
		spawn_abandon(&launches->first->attempt);
		take_out(launches, launches->first);
	}
}

void launches_add(struct launches *launches, struct launch *launch)
{
	DL_APPEND(launches->first, launch);
	launch->under_way = true;
	if (!loop_timer_is_armed(&launches->timer))
		arm(launches);
}

int launches_reaped(struct launches *launches, struct launch *launch, int wait_status,
		    struct error *err)
{
	if (!launch->under_way)
		return 0;
	take_out(launches, launch);
	if (spawn_reaped(&launch->attempt, wait_status, err) == SPAWN_RUNS)
		return 0;
	return err->code;
}
