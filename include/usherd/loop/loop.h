/* SPDX-License-Identifier: ISC */
/*
 * One loop over descriptors, deadlines and signals.
 *
 * The outer wait is always one poll(2). While few descriptors are watched they stand in
 * its array; past LOOP_POLL_MAX they move into an epoll(7) set behind a single entry,
 * and back when most are gone. Who registers a descriptor does not know which way it is
 * watched. A loop that shares descriptors with other processes waits in the set itself
 * instead: the kernel wakes one of several only if they wait there. Watches and timers
 * are embedded in the caller's structs: nothing is allocated per registration except room
 * in tables that grow with the number of watches.
 *
 * Inside any callback every watch and timer of the loop may be added, changed, removed
 * and its memory freed, the running one included: after its removal no callback of a
 * watch is called again, even when its readiness had already been collected.
 *
 * Order of one turn: signals, then expired timers by deadline, then ready descriptors.
 * Single-threaded; the loop owns no descriptor but its own (all close-on-exec).
 */
#ifndef USHERD_LOOP_LOOP_H
#define USHERD_LOOP_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/error.h"

/*
 * More watches than this stand behind one epoll set. Measured by tests/bench/poll: one
 * wake-up of poll over N idle descriptors costs, as a multiple of one through the nested
 * set, 0.6 (N = 1), 1.0 (3), 1.3 (4), 1.7 (6), 2.1 (8), 3.1 (12), 15 (64), 240 (1,000).
 * Entering and leaving the set costs 1.4 wake-ups more, which a short-lived watch with
 * two or three wake-ups earns back from N = 5 or 6 on.
 */
#define LOOP_POLL_MAX 6

struct loop;

struct watch {
	int fd;
	short events; /* POLLIN, POLLOUT; 0 keeps the watch but asks for nothing;
		       * set before loop_add(), by loop_change() after */
	void (*ready)(struct watch *watch, short revents);
	void *data; /* the caller's */
	/* The descriptor is at that number during the calls that add, change and remove
	 * the watch and need not be there in between, as long as it is open somewhere. */
	bool away;
	/* Other processes watch the same open file for POLLIN: wake one of all that wait,
	 * not each. Hang-ups are reported as such alone (no POLLRDHUP). */
	bool shared;
	struct loop *loop; /* set while added; private */
	size_t slot;       /* private */
};

struct timer {
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	void (*fired)(struct timer *timer);
	void *data;        /* the caller's */
	struct loop *loop; /* set while armed; private */
	size_t slot;       /* private */
};

/* Returns 0 or a negative errno. */
int loop_new(struct loop **ret, struct error *err);
/* NULL allowed; watches and timers are forgotten, signals stay blocked. The one thing a
 * forked child may do with its parent's loop. */
void loop_free(struct loop *loop);

/*
 * Start watching watch->fd for watch->events, level-triggered. POLLERR and POLLHUP are
 * reported as well, unless events is 0, which asks for nothing at all. The descriptor
 * must be open, pollable, and not watched twice; watch->loop is NULL before. Returns 0
 * or a negative errno (-ENOMEM, -EEXIST, -EBADF, -EPERM for a regular file).
 */
int loop_add(struct loop *loop, struct watch *watch);

/* Ask for other events. Returns 0, -ENOENT if the watch is not added, or another
 * negative errno; the events are then as before. */
int loop_change(struct watch *watch, short events);

/* Stop watching; before the descriptor is closed. Does nothing if not added. */
void loop_remove(struct watch *watch);
/*
 * As loop_remove(), for a watch whose descriptor is closed next, being the only one for
 * its open file, and has no duplicate in another process: the kernel then takes it out by
 * itself, and a system call is saved.
 */
void loop_forget(struct watch *watch);

bool loop_is_watching(const struct watch *watch);

/* Arm, or move, a one-shot timer; equal deadlines fire in the order they were set. One
 * set by a timer's callback fires in the next turn at the earliest. 0 or -ENOMEM. */
int loop_timer_set(struct loop *loop, struct timer *timer, uint64_t deadline_ns);
void loop_timer_cancel(struct timer *timer); /* does nothing if not armed */
bool loop_timer_is_armed(const struct timer *timer);

/*
 * Deliver @signals (blocked here for the whole process, read from one signalfd) as
 * ordinary callbacks. Several pending instances of one signal may arrive as one call.
 * To be called once per loop. Returns 0 or a negative errno.
 */
int loop_signals(struct loop *loop, const sigset_t *signals,
		 void (*arrived)(int signo, void *data), void *data, struct error *err);

/*
 * From now to @until_ns, signals wake nobody; a turn that something else begins delivers
 * them as always. For a signal that comes in numbers and can wait, such as SIGCHLD: a
 * wake-up for each would cost more than what is to be done. 0 or -ENOMEM.
 */
int loop_rest_signals(struct loop *loop, uint64_t until_ns);

/*
 * Have a timer of the loop's own (one more descriptor) end its waits, in place of a
 * time-out for each: for a loop whose turns are short and many beside its deadlines. It
 * may wake once more for a timer that was moved or cancelled. 0 or a negative errno; the
 * loop then works as before. May be repeated.
 */
int loop_keep_time(struct loop *loop);

/* Monotonic time read once per turn: cheap, good enough for deadlines. */
uint64_t loop_now_ns(const struct loop *loop);

/* Run until loop_stop(); the turn in which it is called is finished, and one called
 * before makes it return at once. Returns 0, or a negative errno if poll itself fails
 * for good. */
int loop_run(struct loop *loop);

/* One turn that waits at most @timeout_ms (-1: as long as it takes). For tests. */
int loop_turn(struct loop *loop, int timeout_ms);
void loop_stop(struct loop *loop);

/* Number of watches, and whether they stand in the nested set (for the status report). */
size_t loop_watch_count(const struct loop *loop);
bool loop_is_nested(const struct loop *loop);

#endif
