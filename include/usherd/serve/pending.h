/* SPDX-License-Identifier: ISC */
/* Datagrams held in memory for a moment, in the order of arrival, bounded. */
#ifndef USHERD_SERVE_PENDING_H
#define USHERD_SERVE_PENDING_H

#include <stddef.h>

#include "usherd/net/datagram.h"

/* How many a caller should let wait; the list itself knows no bound but memory. */
#define PENDING_MAX 256

struct pending {
	struct pending *next;
	struct datagram datagram; /* data points behind this struct */
};

struct pending_list {
	struct pending *first;
	struct pending *last;
	size_t count;
	size_t dropped; /* for want of memory */
};

/* Append a copy, or count it as dropped. */
void pending_add(struct pending_list *list, const struct datagram *datagram);
/* Append @one, whose ownership moves into the list. */
void pending_put(struct pending_list *list, struct pending *one);
/* Take the first, to be freed with free(3); NULL when there is none. */
struct pending *pending_take(struct pending_list *list);
void pending_done(struct pending_list *list);

#endif
