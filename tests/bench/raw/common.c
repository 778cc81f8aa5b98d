/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "raw.h"

void die(const char *what)
{
	(void)fprintf(stderr, "raw: %s: %s\n", what, strerror(errno));
	exit(71); /* EX_OSERR of sysexits(3) */
}

unsigned raw_number(const char *text, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || value > max) {
		(void)fprintf(stderr, "raw: no number up to %u: '%s'\n", max, text);
		exit(64); /* EX_USAGE */
	}
	return (unsigned)value;
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

int open_socket(int type, unsigned port)
{
	struct sockaddr_in local = { .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				     .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&local, sizeof(local)) == -1)
		die("bind");
	if (type == SOCK_STREAM && listen(fd, RAW_BACKLOG) == -1)
		die("listen");
	return fd;
}

int open_epoll(void)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_fd == -1)
		die("epoll_create1");
	return epoll_fd;
}

void watch(int epoll_fd, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1)
		die("epoll_ctl");
}

int become_nobody(void)
{
	if (syscall(SYS_setgroups, 0L, NULL) == -1 ||
	    syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) == -1 ||
	    syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) == -1)
		return -1;
	return 0;
}
