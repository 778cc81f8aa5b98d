/* SPDX-License-Identifier: ISC */
/*
 * Stream clients whose program could not be started because there was no process or no
 * memory for it just then: they are kept, and their turn comes once more every RETRY_NS.
 * They have no place meanwhile, and their number is bounded.
 */
#ifndef USHERD_SERVE_RETRIES_H
#define USHERD_SERVE_RETRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/loop/loop.h"
#include "usherd/net/accept.h"

#define RETRY_NS    (UINT64_C(5) * 1000000000)
#define RETRY_TRIES 5 /* for each client, the first among them */
#define RETRIES_MAX 64

struct post;
struct retry;

struct retries {
	struct loop *loop; /* borrowed */
	struct retry *first;
	size_t count;
	struct timer timer; /* the first one's turn */
};

void retries_init(struct retries *retries, struct loop *loop);
/* Refuse all with "fork". May be repeated. */
void retries_done(struct retries *retries);

/* What is to be done when the turn of a client comes, whose connection->fd is closed
 * afterwards unless it is -1 then. @tries have failed. */
typedef void retry_again(struct post *post, enum transport transport,
			 struct connection *connection, unsigned tries);

/* Keep the client of @post. 0, and connection->fd is -1; -ENOSPC: there are too many;
 * -ENOMEM. */
int retries_keep(struct retries *retries, struct post *post, enum transport transport,
		 struct connection *connection, unsigned tries, retry_again *again);

#endif
