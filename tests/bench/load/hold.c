/* SPDX-License-Identifier: ISC */
/*
 * @concurrency sessions that have exchanged one line and then stay: says so with a line,
 * and ends with its standard input.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

static bool is_ready(int fd, short events, const struct options *options)
{
	struct pollfd entry = { .fd = fd, .events = events };

	return poll(&entry, 1, (int)options->timeout_ms) == 1;
}

/* -1 if the server does not answer. */
static int session(const struct options *options)
{
	char buffer[256];
	int fd = open_client(SOCK_STREAM, (uint16_t)options->port);

	if (fd == -1)
		return -1;
	if (is_ready(fd, POLLOUT, options) &&
	    send(fd, LINE, LINE_LENGTH, MSG_NOSIGNAL) == (ssize_t)LINE_LENGTH &&
	    is_ready(fd, POLLIN, options) && recv(fd, buffer, sizeof(buffer), 0) > 0)
		return fd;
	(void)close(fd);
	return -1;
}

void hold(const struct options *options)
{
	int *fds = calloc(options->concurrency, sizeof(*fds));
	uint64_t held = 0;
	char byte;

	if (fds == NULL)
		die("hold");
	while (held < options->concurrency) {
		int fd = session(options);

		if (fd == -1)
			break;
		fds[held++] = fd;
	}
	(void)printf("{\"held\": %llu}\n", (unsigned long long)held);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
	while (held > 0)
		close_at_once(fds[--held]);
	free(fds);
}
