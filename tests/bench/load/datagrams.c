/* SPDX-License-Identifier: ISC */
/*
 * A datagram and its answer, over @concurrency connected sockets. An answer of 8 bytes is
 * the clock of a program at its start (programs/clock.c): the latency is then from the
 * datagram to that; otherwise to the answer. A datagram without an answer after
 * @timeout_ms is lost, and another is sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define BATCH 64

struct asker {
	int fd;
	uint64_t start;
};

struct datagrams {
	struct asker *askers;
	size_t count;
	struct samples latencies;
	int epoll_fd;
	uint64_t begin;
	uint64_t end;
	uint64_t timeout;
	uint64_t completed;
	uint64_t total;
	uint64_t lost;
};

static void ask(struct asker *asker)
{
	asker->start = now_ns();
	(void)send(asker->fd, LINE, LINE_LENGTH, 0);
}

static void answered(struct datagrams *datagrams, struct asker *asker)
{
	char buffer[256];
	uint64_t then = 0;
	uint64_t now;
	ssize_t length = recv(asker->fd, buffer, sizeof(buffer), 0);

	if (length <= 0)
		return;
	now = now_ns();
	then = now;
	if (length == (ssize_t)sizeof(then))
		memcpy(&then, buffer, sizeof(then));
	datagrams->total++;
	if (now >= datagrams->begin && now < datagrams->end) {
		datagrams->completed++;
		samples_add(&datagrams->latencies, then - asker->start);
	}
	ask(asker);
}

static void count_lost(struct datagrams *datagrams)
{
	uint64_t now = now_ns();

	for (size_t i = 0; i < datagrams->count; i++) {
		if (now - datagrams->askers[i].start > datagrams->timeout) {
			datagrams->lost++;
			ask(&datagrams->askers[i]);
		}
	}
}

static void open_all(struct datagrams *datagrams, uint16_t port)
{
	for (size_t i = 0; i < datagrams->count; i++) {
		int fd = open_client(SOCK_DGRAM, port);

		if (fd == -1)
			die("connect");
		datagrams->askers[i].fd = fd;
		watch(datagrams->epoll_fd, EPOLL_CTL_ADD, fd, EPOLLIN, i);
	}
}

static void run(struct datagrams *datagrams)
{
	struct epoll_event events[BATCH];
	uint64_t look = now_ns();
	uint64_t pause = datagrams->timeout / 4;

	for (size_t i = 0; i < datagrams->count; i++)
		ask(&datagrams->askers[i]);
	while (now_ns() < datagrams->end) {
		int count = epoll_wait(datagrams->epoll_fd, events, BATCH,
				       (int)(pause / 1000000) + 1);

		for (int i = 0; i < count; i++)
			answered(datagrams, &datagrams->askers[events[i].data.u64]);
		if (now_ns() - look > pause) {
			count_lost(datagrams);
			look = now_ns();
		}
	}
}

void datagrams(const struct options *options)
{
	struct datagrams datagrams = { .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
				       .count = options->concurrency,
				       .timeout = options->timeout_ms * 1000000 };

	datagrams.askers = calloc(datagrams.count, sizeof(*datagrams.askers));
	if (datagrams.askers == NULL || datagrams.epoll_fd == -1)
		die("datagrams");
	open_all(&datagrams, (uint16_t)options->port);
	datagrams.begin = now_ns() + options->warm_ms * 1000000;
	datagrams.end = datagrams.begin + options->milliseconds * 1000000;
	run(&datagrams);
	(void)printf("{\"rate\": %.3f, \"total\": %llu, \"p50_us\": %.3f, "
		     "\"p99_us\": %.3f, \"lost\": %llu}\n",
		     (double)datagrams.completed * 1e3 / (double)options->milliseconds,
		     (unsigned long long)datagrams.total,
		     samples_part_us(&datagrams.latencies, 0.5),
		     samples_part_us(&datagrams.latencies, 0.99),
		     (unsigned long long)datagrams.lost);
	for (size_t i = 0; i < datagrams.count; i++)
		(void)close(datagrams.askers[i].fd);
	free(datagrams.latencies.values);
	free(datagrams.askers);
}
