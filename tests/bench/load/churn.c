/* SPDX-License-Identifier: ISC */
/*
 * Connect, send a line, read it back, read the end; @concurrency of that at once. The
 * latency is from connect(2) to the first byte of the answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define BATCH    64
#define NO_FD    (-1)
#define PAUSE_MS 1   /* before a connect that failed is tried again */
#define LOOK_MS  100 /* between looks for clients that hang */
#define STDIN_ID UINT64_MAX

struct client {
	int fd;
	bool sent;
	uint64_t start;
	uint64_t first;
	size_t got;
};

struct churn {
	const struct options *options;
	struct client *clients;
	struct samples latencies;
	FILE *trace;
	int epoll_fd;
	bool stopping;
	size_t idle; /* clients without a connection */
	uint64_t opened;
	uint64_t begin; /* of the window that counts */
	uint64_t end;
	uint64_t completed; /* within the window */
	uint64_t total;
	uint64_t refused; /* ended without the whole answer */
	uint64_t reset;
	uint64_t failed; /* connect(2) */
	uint64_t hanging;
};

static void client_close(struct churn *churn, struct client *client)
{
	if (churn->options->half_close != 0)
		(void)close(client->fd);
	else
		close_at_once(client->fd);
	client->fd = NO_FD;
	churn->idle++;
}

static void client_send(struct churn *churn, struct client *client)
{
	if (send(client->fd, LINE, LINE_LENGTH, MSG_NOSIGNAL) == (ssize_t)LINE_LENGTH)
		client->sent = true;
	else if (errno != EAGAIN && errno != ENOTCONN)
		client->sent = true; /* what happened comes with the next read */
	(void)churn;
}

static void client_open(struct churn *churn, size_t index)
{
	struct client *client = &churn->clients[index];
	uint64_t port = churn->options->port + churn->opened++ % churn->options->ports;

	*client = (struct client){ .start = now_ns() };
	client->fd = open_client(SOCK_STREAM, (uint16_t)port);
	if (client->fd == -1) {
		churn->failed++;
		return;
	}
	churn->idle--;
	client_send(churn, client);
	watch(churn->epoll_fd, EPOLL_CTL_ADD, client->fd,
	      client->sent ? EPOLLIN : EPOLLIN | EPOLLOUT, index);
}

static void client_done(struct churn *churn, struct client *client)
{
	uint64_t now = now_ns();

	churn->total++;
	if (now >= churn->begin && now < churn->end) {
		churn->completed++;
		samples_add(&churn->latencies, client->first - client->start);
	}
	if (churn->trace != NULL)
		(void)fprintf(churn->trace, "%llu %llu\n",
			      (unsigned long long)client->start,
			      (unsigned long long)client->first);
}

static void client_ended(struct churn *churn, struct client *client, ssize_t length)
{
	if (length == 0 && client->got == LINE_LENGTH)
		client_done(churn, client);
	else if (length == 0)
		churn->refused++;
	else
		churn->reset++;
	client_close(churn, client);
}

static void client_read(struct churn *churn, struct client *client)
{
	char buffer[256];
	ssize_t length = recv(client->fd, buffer, sizeof(buffer), 0);

	if (length == -1 && errno == EAGAIN)
		return;
	if (length <= 0) {
		client_ended(churn, client, length);
		return;
	}
	if (client->first == 0)
		client->first = now_ns();
	client->got += (size_t)length;
	if (churn->options->half_close != 0 && client->got >= LINE_LENGTH)
		(void)shutdown(client->fd, SHUT_WR);
}

static void client_event(struct churn *churn, const struct epoll_event *event)
{
	struct client *client = &churn->clients[event->data.u64];

	if (!client->sent && (event->events & EPOLLOUT) != 0) {
		client_send(churn, client);
		if (client->sent)
			watch(churn->epoll_fd, EPOLL_CTL_MOD, client->fd, EPOLLIN,
			      event->data.u64);
	}
	if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		client_read(churn, client);
}

