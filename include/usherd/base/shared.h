/* SPDX-License-Identifier: ISC */
/*
 * Memory that one process writes and others only read: a memfd_create(2) of fixed size
 * whose later mappings cannot be writable (F_SEAL_FUTURE_WRITE, Linux 5.1), so that a
 * reader that has been taken over deceives nobody but itself.
 */
#ifndef USHERD_BASE_SHARED_H
#define USHERD_BASE_SHARED_H

#include <stddef.h>

struct shared {
	void *memory; /* owned, mapped; NULL: none */
	size_t size;
	int fd; /* owned, close-on-exec; -1: it cannot be passed on from here */
};

/* All zero, for the writer. 0 or a negative errno. */
int shared_make(const char *name, size_t size, struct shared *ret);

/* In a child that has been forked from the writer: from now on it can be read alone, and
 * fd is -1. 0 or a negative errno, and there is no memory any more. */
int shared_give_up_writing(struct shared *shared);

/* The memory behind @fd, of at least @size, to be read; @fd stays the caller's. 0,
 * -EBADMSG if it is smaller, or another negative errno. */
int shared_map(int fd, size_t size, struct shared *ret);

void shared_done(struct shared *shared); /* may be repeated */

#endif
