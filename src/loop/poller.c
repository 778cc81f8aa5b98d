/* SPDX-License-Identifier: ISC */
/*
 * Which descriptors are watched, and which way: in the array of the outer poll(2), or in
 * an epoll(7) set that stands in that array as one entry. Both ways are level-triggered
 * and fill the same list of readiness.
 *
 * It does not run the turn, and it never closes a watched descriptor.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "loop_internal.h"
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"

#define POLLER_NO_SLOT   UINT32_MAX
#define POLLER_MIN_SLOTS 32

/* poll(2) and epoll_ctl(2) share their event bits on Linux, so none is translated. */
static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR &&
		      POLLHUP == EPOLLHUP && POLLPRI == EPOLLPRI &&
		      POLLRDHUP == EPOLLRDHUP,
	      "poll and epoll event bits differ");
static_assert(LOOP_POLL_MAX <= POLLER_BATCH, "a full array must fit the ready list");

static uint64_t ready_id(const struct poller *poller, size_t slot)
{
	return (uint64_t)poller->slots[slot].generation << 32 | slot;
}

/* EPOLLEXCLUSIVE, epoll_ctl(2) Linux 4.5, goes with few others. */
static uint32_t shared_events(short events)
{
	return ((unsigned short)events & ~(uint32_t)EPOLLRDHUP) | EPOLLEXCLUSIVE;
}

static int nested_control(const struct poller *poller, int operation, size_t slot,
			  short events)
{
	const struct watch *watch = poller->slots[slot].watch;
	struct epoll_event event = {
		.events = (unsigned short)events,
		.data.u64 = ready_id(poller, slot),
	};

	if (watch->shared)
		event.events = shared_events(events);

	if (epoll_ctl(poller->epoll_fd, operation, poller->slots[slot].fd, &event) == -1)
		return -errno;
	return 0;
}

/* A watch that asks for nothing stays out of the set: epoll_ctl(2) would report hang-ups
 * for it all the same, and each turn would wake for them. */
static int nested_change(const struct poller *poller, size_t slot, short old, short new)
{
	int operation = EPOLL_CTL_MOD;

	if (old == new)
		return 0;
	/* An exclusive entry cannot be changed. */
	if (old != 0 && new != 0 && poller->slots[slot].watch->shared)
		(void)nested_control(poller, EPOLL_CTL_DEL, slot, 0);
	if (old == 0 || (new != 0 && poller->slots[slot].watch->shared))
		operation = EPOLL_CTL_ADD;
	else if (new == 0)
		operation = EPOLL_CTL_DEL;
	return nested_control(poller, operation, slot, new);
}

/* poll(2) skips negative descriptors; it too would report hang-ups for events = 0. */
static void flat_place(struct poller *poller, size_t slot)
{
	const struct watch *watch = poller->slots[slot].watch;
	struct pollfd *entry = &poller->outer[POLLER_AT_SLOTS + slot];

	*entry = (struct pollfd){ .fd = -1 };
	if (watch && watch->events != 0)
		*entry = (struct pollfd){ .fd = poller->slots[slot].fd,
					  .events = watch->events };
}

/*
 * The array takes any descriptor, the nested set only what can be polled, each once. Both
 * refuse the same ones, so that moving to the set cannot fail on account of a watch added
 * long before.
 */
static int flat_check(const struct poller *poller, int fd)
{
	struct epoll_event event = { .events = 0 };
	struct stat status;

	for (size_t i = 0; i < poller->high; i++) {
		if (poller->slots[i].watch && poller->slots[i].fd == fd)
			return -EEXIST;
	}
	if (fstat(fd, &status) == -1)
		return -errno;
	if (S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode))
		return 0;
	if (epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1)
		return -errno;
	(void)epoll_ctl(poller->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	return 0;
}

