/* SPDX-License-Identifier: ISC */
/* File descriptors: -1 is none, every one is born close-on-exec. */
#ifndef USHERD_BASE_FD_H
#define USHERD_BASE_FD_H

#include <stdbool.h>

/* Close *fd if it is one and set it to -1. Keeps errno. */
void fd_close(int *fd);

/* Set or clear O_NONBLOCK. Returns 0 or a negative errno. */
int fd_set_nonblock(int fd, bool nonblock);

/* Set or clear FD_CLOEXEC. Returns 0 or a negative errno. */
int fd_set_cloexec(int fd, bool cloexec);

/*
 * Mark every descriptor from @first (>= 0) up close-on-exec (close_range(2), Linux 5.11;
 * /proc/self/fd where that is missing). Returns 0 or a negative errno.
 */
int fd_cloexec_from(int first);

/* Open /dev/null on each of 0, 1, 2 that is closed; these alone are inherited across
 * exec. Returns 0 or a negative errno. */
int fd_fill_standard(void);

#endif
