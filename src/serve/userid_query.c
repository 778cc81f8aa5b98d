/* SPDX-License-Identifier: ISC */
/* RFC 1413, the asking side: one line there, one line back. */
#include "usherd/serve/userid_query.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "usherd/base/clock.h"
#include "usherd/base/fd.h"

/* 0, or what it failed of. */
static enum userid_outcome wait_for(int fd, short events, uint64_t until_ns)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	uint64_t now_ns = clock_monotonic_ns();
	int r;

	if (now_ns >= until_ns)
		return USERID_TIMEOUT;
	r = poll(&pollfd, 1, (int)((until_ns - now_ns) / CLOCK_NS_PER_MS) + 1);
	if (r == -1 && errno != EINTR)
		return USERID_SYSTEM_ERROR;
	return USERID_KNOWN;
}

static enum userid_outcome outcome_of(int error)
{
	if (error == ETIMEDOUT)
		return USERID_TIMEOUT;
	return USERID_NO_SERVER;
}

static enum userid_outcome reach(int fd, const struct addr *server, uint64_t until_ns)
{
	for (;;) {
		enum userid_outcome outcome;

		/* Asked again, it says how it has ended. */
		if (connect(fd, &server->u.any, server->length) == 0 || errno == EISCONN)
			return USERID_KNOWN;
		if (errno != EINPROGRESS && errno != EALREADY && errno != EINTR)
			return outcome_of(errno);
		outcome = wait_for(fd, POLLOUT, until_ns);
		if (outcome != USERID_KNOWN)
			return outcome;
	}
}

/* Up to the end of the line; *@ret_length is without it. */
static enum userid_outcome read_line(int fd, uint64_t until_ns,
				     char line[USERID_LINE_MAX], size_t *ret_length)
{
	size_t length = 0;

	for (;;) {
		enum userid_outcome outcome = wait_for(fd, POLLIN, until_ns);
		const char *end;
		ssize_t got;

		if (outcome != USERID_KNOWN)
			return outcome;
		got = recv(fd, line + length, USERID_LINE_MAX - length, MSG_DONTWAIT);
		if (got == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return USERID_UNREADABLE;
		length += (size_t)got;
		end = memchr(line, '\n', length);
		if (end != NULL && end > line && end[-1] == '\r') {
			*ret_length = (size_t)(end - line) - 1;
			return USERID_KNOWN;
		}
		if (end != NULL || length == USERID_LINE_MAX)
			return USERID_UNREADABLE;
	}
}

static enum userid_outcome ask(int fd, const struct addr *peer, const struct addr *local,
			       uint64_t until_ns, char ret[USERID_TEXT_SIZE])
{
	char line[USERID_LINE_MAX];
	size_t length = 0;
	enum userid_outcome outcome;
	int query = snprintf(line, sizeof(line), "%u,%u\r\n", addr_port(peer),
			     addr_port(local));

	if (send(fd, line, (size_t)query, MSG_NOSIGNAL) != query)
		return USERID_UNREADABLE;
	outcome = read_line(fd, until_ns, line, &length);
	if (outcome != USERID_KNOWN)
		return outcome;
	return userid_parse(line, length, addr_port(peer), addr_port(local), ret);
}

enum userid_outcome userid_query(const struct addr *peer, const struct addr *local,
				 unsigned seconds, char ret[USERID_TEXT_SIZE])
{
	uint64_t until_ns = clock_monotonic_ns() + seconds * CLOCK_NS_PER_SECOND;
	struct addr server = *peer;
	struct addr from = *local;
	enum userid_outcome outcome = USERID_SYSTEM_ERROR;
	int fd = socket(addr_family(peer), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	addr_set_port(&server, USERID_PORT);
	addr_set_port(&from, 0);
	if (fd != -1 && bind(fd, &from.u.any, from.length) == 0) {
		outcome = reach(fd, &server, until_ns);
		if (outcome == USERID_KNOWN)
			outcome = ask(fd, peer, local, until_ns, ret);
	}
	fd_close(&fd);
	return outcome;
}