static int slots_reserve(struct poller *poller)
{
	size_t capacity = poller->capacity ? poller->capacity * 2 : POLLER_MIN_SLOTS;
	struct poller_slot *slots;

	if (poller->free_slot != POLLER_NO_SLOT || poller->high < poller->capacity)
		return 0;
	if (capacity >= POLLER_NO_SLOT)
		return -ENOMEM;
	slots = reallocarray(poller->slots, capacity, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	poller->slots = slots;
	poller->capacity = capacity;
	return 0;
}

static size_t slot_take(struct poller *poller, struct watch *watch)
{
	size_t slot = poller->high;

	if (poller->free_slot != POLLER_NO_SLOT) {
		slot = poller->free_slot;
		poller->free_slot = poller->slots[slot].next_free;
	} else {
		poller->high++;
	}
	poller->slots[slot].watch = watch;
	poller->slots[slot].fd = watch->fd;
	poller->slots[slot].generation = ++poller->generation;
	poller->count++;
	return slot;
}

static void slot_give_back(struct poller *poller, size_t slot)
{
	poller->slots[slot].watch = NULL;
	poller->slots[slot].next_free = poller->free_slot;
	poller->free_slot = (uint32_t)slot;
	poller->count--;
}

static void take_out_of_nested(struct poller *poller)
{
	for (size_t i = 0; i < poller->high; i++) {
		const struct watch *watch = poller->slots[i].watch;

		if (watch && watch->events != 0)
			(void)nested_control(poller, EPOLL_CTL_DEL, i, 0);
	}
}

/* All watches into the nested set, or none. Readiness already collected stays valid:
 * slots and generations do not change. */
static int go_nested(struct poller *poller)
{
	for (size_t i = 0; i < poller->high; i++) {
		const struct watch *watch = poller->slots[i].watch;
		int result;

		if (!watch)
			continue;
		result = nested_change(poller, i, 0, watch->events);
		if (result < 0) {
			take_out_of_nested(poller);
			return result;
		}
	}
	poller->outer[POLLER_AT_NESTED].fd = poller->epoll_fd;
	poller->nested = true;
	return 0;
}

/* Slots are packed first, so that the array never needs more than LOOP_POLL_MAX. */
static void go_flat(struct poller *poller)
{
	size_t used = 0;

	take_out_of_nested(poller);
	for (size_t i = 0; i < poller->high; i++) {
		struct watch *watch = poller->slots[i].watch;

		if (!watch)
			continue;
		watch->slot = used;
		poller->slots[used] = poller->slots[i];
		flat_place(poller, used++);
	}
	poller->high = used;
	poller->free_slot = POLLER_NO_SLOT;
	poller->outer[POLLER_AT_NESTED].fd = -1;
	poller->nested = false;
}

/* Rounded up: waking early would only mean a second, empty wait. */
static int to_ms(int64_t ns)
{
	const int64_t per_ms = CLOCK_NS_PER_MS;

	if (ns / per_ms >= INT_MAX)
		return INT_MAX;
	return ns == -1 ? -1 : (int)((ns + per_ms - 1) / per_ms);
}

static int collect_nested(struct poller *poller, int timeout_ms)
{
	int count = epoll_wait(poller->epoll_fd, poller->ready, POLLER_BATCH, timeout_ms);

	if (count == -1)
		return errno == EINTR ? 0 : -errno;
	poller->ready_count = (size_t)count;
	return 0;
}

static void collect_flat(struct poller *poller)
{
	for (size_t i = 0; i < poller->high; i++) {
		short revents = poller->outer[POLLER_AT_SLOTS + i].revents;

		if (revents == 0)
			continue;
		poller->ready[poller->ready_count++] = (struct epoll_event){
			.events = (unsigned short)revents,
			.data.u64 = ready_id(poller, i),
		};
	}
}

static void dispatch_one(const struct poller *poller, const struct epoll_event *event)
{
	size_t slot = (uint32_t)event->data.u64;
	uint32_t generation = (uint32_t)(event->data.u64 >> 32);
	struct watch *watch;
	uint32_t wanted;
	short revents;

	if (slot >= poller->high || poller->slots[slot].generation != generation)
		return;
	watch = poller->slots[slot].watch;
	if (!watch || watch->events == 0)
		return;
	/* A callback before this one may have asked for less meanwhile. */
	wanted = (unsigned short)watch->events | POLLERR | POLLHUP | POLLNVAL;
	revents = (short)(event->events & wanted);
	if (revents != 0)
		watch->ready(watch, revents);
}

int poller_init(struct poller *poller)
{
	*poller = (struct poller){ .free_slot = POLLER_NO_SLOT };
	for (size_t i = 0; i < POLLER_OUTER_MAX; i++)
		poller->outer[i].fd = -1;
	for (size_t i = 0; i < POLLER_AT_SLOTS; i++)
		poller->outer[i].events = POLLIN;
	/* Made now, so that a shortage of descriptors cannot stop the move later. */
	poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return poller->epoll_fd == -1 ? -errno : 0;
}

void poller_done(struct poller *poller)
{
	for (size_t i = 0; i < poller->high; i++) {
		if (poller->slots[i].watch)
			poller->slots[i].watch->loop = NULL;
	}
	fd_close(&poller->epoll_fd);
	free(poller->slots);
	poller->slots = NULL;
	poller->high = 0;
}

int poller_add(struct poller *poller, struct watch *watch)
{
	bool nested = poller->nested || watch->away || watch->shared;
	int result = nested ? 0 : flat_check(poller, watch->fd);

	if (result == 0)
		result = slots_reserve(poller);
	if (result == 0 && !poller->nested && (poller->count >= LOOP_POLL_MAX || nested))
		result = go_nested(poller);
	if (result < 0)
		return result;
	watch->slot = slot_take(poller, watch);
	if (poller->nested)
		result = nested_change(poller, watch->slot, 0, watch->events);
	else
		flat_place(poller, watch->slot);
	if (result < 0) {
		slot_give_back(poller, watch->slot);
		return result;
	}
	poller->away += watch->away;
	poller->shared += watch->shared;
	return 0;
}

int poller_change(struct poller *poller, struct watch *watch, short events)
{
	short old = watch->events;
	int result = 0;

	if (poller->nested)
		result = nested_change(poller, watch->slot, old, events);
	if (result < 0)
		return result;
	watch->events = events;
	if (!poller->nested)
		flat_place(poller, watch->slot);
	return 0;
}

void poller_remove(struct poller *poller, struct watch *watch)
{
	if (poller->nested && watch->events != 0)
		(void)nested_control(poller, EPOLL_CTL_DEL, watch->slot, 0);
	poller_forget(poller, watch);
}

void poller_forget(struct poller *poller, struct watch *watch)
{
	poller->away -= watch->away;
	poller->shared -= watch->shared;
	slot_give_back(poller, watch->slot);
	if (!poller->nested)
		flat_place(poller, watch->slot);
}

void poller_settle(struct poller *poller)
{
	if (poller->nested && poller->away + poller->shared == 0 &&
	    poller->count <= POLLER_FLAT_AGAIN)
		go_flat(poller);
}

/* poll(2) with a finer clock. */
static int wait_outer(struct poller *poller, nfds_t entries, int64_t timeout_ns)
{
	const int64_t per_second = CLOCK_NS_PER_SECOND;
	const struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / per_second),
					  .tv_nsec = (long)(timeout_ns % per_second) };

	return ppoll(poller->outer, entries, timeout_ns == -1 ? NULL : &timeout, NULL);
}

