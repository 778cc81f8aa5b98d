/* SPDX-License-Identifier: ISC */
/*
 * What the supervisor tells a worker, a packet each, over the channel. What the worker
 * reports is channel.h's.
 */
#ifndef USHERD_SERVE_ORDER_H
#define USHERD_SERVE_ORDER_H

#include <stddef.h>

#include "usherd/log/event.h"
#include "usherd/model/target.h"

enum order_kind {
	ORDER_DRAIN,   /* accept nobody any more, end with the last session */
	ORDER_RETARGET /* lead a service elsewhere from now on */
};

struct order {
	enum order_kind kind;
	char service[EVENT_SERVICE_SIZE]; /* ORDER_RETARGET: its id */
	struct host hosts[TARGETS_MAX];   /* where each of its targets is now */
	size_t host_count;
	/* Owned: of the directories of those that are paths, in their order, or -1. */
	int directories[TARGETS_MAX];
	size_t directory_count;
};

/* Send an order. @directories: borrowed. 0 or a negative errno; -EAGAIN when the worker
 * does not take its orders. */
int order_drain(int fd);
int order_retarget(int fd, const char *service, const struct target_list *targets,
		   const int *directories, size_t directory_count);

/* At the worker's end: 0 with an order, -EAGAIN: nothing, or nothing that is known;
 * -EPIPE: closed; another negative errno. */
int order_receive(int fd, struct order *ret);

#endif
