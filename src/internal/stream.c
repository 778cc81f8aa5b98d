/* SPDX-License-Identifier: ISC */
/*
 * Calls on the sockets of stream clients. The sockets stay as they came: every call says
 * MSG_DONTWAIT for itself, which saves two fcntl(2) per client.
 */
#include "usherd/internal/stream.h"

#include <errno.h>
#include <sys/socket.h>

ssize_t stream_receive(int fd, void *buffer, size_t size, int flags)
{
	ssize_t count;

	do {
		count = recv(fd, buffer, size, MSG_DONTWAIT | flags);
	} while (count == -1 && errno == EINTR);
	if (count == -1)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return count;
}

ssize_t stream_send(int fd, const void *data, size_t size)
{
	ssize_t count;

	do {
		count = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (count == -1 && errno == EINTR);
	if (count == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	return count;
}
