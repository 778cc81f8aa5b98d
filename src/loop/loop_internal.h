/* SPDX-License-Identifier: ISC */
/*
 * The parts of a loop, each in a file of its own: the poller (which descriptors are
 * watched, and how), the timers (a heap), the bell that wakes for them, the signals (one
 * signalfd). None of them knows the others; loop.c puts them together.
 */
#ifndef USHERD_LOOP_INTERNAL_H
#define USHERD_LOOP_INTERNAL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "usherd/loop/loop.h"

/* Back to the plain array only at half the number that made the watches leave it, so
 * that a load swinging round LOOP_POLL_MAX does not move them to and fro. */
#define POLLER_FLAT_AGAIN (LOOP_POLL_MAX / 2)

/* Readiness taken from the nested set in one turn. The kernel hands out the ready ones
 * in rotation, so a bound starves nobody; it keeps signals and timers prompt. */
#define POLLER_BATCH 128

/* The outer array: signals, the bell, the nested set, then one entry for each slot in
 * use. */
enum {
	POLLER_AT_SIGNALS,
	POLLER_AT_BELL,
	POLLER_AT_NESTED,
	POLLER_AT_SLOTS,
	POLLER_OUTER_MAX = POLLER_AT_SLOTS + LOOP_POLL_MAX
};

/*
 * Where a watch stands. A slot keeps its place while the watch is added; the generation
 * is another one for each loop_add(), so readiness collected for an earlier tenant of
 * the slot is recognised and dropped.
 */
struct poller_slot {
	struct watch *watch; /* borrowed; NULL: free */
	int fd;              /* what was added, whatever becomes of watch->fd */
	uint32_t generation;
	uint32_t next_free;
};

struct poller {
	int epoll_fd;
	bool nested;
	struct poller_slot *slots; /* owned */
	size_t capacity;
	size_t high;        /* slots[high] and above were never used */
	uint32_t free_slot; /* first of the free ones below high, or POLLER_NO_SLOT */
	size_t count;       /* watches added */
	size_t away;        /* those that only the nested set can watch */
	size_t shared;      /* so can those that other processes watch, too */
	uint32_t generation;
	struct pollfd outer[POLLER_OUTER_MAX];
	/* Collected in this turn; data.u64 is generation and slot, in both modes. */
	struct epoll_event ready[POLLER_BATCH];
	size_t ready_count;
};

int poller_init(struct poller *poller);
/* Closes descriptors only: a child after fork(2) shares the nested set with its parent,
 * so nothing may be taken out of it here. */
void poller_done(struct poller *poller);
int poller_add(struct poller *poller, struct watch *watch);
int poller_change(struct poller *poller, struct watch *watch, short events);
void poller_remove(struct poller *poller, struct watch *watch);
/* As poller_remove(), for a descriptor that leaves the nested set by being closed. */
void poller_forget(struct poller *poller, struct watch *watch);
/* Go back to the plain array if few enough are left; only between turns. */
void poller_settle(struct poller *poller);
/* Wait (-1: as long as it takes), and collect readiness. 0 (interrupted counts as nothing
 * ready) or -errno. */
int poller_wait(struct poller *poller, int64_t timeout_ns);
bool poller_signals_ready(const struct poller *poller);
bool poller_bell_ready(const struct poller *poller);
/* Call back for what was collected, as far as it is still added and asks for it. */
void poller_dispatch(struct poller *poller);

/* The deadline stands beside the pointer: sifting touches no timer but the moved one. */
struct timer_node {
	uint64_t deadline_ns;
	uint64_t order; /* equal deadlines fire in the order they were armed */
	struct timer *timer;
};

struct timers {
	struct timer_node *nodes; /* owned; a binary heap, earliest first */
	size_t count;
	size_t capacity;
	uint64_t order;
	bool expiring;
};

int timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns,
	       uint64_t now_ns);
void timers_cancel(struct timers *timers, struct timer *timer);
/* Fire all that are due, earliest first; one armed meanwhile waits for the next turn. */
void timers_expire(struct timers *timers, uint64_t now_ns);
/* The earliest deadline; UINT64_MAX: no timer. */
uint64_t timers_deadline_ns(const struct timers *timers);
/* To the earliest deadline; -1: no timer. */
int64_t timers_timeout_ns(const struct timers *timers, uint64_t now_ns);
void timers_done(struct timers *timers);

/* Set to nothing. Later than every deadline, and not a time that timerfd(2) takes. */
#define BELL_SILENT UINT64_MAX

struct bell {
	int fd;         /* -1: none */
	uint64_t at_ns; /* what it is set to, CLOCK_MONOTONIC */
	bool rung;      /* and still readable */
};

/* 0 or a negative errno. */
int bell_open(struct bell *bell);
void bell_close(struct bell *bell);
/* See to it that it rings at @deadline_ns or before; with BELL_SILENT: that it is not
 * readable. False: it cannot be set. */
bool bell_covers(struct bell *bell, uint64_t deadline_ns);
/* To be called when it was found readable. */
void bell_has_rung(struct bell *bell);

struct signals {
	int fd;
	void (*arrived)(int signo, void *data);
	void *data;
};

int signals_open(struct signals *signals, const sigset_t *set, struct error *err);
void signals_deliver(struct signals *signals);

#endif
