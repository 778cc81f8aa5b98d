/* SPDX-License-Identifier: ISC */
/*
 * Timers: a binary heap by deadline. Each timer knows its place in the heap, so moving
 * and cancelling one costs as little as adding it. Reads no clock: the moment is passed
 * in.
 */
#include <errno.h>
#include <stdlib.h>

#include "loop_internal.h"
#include "usherd/base/clock.h"

#define TIMERS_MIN 16

static bool is_before(const struct timer_node *a, const struct timer_node *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->order < b->order;
}

static void place(struct timers *timers, size_t slot, struct timer_node node)
{
	timers->nodes[slot] = node;
	node.timer->slot = slot;
}

/* Put @node where it belongs on the way from @slot to the root. */
static void sift_up(struct timers *timers, size_t slot, struct timer_node node)
{
	while (slot > 0) {
		size_t parent = (slot - 1) / 2;

		if (!is_before(&node, &timers->nodes[parent]))
			break;
		place(timers, slot, timers->nodes[parent]);
		slot = parent;
	}
	place(timers, slot, node);
}

/* Put @node where it belongs below @slot. */
static void sift_down(struct timers *timers, size_t slot, struct timer_node node)
{
	for (;;) {
		size_t child = 2 * slot + 1;

		if (child >= timers->count)
			break;
		if (child + 1 < timers->count &&
		    is_before(&timers->nodes[child + 1], &timers->nodes[child]))
			child++;
		if (!is_before(&timers->nodes[child], &node))
			break;
		place(timers, slot, timers->nodes[child]);
		slot = child;
	}
	place(timers, slot, node);
}

/* @node goes to @slot, whose former content is elsewhere or gone. */
static void settle(struct timers *timers, size_t slot, struct timer_node node)
{
	if (slot > 0 && is_before(&node, &timers->nodes[(slot - 1) / 2]))
		sift_up(timers, slot, node);
	else
		sift_down(timers, slot, node);
}

static int reserve(struct timers *timers)
{
	size_t capacity = timers->capacity ? timers->capacity * 2 : TIMERS_MIN;
	struct timer_node *nodes;

	if (timers->count < timers->capacity)
		return 0;
	nodes = reallocarray(timers->nodes, capacity, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	timers->nodes = nodes;
	timers->capacity = capacity;
	return 0;
}

int timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns,
	       uint64_t now_ns)
{
	struct timer_node node = { .deadline_ns = deadline_ns, .timer = timer };

	if (!timer->loop && reserve(timers) < 0)
		return -ENOMEM;
	/* One that arms itself for a moment already past must not keep the turn from
	 * ending. */
	if (timers->expiring && deadline_ns <= now_ns)
		node.deadline_ns = now_ns + 1;
	node.order = timers->order++;
	timer->deadline_ns = deadline_ns;
	if (!timer->loop)
		timer->slot = timers->count++;
	settle(timers, timer->slot, node);
	return 0;
}

void timers_cancel(struct timers *timers, struct timer *timer)
{
	struct timer_node last = timers->nodes[--timers->count];

	if (last.timer != timer)
		settle(timers, timer->slot, last);
}

void timers_expire(struct timers *timers, uint64_t now_ns)
{
	timers->expiring = true;
	while (timers->count > 0 && timers->nodes[0].deadline_ns <= now_ns) {
		struct timer *timer = timers->nodes[0].timer;

		timers_cancel(timers, timer);
		timer->loop = NULL;
		timer->fired(timer);
	}
	timers->expiring = false;
}

uint64_t timers_deadline_ns(const struct timers *timers)
{
	return timers->count == 0 ? UINT64_MAX : timers->nodes[0].deadline_ns;
}

int64_t timers_timeout_ns(const struct timers *timers, uint64_t now_ns)
{
	uint64_t left_ns;

	if (timers->count == 0)
		return -1;
	if (timers->nodes[0].deadline_ns <= now_ns)
		return 0;
	left_ns = timers->nodes[0].deadline_ns - now_ns;
	return left_ns < INT64_MAX ? (int64_t)left_ns : INT64_MAX;
}

void timers_done(struct timers *timers)
{
	for (size_t i = 0; i < timers->count; i++)
		timers->nodes[i].timer->loop = NULL;
	free(timers->nodes);
	*timers = (struct timers){ 0 };
}