int poller_wait(struct poller *poller, int64_t timeout_ns)
{
	nfds_t entries = POLLER_AT_SLOTS + (poller->nested ? 0 : poller->high);
	int count;

	poller->ready_count = 0;
	if (poller->shared > 0 && poller->outer[POLLER_AT_SIGNALS].fd == -1)
		return collect_nested(poller, to_ms(timeout_ns));
	count = wait_outer(poller, entries, timeout_ns);
	if (count == -1) {
		/* poll(2) leaves revents as they were: those of the turn before. */
		poller->outer[POLLER_AT_SIGNALS].revents = 0;
		poller->outer[POLLER_AT_BELL].revents = 0;
		return errno == EINTR ? 0 : -errno;
	}
	if (poller->nested && poller->outer[POLLER_AT_NESTED].revents != 0)
		return collect_nested(poller, 0);
	if (!poller->nested && count > 0)
		collect_flat(poller);
	return 0;
}

bool poller_signals_ready(const struct poller *poller)
{
	return poller->outer[POLLER_AT_SIGNALS].revents != 0;
}

bool poller_bell_ready(const struct poller *poller)
{
	return poller->outer[POLLER_AT_BELL].revents != 0;
}

void poller_dispatch(struct poller *poller)
{
	for (size_t i = 0; i < poller->ready_count; i++)
		dispatch_one(poller, &poller->ready[i]);
	poller->ready_count = 0;
}
