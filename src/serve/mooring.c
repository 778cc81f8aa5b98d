/* SPDX-License-Identifier: ISC */
/* Parking the sockets of new listeners, many at a time. */
#include "usherd/serve/mooring.h"

#include "usherd/serve/berth.h"
#include "usherd/serve/watching.h"

void listener_moor(struct listener *listener)
{
	struct engine *engine = listener->engine;

	if (engine->parking == NULL || listener->ticket != -1) {
		listener_update(listener);
		return;
	}
	engine->unparked[engine->unparked_count++] = listener;
	if (engine->unparked_count == PARKING_PUT_MAX)
		listeners_moor_rest(engine);
}

/* False when nothing will come of it. */
static bool offer(struct engine *engine, struct listener *const *listeners, size_t count)
{
	bool away = engine->bound > BERTH_RESIDENT_MAX;
	int fds[PARKING_PUT_MAX] = { 0 };

	for (size_t i = 0; i < count; i++)
		fds[i] = listeners[i]->fd;
	if (parking_put(engine->parking, fds, count) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		listeners[i]->watch.away = away;
	return true;
}

/* It cannot be parked, for want of descriptors, and works all the same. */
static void stay(struct listener *listener)
{
	listener_unwatch(listener);
	listener->watch.away = false;
	listener_update(listener);
}

static void park(struct engine *engine, struct listener *const *listeners, size_t count)
{
	int tickets[PARKING_PUT_MAX];
	bool parked = parking_tickets(engine->parking, count, tickets) == 0;

	for (size_t i = 0; i < count; i++) {
		if (parked)
			listeners[i]->ticket = tickets[i];
		else if (listeners[i]->watch.away)
			stay(listeners[i]);
	}
}

/* They are watched while the keeper takes them. */
void listeners_moor_rest(struct engine *engine)
{
	struct listener *const *listeners = engine->unparked;
	size_t count = engine->unparked_count;
	bool offered;

	if (count == 0)
		return;
	offered = offer(engine, listeners, count);
	engine->unparked_count = 0;
	engine->mooring = true;
	for (size_t i = 0; i < count; i++) {
		(void)listener_hold(listeners[i]);
		listener_update(listeners[i]);
	}
	engine->mooring = false;
	(void)parking_station(engine->parking, -1);
	if (offered)
		park(engine, listeners, count);
	for (size_t i = 0; i < count; i++)
		listener_release(listeners[i]);
}
