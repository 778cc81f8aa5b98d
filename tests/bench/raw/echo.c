/* SPDX-License-Identifier: ISC */
/*
 * raw-echo single|many PORT: TCP and UDP echo (RFC 862) in one process; many takes and
 * sends datagrams with recvmmsg(2) and sendmmsg(2).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "raw.h"

#define BATCH   64
#define MESSAGE 2048

struct message {
	struct sockaddr_in peer;
	struct iovec data;
	char buffer[MESSAGE];
};

static void echo_stream(int fd)
{
	char buffer[16384];
	ssize_t length = read(fd, buffer, sizeof(buffer));

	if (length == -1 && errno == EAGAIN)
		return;
	if (length <= 0 || write(fd, buffer, (size_t)length) != length)
		(void)close(fd);
}

static void take_connections(int epoll_fd, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1)
		watch(epoll_fd, fd, EPOLLIN, (uint64_t)fd);
}

static void echo_datagrams(int fd)
{
	char buffer[MESSAGE];

	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_in peer;
		socklen_t size = sizeof(peer);
		ssize_t length = recvfrom(fd, buffer, sizeof(buffer), 0,
					  (struct sockaddr *)&peer, &size);

		if (length == -1)
			return;
		(void)sendto(fd, buffer, (size_t)length, 0, (struct sockaddr *)&peer,
			     size);
	}
}

static void echo_many_datagrams(int fd)
{
	static struct message messages[BATCH];
	struct mmsghdr headers[BATCH];
	int count;

	memset(headers, 0, sizeof(headers));
	for (int i = 0; i < BATCH; i++) {
		messages[i].data = (struct iovec){ messages[i].buffer, MESSAGE };
		headers[i].msg_hdr.msg_name = &messages[i].peer;
		headers[i].msg_hdr.msg_namelen = sizeof(messages[i].peer);
		headers[i].msg_hdr.msg_iov = &messages[i].data;
		headers[i].msg_hdr.msg_iovlen = 1;
	}
	count = recvmmsg(fd, headers, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++)
		messages[i].data.iov_len = headers[i].msg_len;
	if (count > 0)
		(void)sendmmsg(fd, headers, (unsigned)count, MSG_DONTWAIT);
}

int main(int argc, char **argv)
{
	struct epoll_event events[BATCH];
	void (*datagrams)(int fd) = echo_datagrams;
	int epoll_fd = open_epoll();
	int listener;
	int udp;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: raw-echo single|many PORT\n");
		return 64;
	}
	if (strcmp(argv[1], "many") == 0)
		datagrams = echo_many_datagrams;
	raise_descriptors();
	listener = open_socket(SOCK_STREAM, raw_number(argv[2], 65535));
	udp = open_socket(SOCK_DGRAM, raw_number(argv[2], 65535));
	watch(epoll_fd, listener, EPOLLIN, (uint64_t)listener);
	watch(epoll_fd, udp, EPOLLIN, (uint64_t)udp);
	for (;;) {
		int count = epoll_wait(epoll_fd, events, BATCH, -1);

		for (int i = 0; i < count; i++) {
			int fd = (int)events[i].data.u64;

			if (fd == listener)
				take_connections(epoll_fd, listener);
			else if (fd == udp)
				datagrams(udp);
			else
				echo_stream(fd);
		}
	}
}
