/* SPDX-License-Identifier: ISC */
/* What the modes share: clock, samples, client sockets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define SOURCES 64 /* 127.1.0.1 and following */

void die(const char *what)
{
	(void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(71); /* EX_OSERR of sysexits(3) */
}

uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		die("setrlimit");
}

void samples_add(struct samples *samples, uint64_t value)
{
	if (samples->count == samples->room) {
		samples->room = samples->room == 0 ? 65536 : samples->room * 2;
		samples->values = reallocarray(samples->values, samples->room,
					       sizeof(*samples->values));
		if (samples->values == NULL)
			die("samples");
	}
	samples->values[samples->count++] = value;
}

static int compare(const void *left, const void *right)
{
	const uint64_t *a = left;
	const uint64_t *b = right;

	return (*a > *b) - (*a < *b);
}

double samples_part_us(struct samples *samples, double part)
{
	size_t at;

	if (samples->count == 0)
		return 0;
	qsort(samples->values, samples->count, sizeof(*samples->values), compare);
	at = (size_t)(part * (double)samples->count);
	if (at >= samples->count)
		at = samples->count - 1;
	return (double)samples->values[at] / 1e3;
}

static void bind_source(int fd)
{
	static uint32_t turn;
	struct sockaddr_in local = { .sin_family = AF_INET };
	int on = 1;

	local.sin_addr.s_addr = htonl(0x7f010001U + turn++ % SOURCES);
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&local, sizeof(local)) == -1)
		die("bind");
}

int open_client(int type, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(port) };
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd == -1)
		die("socket");
	bind_source(fd);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS)
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

void close_at_once(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	(void)close(fd);
}

void watch(int epoll_fd, int how, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	if (epoll_ctl(epoll_fd, how, fd, &event) == -1)
		die("epoll_ctl");
}
