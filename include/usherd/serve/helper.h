/* SPDX-License-Identifier: ISC */
/* What every short-lived process of our own does first: it begins as a copy of the
 * supervisor. */
#ifndef USHERD_SERVE_HELPER_H
#define USHERD_SERVE_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "usherd/model/program.h"

/* Where the first of the descriptors that it keeps will stand. */
#define HELPER_FD 3

/*
 * Default signals, none blocked; SIGALRM after @seconds; @fds at HELPER_FD and the
 * numbers that follow, close-on-exec lost, and of all others standard error, input and
 * output alone. Ends the process if that cannot be. @count is at most HELPER_FDS_MAX.
 */
#define HELPER_FDS_MAX 4
void helper_settle(const int *fds, size_t count, unsigned seconds);

/* The rights of @credentials are all that is left, and the resolver; see exec/confine.h.
 * @root: the supervisor is. Ends the process if that cannot be. */
void helper_confine(const struct credentials *credentials, bool root);

/*
 * Fork a helper that runs @run with @plan and its end of a pair of packet sockets. 0 with
 * its pid and the other end, which its answers can be read from (owned by the caller); or
 * a negative errno.
 */
typedef void helper_run(const void *plan, int fd);
int helper_fork(helper_run *run, const void *plan, int *ret_fd, pid_t *ret_pid);

/* End without the supervisor's exit handlers. */
_Noreturn void helper_end(int status);

#endif
