/* SPDX-License-Identifier: ISC */
/* Sockets of our own that lead elsewhere. */
#ifndef USHERD_NET_CONNECT_H
#define USHERD_NET_CONNECT_H

#include <stdbool.h>

#include "usherd/base/addr.h"
#include "usherd/base/error.h"

/*
 * A new socket of @type (SOCK_STREAM, SOCK_DGRAM), non-blocking and close-on-exec, on its
 * way to @to. A UNIX path is looked for in @directory, the one of its last component, if
 * that is a descriptor, which then becomes the working directory; -1: as it stands.
 *
 * 0: connected; -EINPROGRESS: not yet, poll(2) for POLLOUT and ask connect_result(); both
 * give *ret_fd. Another negative errno: no socket. -EAGAIN is a UNIX socket whose queue
 * is full: to be tried again later.
 */
int connect_begin(const struct addr *to, int directory, int type, int *ret_fd);

/* How it has ended: 0 or a negative errno. To be asked once. */
int connect_result(int fd);

/* Does @error say that we are short of something, so that no other address would do
 * better? */
bool connect_error_is_ours(int error);

/*
 * A descriptor of the directory that the UNIX path @path is in, for connect_begin().
 * Whoever has it reaches what lies below that directory and, where the kernel gives a
 * copy of the mount (open_tree(2), Linux 5.2, with CAP_SYS_ADMIN), nothing else, not even
 * by "..". 0 or a negative errno.
 */
int connect_open_directory(const struct addr *path, int *ret_fd);

/* Is @addr, IPv4 or IPv6, one of this host's own? Makes a socket to find out. */
bool connect_is_local(const struct addr *addr);

#endif
