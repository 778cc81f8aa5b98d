/* SPDX-License-Identifier: ISC */
/* Requests and answers of one line over @concurrency connections that stay. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define BATCH 64

struct talker {
	int fd;
	uint64_t start;
	size_t got;
};

struct steady {
	struct talker *talkers;
	struct samples latencies;
	int epoll_fd;
	uint64_t begin;
	uint64_t end;
	uint64_t completed;
	uint64_t total;
	uint64_t lost; /* connections that ended */
};

static void ask(struct steady *steady, struct talker *talker)
{
	talker->got = 0;
	talker->start = now_ns();
	if (send(talker->fd, LINE, LINE_LENGTH, MSG_NOSIGNAL) == (ssize_t)LINE_LENGTH)
		return;
	(void)close(talker->fd);
	talker->fd = -1;
	steady->lost++;
}

static void answered(struct steady *steady, struct talker *talker)
{
	uint64_t now = now_ns();

	steady->total++;
	if (now >= steady->begin && now < steady->end) {
		steady->completed++;
		samples_add(&steady->latencies, now - talker->start);
	}
	ask(steady, talker);
}

static void talker_read(struct steady *steady, struct talker *talker)
{
	char buffer[256];
	ssize_t length = recv(talker->fd, buffer, sizeof(buffer), 0);

	if (length == -1 && errno == EAGAIN)
		return;
	if (length <= 0) {
		(void)close(talker->fd);
		talker->fd = -1;
		steady->lost++;
		return;
	}
	talker->got += (size_t)length;
	if (talker->got >= LINE_LENGTH)
		answered(steady, talker);
}

/* Connects in turn, so that a short backlog does not matter. */
static void open_all(struct steady *steady, const struct options *options)
{
	for (size_t i = 0; i < options->concurrency; i++) {
		struct epoll_event event;
		struct talker *talker = &steady->talkers[i];

		talker->fd = open_client(SOCK_STREAM, (uint16_t)options->port);
		if (talker->fd == -1)
			die("connect");
		watch(steady->epoll_fd, EPOLL_CTL_ADD, talker->fd, EPOLLOUT, i);
		if (epoll_wait(steady->epoll_fd, &event, 1, (int)options->timeout_ms) !=
		    1)
			die("connection");
		watch(steady->epoll_fd, EPOLL_CTL_MOD, talker->fd, EPOLLIN, i);
	}
}

static void run(struct steady *steady, const struct options *options)
{
	struct epoll_event events[BATCH];

	steady->begin = now_ns() + options->warm_ms * 1000000;
	steady->end = steady->begin + options->milliseconds * 1000000;
	for (size_t i = 0; i < options->concurrency; i++)
		ask(steady, &steady->talkers[i]);
	while (now_ns() < steady->end && steady->lost < options->concurrency) {
		int count = epoll_wait(steady->epoll_fd, events, BATCH, 100);

		for (int i = 0; i < count; i++)
			talker_read(steady, &steady->talkers[events[i].data.u64]);
	}
}

void steady(const struct options *options)
{
	struct steady steady = { .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	double seconds = (double)options->milliseconds / 1e3;

	steady.talkers = calloc(options->concurrency, sizeof(*steady.talkers));
	if (steady.talkers == NULL || steady.epoll_fd == -1)
		die("steady");
	open_all(&steady, options);
	run(&steady, options);
	for (size_t i = 0; i < options->concurrency; i++) {
		if (steady.talkers[i].fd != -1)
			close_at_once(steady.talkers[i].fd);
	}
	(void)printf("{\"rate\": %.3f, \"total\": %llu, \"p50_us\": %.3f, "
		     "\"p99_us\": %.3f, \"lost\": %llu}\n",
		     (double)steady.completed / seconds, (unsigned long long)steady.total,
		     samples_part_us(&steady.latencies, 0.5),
		     samples_part_us(&steady.latencies, 0.99),
		     (unsigned long long)steady.lost);
	free(steady.latencies.values);
	free(steady.talkers);
}
