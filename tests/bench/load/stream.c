/* SPDX-License-Identifier: ISC */
/*
 * What relays are measured with. source: sends without end to whoever connects to @port.
 * stream: takes what comes over @concurrency connections. MSG_TRUNC lets the kernel drop
 * it, so that on two processors the relay is what is measured, and not the copy after it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define BATCH   64
#define CHUNK   (256 * 1024)
#define BACKLOG 1024

static int listen_on(uint16_t port)
{
	struct sockaddr_in local = { .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				     .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&local, sizeof(local)) == -1 ||
	    listen(fd, BACKLOG) == -1)
		die("listener");
	return fd;
}

static void source_event(int epoll_fd, int listener, int fd)
{
	static const char chunk[CHUNK];
	int connection;

	if (fd != listener) {
		if (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) == -1 && errno != EAGAIN)
			(void)close(fd);
		return;
	}
	connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (connection != -1)
		watch(epoll_fd, EPOLL_CTL_ADD, connection, EPOLLOUT,
		      (uint64_t)connection);
}

void source(const struct options *options)
{
	int listener = listen_on((uint16_t)options->port);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[BATCH];

	if (epoll_fd == -1)
		die("epoll_create1");
	watch(epoll_fd, EPOLL_CTL_ADD, listener, EPOLLIN, (uint64_t)listener);
	for (;;) {
		int count = epoll_wait(epoll_fd, events, BATCH, -1);

		for (int i = 0; i < count; i++)
			source_event(epoll_fd, listener, (int)events[i].data.u64);
	}
}

struct taking {
	uint64_t begin;
	uint64_t end;
	uint64_t bytes; /* within the window */
	uint64_t total;
	uint64_t lost; /* connections that ended */
};

static void take(struct taking *taking, int fd)
{
	ssize_t length = recv(fd, NULL, CHUNK, MSG_TRUNC);
	uint64_t now = now_ns();

	if (length == -1 && errno == EAGAIN)
		return;
	if (length <= 0) {
		(void)close(fd);
		taking->lost++;
		return;
	}
	taking->total += (uint64_t)length;
	if (now >= taking->begin && now < taking->end)
		taking->bytes += (uint64_t)length;
}

static void open_all(int epoll_fd, const struct options *options)
{
	for (uint64_t i = 0; i < options->concurrency; i++) {
		int fd = open_client(SOCK_STREAM, (uint16_t)options->port);

		if (fd == -1)
			die("connect");
		watch(epoll_fd, EPOLL_CTL_ADD, fd, EPOLLIN, (uint64_t)fd);
	}
}

void stream(const struct options *options)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct taking taking = { .begin = now_ns() + options->warm_ms * 1000000 };
	struct epoll_event events[BATCH];

	if (epoll_fd == -1)
		die("epoll_create1");
	taking.end = taking.begin + options->milliseconds * 1000000;
	open_all(epoll_fd, options);
	while (now_ns() < taking.end && taking.lost < options->concurrency) {
		int count = epoll_wait(epoll_fd, events, BATCH, 100);

		for (int i = 0; i < count; i++)
			take(&taking, (int)events[i].data.u64);
	}
	(void)printf("{\"rate\": %.3f, \"total\": %llu, \"lost\": %llu}\n",
		     (double)taking.bytes / 1e3 / (double)options->milliseconds,
		     (unsigned long long)taking.total, (unsigned long long)taking.lost);
}
