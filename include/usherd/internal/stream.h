/* SPDX-License-Identifier: ISC */
/* What all stream clients of in-process services have in common: bytes without waiting.
 */
#ifndef USHERD_INTERNAL_STREAM_H
#define USHERD_INTERNAL_STREAM_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Neither blocks, whatever the socket's flags say, and neither raises SIGPIPE. @flags go
 * to recv(2) as well. Bytes read, 0 at the client's end, -EAGAIN, or another negative
 * errno.
 */
ssize_t stream_receive(int fd, void *buffer, size_t size, int flags);

/* Bytes taken, 0 if none is taken now, or a negative errno. */
ssize_t stream_send(int fd, const void *data, size_t size);

#endif
