/* SPDX-License-Identifier: ISC */
/* The packets of connections. Whether one is welcome is mux.c's affair. */
#include "usherd/serve/transfer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "usherd/base/fd.h"

/* Room for more descriptors than there may be, so that there being more is seen. */
#define DESCRIPTORS_SEEN 4

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(DESCRIPTORS_SEEN * sizeof(int))];
};

/* What came along with a packet. */
struct luggage {
	int fds[DESCRIPTORS_SEEN];
	size_t count;
};

int transfer_open(int *ret_supervisor, int *ret_worker)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) ==
	    -1)
		return -errno;
	*ret_supervisor = ends[0];
	*ret_worker = ends[1];
	return 0;
}

int transfer_send(int fd, const char *service, int connection)
{
	char name[EVENT_SERVICE_SIZE] = "";
	union control control;
	struct iovec part = { .iov_base = name, .iov_len = sizeof(name) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *head;

	memcpy(name, service, strnlen(service, sizeof(name) - 1));
	memset(&control, 0, sizeof(control));
	head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &connection, sizeof(int));
	if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		return -errno;
	return 0;
}

static void unpack(struct msghdr *message, struct luggage *ret)
{
	ret->count = 0;
	for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
	     head = CMSG_NXTHDR(message, head)) {
		size_t size = head->cmsg_len - CMSG_LEN(0);

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(head) + at, sizeof(fd));
			if (ret->count < DESCRIPTORS_SEEN)
				ret->fds[ret->count++] = fd;
			else
				fd_close(&fd);
		}
	}
}

static void discard(struct luggage *luggage)
{
	while (luggage->count > 0)
		fd_close(&luggage->fds[--luggage->count]);
}

/* An empty packet and the end of the other side both read as nothing. */
static int what_nothing_means(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, 0) == 1 && (one.revents & POLLHUP) != 0 ? -EPIPE : -EBADMSG;
}

/* A packet with whatever came along. 0 or as transfer_receive(). */
static int receive(int fd, char name[EVENT_SERVICE_SIZE], struct luggage *luggage)
{
	union control control;
	struct iovec part = { .iov_base = name, .iov_len = EVENT_SERVICE_SIZE };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (length == -1)
		return errno == EINTR ? -EAGAIN : -errno;
	unpack(&message, luggage);
	if (length == 0 && luggage->count == 0)
		return what_nothing_means(fd);
	if (length != EVENT_SERVICE_SIZE || name[EVENT_SERVICE_SIZE - 1] != '\0' ||
	    (message.msg_flags & MSG_TRUNC) != 0)
		return -EBADMSG;
	/* The kernel could not give us what was sent. */
	if (luggage->count == 0 && (message.msg_flags & MSG_CTRUNC) != 0)
		return -EMFILE;
	if (luggage->count != 1 || (message.msg_flags & MSG_CTRUNC) != 0)
		return -EBADMSG;
	return 0;
}

int transfer_receive(int fd, struct transfer *ret)
{
	struct luggage luggage = { .count = 0 };
	struct transfer found;
	int r = receive(fd, found.service, &luggage);

	if (r == 0)
		r = connection_adopt(luggage.fds[0], &found.connection, &found.transport);
	if (r < 0) {
		discard(&luggage);
		return r;
	}
	*ret = found;
	return 0;
}
