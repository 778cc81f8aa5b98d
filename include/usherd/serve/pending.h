/* SPDX-License-Identifier: ISC */
/* Datagrams held in memory for a moment, in the order of arrival, bounded. */
#ifndef USHERD_SERVE_PENDING_H
#define USHERD_SERVE_PENDING_H

#include <stddef.h>

#include "usherd/net/datagram.h"

#define PENDING_MAX 256

struct pending {
	struct pending *next;
	struct datagram datagram; /* data points behind this struct */
};

struct pending_list {
	struct pending *first;
	struct pending *last;
	size_t count;
	size_t dropped; /* for want of room or memory */
};

/* Append a copy, or count it as dropped. */
void pending_add(struct pending_list *list, const struct datagram *datagram);
/* Take the first, to be freed with free(3); NULL when there is none. */
struct pending *pending_take(struct pending_list *list);
void pending_done(struct pending_list *list);

#endif
