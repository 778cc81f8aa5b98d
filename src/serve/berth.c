/* SPDX-License-Identifier: ISC */
/* Fetching and parking the sockets of listeners. When is listening.c's affair. */
#include "usherd/serve/berth.h"

#include <errno.h>
#include <poll.h>

#include "usherd/base/fd.h"

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
