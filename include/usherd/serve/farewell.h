/* SPDX-License-Identifier: ISC */
/*
 * Clients that have been told something and are not served: closing a connection with
 * unread input resets it, and what was sent may be lost with it (RFC 2525 section 2.17).
 * So the output is ended, and what the client still sends is thrown away until it closes,
 * for a bounded time and number of bytes. The number of such clients is bounded, too: of
 * more, the one that has had the longest time is closed.
 */
#ifndef USHERD_SERVE_FAREWELL_H
#define USHERD_SERVE_FAREWELL_H

#include <stddef.h>
#include <stdint.h>

#include "usherd/loop/loop.h"

#define FAREWELLS_MAX  128
#define FAREWELL_NS    (UINT64_C(2) * 1000000000)
#define FAREWELL_BYTES 1048576

struct farewell;

struct farewells {
	struct loop *loop; /* borrowed */
	struct farewell *first;
	size_t count;
	struct timer timer;           /* the first one's time is up */
	void (*all_gone)(void *data); /* or NULL */
	void *data;
};

void farewells_init(struct farewells *farewells, struct loop *loop);
/* Closes all. May be repeated. */
void farewells_done(struct farewells *farewells);

/* Part with the client on the stream socket *@fd, which is taken, and becomes -1. Never
 * blocks. */
void farewell_take(struct farewells *farewells, int *fd);

#endif