static bool may_open(const struct churn *churn)
{
	return !churn->stopping && now_ns() < churn->end &&
	       (churn->options->count == 0 || churn->opened < churn->options->count);
}

static void open_idle(struct churn *churn)
{
	for (size_t i = 0; i < churn->options->concurrency && churn->idle > 0; i++) {
		if (churn->clients[i].fd == NO_FD) {
			if (!may_open(churn))
				return;
			client_open(churn, i);
		}
	}
}

static void close_hanging(struct churn *churn)
{
	uint64_t limit = now_ns() - churn->options->timeout_ms * 1000000;

	for (size_t i = 0; i < churn->options->concurrency; i++) {
		struct client *client = &churn->clients[i];

		if (client->fd != NO_FD && client->start < limit) {
			churn->hanging++;
			client_close(churn, client);
		}
	}
}

static void take(struct churn *churn, const struct epoll_event *event)
{
	if (event->data.u64 == STDIN_ID) {
		churn->stopping = true;
		churn->end = now_ns();
		watch(churn->epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO, 0, 0);
	} else {
		client_event(churn, event);
	}
}

static void run(struct churn *churn)
{
	uint64_t look = now_ns();
	struct epoll_event events[BATCH];

	for (;;) {
		int count;

		open_idle(churn);
		if (churn->idle == churn->options->concurrency && !may_open(churn))
			return;
		count = epoll_wait(churn->epoll_fd, events, BATCH,
				   churn->idle > 0 && may_open(churn) ? PAUSE_MS
								      : LOOK_MS);
		for (int i = 0; i < count; i++)
			take(churn, &events[i]);
		if (now_ns() - look > LOOK_MS * 1000000ULL) {
			close_hanging(churn);
			look = now_ns();
		}
	}
}

static FILE *open_trace(void)
{
	static char buffer[1 << 20];

	(void)setvbuf(stderr, buffer, _IOFBF, sizeof(buffer));
	return stderr;
}

static void report(struct churn *churn)
{
	uint64_t end = now_ns() < churn->end ? now_ns() : churn->end;
	double seconds = (double)(end - churn->begin) / 1e9;

	(void)printf(
		"{\"rate\": %.3f, \"seconds\": %.6f, \"total\": %llu, "
		"\"p50_us\": %.3f, \"p99_us\": %.3f, \"max_us\": %.3f, "
		"\"refused\": %llu, \"reset\": %llu, \"failed\": %llu, "
		"\"hanging\": %llu}\n",
		(double)churn->completed / seconds, seconds,
		(unsigned long long)churn->total, samples_part_us(&churn->latencies, 0.5),
		samples_part_us(&churn->latencies, 0.99),
		samples_part_us(&churn->latencies, 1.0),
		(unsigned long long)churn->refused, (unsigned long long)churn->reset,
		(unsigned long long)churn->failed, (unsigned long long)churn->hanging);
}

void churn(const struct options *options)
{
	struct churn churn = { .options = options, .idle = options->concurrency };

	churn.clients = calloc(options->concurrency, sizeof(*churn.clients));
	churn.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (churn.clients == NULL || churn.epoll_fd == -1)
		die("churn");
	for (size_t i = 0; i < options->concurrency; i++)
		churn.clients[i].fd = NO_FD;
	if (options->trace != 0)
		churn.trace = open_trace();
	churn.begin = now_ns() + options->warm_ms * 1000000;
	churn.end = churn.begin + options->milliseconds * 1000000;
	if (options->milliseconds == 0)
		churn.end = UINT64_MAX;
	if (options->milliseconds == 0 && options->count == 0)
		watch(churn.epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, STDIN_ID);
	run(&churn);
	report(&churn);
	if (churn.trace != NULL)
		(void)fflush(churn.trace);
	free(churn.latencies.values);
	free(churn.clients);
}
