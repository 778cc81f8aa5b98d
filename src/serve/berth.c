/* SPDX-License-Identifier: ISC */
/* Fetching and parking the sockets of listeners. When is listening.c's affair. */
#include "usherd/serve/berth.h"

#include <errno.h>
#include <poll.h>

#include "usherd/base/fd.h"
#include "usherd/serve/listening.h"

bool listener_is_bound(const struct listener *listener)
{
	return listener->fd != -1 || listener->ticket != -1;
}

/* With the reserve's descriptor when there is no other: what has to be taken out of the
 * loop must be fetched first. */
static int fetch(const struct listener *listener)
{
	struct engine *engine = listener->engine;
	int fd = parking_get(engine->parking, listener->ticket);

	if (fd != -EMFILE && fd != -ENFILE)
		return fd;
	reserve_close(&engine->reserve);
	fd = parking_get(engine->parking, listener->ticket);
	if (fd < 0)
		(void)reserve_open(&engine->reserve);
	return fd;
}

int listener_hold(struct listener *listener)
{
	if (listener->fd == -1) {
		int fd = listener->ticket == -1 ? -EBADF : fetch(listener);

		if (fd < 0)
			return fd;
		listener->fd = fd;
	}
	listener->holds++;
	return 0;
}

void listener_release(struct listener *listener)
{
	struct reserve *reserve = &listener->engine->reserve;

	if (--listener->holds > 0 || !listener->watch.away)
		return;
	fd_close(&listener->fd);
	if (reserve->fd == -1)
		(void)reserve_open(reserve);
}

int listener_watch(struct listener *listener)
{
	struct engine *engine = listener->engine;
	int r = listener_hold(listener);

	if (r < 0)
		return r;
	listener->watch.events = POLLIN | POLLRDHUP;
	listener->watch.shared = engine->shares;
	listener->watch.ready = engine->listener_ready;
	listener->watch.fd = listener->fd;
	if (listener->watch.away)
		listener->watch.fd = parking_station(engine->parking, listener->fd);
	r = listener->watch.fd < 0 ? listener->watch.fd
				   : loop_add(engine->loop, &listener->watch);
	/* Of many in a row each makes way for the next. */
	if (listener->watch.away && !engine->mooring)
		(void)parking_station(engine->parking, -1);
	listener_release(listener);
	return r;
}

void listener_unwatch(struct listener *listener)
{
	struct parking *parking;
	bool held;

	if (!loop_is_watching(&listener->watch))
		return;
	if (!listener->watch.away) {
		loop_remove(&listener->watch);
		return;
	}
	parking = listener->engine->parking;
	held = listener_hold(listener) == 0;
	if (held)
		(void)parking_station(parking, listener->fd);
	/* Even so it is forgotten: nobody is called back for it any more. */
	loop_remove(&listener->watch);
	(void)parking_station(parking, -1);
	if (held)
		listener_release(listener);
}

static void forget_mooring(struct engine *engine, const struct listener *listener)
{
	for (size_t i = 0; i < engine->unparked_count; i++)
		if (engine->unparked[i] == listener)
			engine->unparked[i] = engine->unparked[--engine->unparked_count];
}

void listener_shut(struct listener *listener)
{
	struct engine *engine = listener->engine;

	if (!listener_is_bound(listener))
		return;
	listener_unwatch(listener);
	forget_mooring(engine, listener);
	fd_close(&listener->fd);
	if (listener->ticket != -1)
		parking_drop(engine->parking, listener->ticket);
	listener->ticket = -1;
	listener->watch.away = false;
	engine->bound--;
}

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
