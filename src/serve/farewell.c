/* SPDX-License-Identifier: ISC */
/* Waiting for clients to go. What they have been told, who knows. */
#include "usherd/serve/farewell.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "usherd/base/fd.h"

/* Thrown away in one call, and calls of one turn. */
#define DISCARD_BYTES 65536
#define DISCARD_TURNS 4

struct farewell {
	struct farewells *farewells;
	struct farewell *prev, *next; /* by until_ns */
	struct watch watch;           /* its fd is owned */
	uint64_t until_ns;
	size_t bytes;
};

static void part(struct farewell *farewell)
{
	struct farewells *farewells = farewell->farewells;

	DL_DELETE(farewells->first, farewell);
	farewells->count--;
	loop_forget(&farewell->watch);
	fd_close(&farewell->watch.fd);
	free(farewell);
	if (farewells->first == NULL)
		loop_timer_cancel(&farewells->timer);
}

static void part_and_tell(struct farewell *farewell)
{
	struct farewells *farewells = farewell->farewells;

	part(farewell);
	if (farewells->count == 0 && farewells->all_gone != NULL)
		farewells->all_gone(farewells->data);
}

/* Throw away what has come. False: it is over. MSG_TRUNC copies nothing for TCP; a UNIX
 * stream has no such way, see recv(2). */
static bool discard(int fd, size_t *bytes)
{
	char waste[16384];

	for (int i = 0; i < DISCARD_TURNS; i++) {
		ssize_t count = recv(fd, NULL, DISCARD_BYTES, MSG_DONTWAIT | MSG_TRUNC);

		if (count == -1 && errno == EFAULT)
			count = recv(fd, waste, sizeof(waste), MSG_DONTWAIT);
		if (count == -1)
			return errno == EAGAIN || errno == EINTR;
		*bytes += (size_t)count;
		if (count == 0 || *bytes > FAREWELL_BYTES)
			return false;
	}
	return true;
}

static void farewell_ready(struct watch *watch, short revents)
{
	struct farewell *farewell = watch->data;

	(void)revents;
	if (!discard(watch->fd, &farewell->bytes))
		part_and_tell(farewell);
}

/* With all whose time is up by then. */
static void part_until(struct farewells *farewells, uint64_t until_ns)
{
	struct farewell *farewell, *next;

	DL_FOREACH_SAFE(farewells->first, farewell, next) {
		if (farewell->until_ns > until_ns)
			break;
		part(farewell);
	}
}

/* All have the same time, so that the first is the next. */
static void arm(struct farewells *farewells)
{
	if (farewells->first == NULL || loop_timer_set(farewells->loop, &farewells->timer,
						       farewells->first->until_ns) == 0)
		return;
	/* Without the timer nobody would end them. */
	part_until(farewells, UINT64_MAX);
}

static void time_is_up(struct timer *timer)
{
	struct farewells *farewells = timer->data;

	part_until(farewells, loop_now_ns(farewells->loop));
	arm(farewells);
	if (farewells->count == 0 && farewells->all_gone != NULL)
		farewells->all_gone(farewells->data);
}

void farewells_init(struct farewells *farewells, struct loop *loop)
{
	memset(farewells, 0, sizeof(*farewells));
	farewells->loop = loop;
	farewells->timer.fired = time_is_up;
	farewells->timer.data = farewells;
}

void farewells_done(struct farewells *farewells)
{
	part_until(farewells, UINT64_MAX);
}

static struct farewell *begin(struct farewells *farewells, int fd, size_t bytes)
{
	struct farewell *farewell;

	if (farewells->count == FAREWELLS_MAX)
		part(farewells->first);
	farewell = calloc(1, sizeof(*farewell));
	if (farewell == NULL)
		return NULL;
	farewell->farewells = farewells;
	farewell->bytes = bytes;
	farewell->until_ns = loop_now_ns(farewells->loop) + FAREWELL_NS;
	farewell->watch.fd = fd;
	farewell->watch.events = POLLIN;
	farewell->watch.ready = farewell_ready;
	farewell->watch.data = farewell;
	if (loop_add(farewells->loop, &farewell->watch) < 0) {
		free(farewell);
		return NULL;
	}
	return farewell;
}

void farewell_take(struct farewells *farewells, int *fd)
{
	struct farewell *farewell;
	size_t bytes = 0;

	/* Most have closed already, or have sent nothing and will be gone soon. */
	if (shutdown(*fd, SHUT_WR) == -1 || !discard(*fd, &bytes) ||
	    (farewell = begin(farewells, *fd, bytes)) == NULL) {
		fd_close(fd);
		return;
	}
	*fd = -1;
	DL_APPEND(farewells->first, farewell);
	farewells->count++;
	if (!loop_timer_is_armed(&farewells->timer))
		arm(farewells);
}
