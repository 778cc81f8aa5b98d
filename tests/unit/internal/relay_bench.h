/* SPDX-License-Identifier: ISC */
/* What the suites about relaying share: pairs of sockets, bytes that tell their place. */
#ifndef USHERD_TEST_RELAY_BENCH_H
#define USHERD_TEST_RELAY_BENCH_H

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "session_clients.h"

#include "../../../src/internal/relay/relay.h"

/* The byte at @position of every stream. */
static inline uint8_t byte_at(uint64_t position)
{
	return (uint8_t)((position * UINT64_C(2654435761)) >> 24);
}

/* A listener on 127.0.0.1, on a port of the kernel's choice. */
static inline int listen_tcp(int backlog, struct addr *ret_at)
{
	struct addr at = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(addr_parse_ip("127.0.0.1", 0, &at, NULL), 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, &at.u.any, at.length), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, &at.u.any, &at.length), 0);
	*ret_at = at;
	return fd;
}

static inline int accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	assert_int_not_equal(fd, -1);
	return fd;
}

static inline void tcp_pair(int pair[2])
{
	struct addr at;
	int listener = listen_tcp(1, &at);

	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(pair[0], -1);
	assert_int_equal(connect(pair[0], &at.u.any, at.length), 0);
	pair[1] = accept_one(listener);
	close(listener);
}

static inline void unix_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

/* As much as @fd takes now of at most @size bytes from @position on. */
static inline size_t feed(int fd, uint64_t position, size_t size)
{
	uint8_t data[16384];
	size_t done = 0;

	while (done < size) {
		size_t piece = size - done < sizeof(data) ? size - done : sizeof(data);
		ssize_t count;

		for (size_t i = 0; i < piece; i++)
			data[i] = byte_at(position + done + i);
		count = send(fd, data, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (count == -1)
			break;
		done += (size_t)count;
	}
	return done;
}

/* What there is now, at most @size bytes, which must be those from @position on. */
static inline size_t drain(int fd, uint64_t position, size_t size)
{
	uint8_t data[16384];
	size_t done = 0;

	while (done < size) {
		size_t piece = size - done < sizeof(data) ? size - done : sizeof(data);
		ssize_t count = recv(fd, data, piece, MSG_DONTWAIT);

		if (count <= 0)
			break;
		for (size_t i = 0; i < (size_t)count; i++)
			if (data[i] != byte_at(position + done + i))
				fail_msg("byte %zu is another one",
					 (size_t)position + done + i);
		done += (size_t)count;
	}
	return done;
}

static inline bool is_at_end(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

#endif
