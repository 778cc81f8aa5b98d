/* SPDX-License-Identifier: ISC */
/*
 * The way of one client: readiness -> connection -> verdict -> program or session.
 */
#ifndef USHERD_SERVE_DISPATCH_H
#define USHERD_SERVE_DISPATCH_H

#include "usherd/loop/loop.h"
#include "usherd/serve/duty.h"

/* A listener is ready: engine_setup.listener_ready. */
void dispatch_ready(struct watch *watch, short revents);

/* What a client is told before it is served, or in place of it. */
struct courtesy {
	/* Admitted. False: it could not be told, and is not served. */
	bool (*welcome)(const struct post *post, int fd);
	/* True: it has been told. */
	bool (*refuse)(int fd);
};

struct held_client;

/* What becomes of clients that were held: struct inquiries_ends. */
void dispatch_held(struct held_client *client);
void dispatch_unwanted(struct held_client *client, enum reason reason);
void dispatch_let_go(struct held_client *client);

/*
 * Serve one stream client of @post, or refuse it; either is recorded, and the client is
 * sent the banners that there are. A session takes the descriptor over, and so does the
 * farewell of a client that is refused, and the wait of one whose program is tried again
 * (retries.h), and an inquiry about him: connection->fd is -1 then; in all other cases it
 * stays the caller's.
 * @courtesy: NULL for a client that expects no word. Returns false if it was refused.
 */
bool dispatch_connection(struct post *post, enum transport transport,
			 struct connection *connection, const struct courtesy *courtesy);

#endif
