/* SPDX-License-Identifier: ISC */
/*
 * @count connects as fast as they go, and what became of each client: served (its line
 * came back), told (closed after some other text), closed (without a byte), reset (so, or
 * by a connect that was refused), hanging (nothing within @timeout_ms). begin and opened
 * are the clock at the first and at the last connect.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define BATCH       256
#define LOOK_MS     50
#define OTHER_FILES 16

struct comer {
	int fd;
	bool sent;
	uint64_t start;
	size_t got;
	char text[LINE_LENGTH];
};

struct flood {
	const struct options *options;
	struct comer *comers; /* by order of connect; those before oldest are closed */
	int epoll_fd;
	uint64_t at_once; /* what descriptors allow */
	uint64_t opened;
	uint64_t opened_clock;
	uint64_t oldest;
	uint64_t open;
	uint64_t served;
	uint64_t told;
	uint64_t closed;
	uint64_t reset;
	uint64_t hanging;
};

static void end(struct flood *flood, struct comer *comer, uint64_t *outcome)
{
	(*outcome)++;
	close_at_once(comer->fd);
	comer->fd = -1;
	flood->open--;
}

static void comer_send(struct comer *comer)
{
	if (send(comer->fd, LINE, LINE_LENGTH, MSG_NOSIGNAL) == (ssize_t)LINE_LENGTH ||
	    (errno != EAGAIN && errno != ENOTCONN))
		comer->sent = true; /* an error comes again with the next read */
}

static void comer_open(struct flood *flood)
{
	uint64_t index = flood->opened++;
	struct comer *comer = &flood->comers[index];

	comer->start = now_ns();
	flood->opened_clock = comer->start;
	comer->fd = open_client(SOCK_STREAM, (uint16_t)flood->options->port);
	if (comer->fd == -1) {
		flood->reset++;
		return;
	}
	flood->open++;
	comer_send(comer);
	watch(flood->epoll_fd, EPOLL_CTL_ADD, comer->fd,
	      comer->sent ? EPOLLIN : EPOLLIN | EPOLLOUT, index);
}

static void comer_read(struct flood *flood, struct comer *comer)
{
	size_t room = sizeof(comer->text) - comer->got;
	char rest[256];
	ssize_t length;

	length = room > 0 ? recv(comer->fd, comer->text + comer->got, room, 0)
			  : recv(comer->fd, rest, sizeof(rest), 0);
	if (length == -1 && errno == EAGAIN)
		return;
	if (length > 0 && room > 0)
		comer->got += (size_t)length;
	if (comer->got == LINE_LENGTH && memcmp(comer->text, LINE, LINE_LENGTH) == 0)
		end(flood, comer, &flood->served);
	else if (length == 0)
		end(flood, comer, comer->got > 0 ? &flood->told : &flood->closed);
	else if (length == -1)
		end(flood, comer, comer->got > 0 ? &flood->told : &flood->reset);
}

static void take(struct flood *flood, const struct epoll_event *event)
{
	struct comer *comer = &flood->comers[event->data.u64];

	if (comer->fd == -1)
		return;
	if (!comer->sent && (event->events & EPOLLOUT) != 0) {
		comer_send(comer);
		if (comer->sent)
			watch(flood->epoll_fd, EPOLL_CTL_MOD, comer->fd, EPOLLIN,
			      event->data.u64);
	}
	if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		comer_read(flood, comer);
}

static void end_hanging(struct flood *flood)
{
	uint64_t limit = now_ns() - flood->options->timeout_ms * 1000000;

	while (flood->oldest < flood->opened) {
		struct comer *comer = &flood->comers[flood->oldest];

		if (comer->fd != -1 && comer->start > limit)
			return;
		if (comer->fd != -1)
			end(flood, comer, &flood->hanging);
		flood->oldest++;
	}
}

static uint64_t descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		die("getrlimit");
	return limit.rlim_cur - OTHER_FILES;
}

static void run(struct flood *flood)
{
	const struct options *options = flood->options;
	struct epoll_event events[BATCH];

	while (flood->opened < options->count || flood->open > 0) {
		bool more =
			flood->opened < options->count && flood->open < flood->at_once;
		int count;

		for (int i = 0; more && i < BATCH && flood->opened < options->count; i++)
			comer_open(flood);
		count = epoll_wait(flood->epoll_fd, events, BATCH, more ? 0 : LOOK_MS);
		for (int i = 0; i < count; i++)
			take(flood, &events[i]);
		end_hanging(flood);
	}
}

void flood(const struct options *options)
{
	struct flood flood = { .options = options,
			       .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	uint64_t begin = now_ns();

	flood.at_once = descriptors();
	flood.comers = calloc(options->count, sizeof(*flood.comers));
	if (flood.comers == NULL || flood.epoll_fd == -1)
		die("flood");
	run(&flood);
	(void)printf("{\"begin\": %llu, \"opened\": %llu, \"served\": %llu, \"told\": "
		     "%llu, \"closed\": %llu, "
		     "\"reset\": %llu, \"hanging\": %llu, \"seconds\": %.3f}\n",
		     (unsigned long long)begin, (unsigned long long)flood.opened_clock,
		     (unsigned long long)flood.served, (unsigned long long)flood.told,
		     (unsigned long long)flood.closed, (unsigned long long)flood.reset,
		     (unsigned long long)flood.hanging, (double)(now_ns() - begin) / 1e9);
	free(flood.comers);
}
