/* SPDX-License-Identifier: ISC */
/*
 * Descriptors kept out of the way, still ours.
 *
 * clone(2) without CLONE_FILES copies the descriptor table of the thread that calls it,
 * some 80 ns for each entry: with 10,000 listening sockets that is more than all the rest
 * of starting a program. So the thread that works has a table of its own (CLONE_FILES is
 * undone by close_range(2) or unshare(2)), and what it needs only now and then is parked
 * in the table of the process's first thread, which does nothing but keep it. A parked
 * descriptor is fetched with pidfd_getfd(2), Linux 5.6, in about a microsecond.
 *
 * The process's table in /proc/PID/fd, where ss(8) and lsof(8) look, is the keeper's.
 */
#ifndef USHERD_BASE_PARKING_H
#define USHERD_BASE_PARKING_H

#include <stddef.h>

#define PARKING_PUT_MAX 128

struct parking;

/*
 * Run @body in a second thread with a descriptor table of its own, which begins as a copy
 * of the caller's, and return what it returns. The caller has to be the process's first
 * thread and its only one; it keeps the parked descriptors meanwhile, all its signals
 * blocked, all its others closed but 0, 1 and 2. Where the system does not allow that
 * (pidfd_getfd(2) missing or forbidden, no thread to be had), @body is called directly
 * with NULL for its parking. Everything is closed at the end.
 */
int parking_run(int (*body)(struct parking *parking, void *data), void *data);

/*
 * Park copies of @count descriptors, PARKING_PUT_MAX at most: 0 or a negative errno.
 * After 0 the next call of those here that order something is parking_tickets(), with the
 * same
 * @count.
 */
int parking_put(struct parking *parking, const int *fds, size_t count);
/*
 * 0 with the tickets of what was put, to be given back to parking_drop(); or a negative
 * errno, none is parked then. Waits for the keeper, who never waits for anything.
 */
int parking_tickets(struct parking *parking, size_t count, int *ret);

/* A descriptor, close-on-exec, for what @ticket stands for; or a negative errno. */
int parking_get(const struct parking *parking, int ticket);

/* Have what is parked there closed, soon. */
void parking_drop(struct parking *parking, int ticket);

/* Wait until all that was to be closed is. */
void parking_settle(struct parking *parking);

/*
 * Put @fd on the station: a descriptor number set aside, the same one in each call, for
 * what refers to a descriptor by its number, as epoll_ctl(2) does. -1 clears it. Returns
 * the number or a negative errno.
 */
int parking_station(struct parking *parking, int fd);

/* Lead the keeper's 0, 1 and 2 to /dev/null, as a daemon in the background does. */
void parking_quiet(struct parking *parking);

#endif
