/* SPDX-License-Identifier: ISC */
/* What every short-lived process of our own does first: it begins as a copy of the
 * supervisor. */
#ifndef USHERD_SERVE_HELPER_H
#define USHERD_SERVE_HELPER_H

#include <stddef.h>

/* Where the first of the descriptors that it keeps will stand. */
#define HELPER_FD 3

/*
 * Default signals, none blocked; SIGALRM after @seconds; @fds at HELPER_FD and the
 * numbers that follow, close-on-exec lost, and of all others standard error, input and
 * output alone. Ends the process if that cannot be. @count is at most HELPER_FDS_MAX.
 */
#define HELPER_FDS_MAX 4
void helper_settle(const int *fds, size_t count, unsigned seconds);

/* End without the supervisor's exit handlers. */
_Noreturn void helper_end(int status);

#endif
