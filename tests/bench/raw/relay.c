/* SPDX-License-Identifier: ISC */
/*
 * raw-relay splice|copy PIECE PORT TARGET-PORT: every connection to PORT is relayed to
 * 127.0.0.1:TARGET-PORT, up to PIECE bytes at once, through a pipe for each direction
 * with splice(2) or through one buffer. Edge-triggered: one epoll_ctl(2) per socket for
 * its life, and a read that did not get all it had room for is the last one.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "raw.h"

#define BATCH     64
#define PIPE_SIZE 1048576
#define PIECE_MAX 1048576
#define ROUNDS    16 /* of one direction, before the others have their turn */

enum outcome {
	OUTCOME_IDLE,
	OUTCOME_MOVED,
	OUTCOME_BROKEN,
};

struct direction {
	int from;
	int to;
	int pipe[2];   /* splice */
	char *rest;    /* owned; copy: what @to did not take at once */
	size_t inside; /* bytes in the pipe, or left of rest */
	bool ended;
	bool told; /* @to knows that @from has ended */
	struct direction *back;
	struct pair *pair;
};

struct pair {
	struct direction ways[2];
	bool dead;
	bool queued;
	struct pair *next; /* of the queue, or of the dead */
};

struct relay {
	int epoll_fd;
	int listener;
	unsigned target;
	bool splice;
	size_t piece;
	enum outcome (*move)(struct direction *way, size_t piece);
	struct pair *queue; /* pairs that had all their rounds and may have more */
	struct pair
		*dead; /* freed behind the batch of events, which may still name them */
};

static enum outcome failed(void)
{
	return errno == EAGAIN ? OUTCOME_IDLE : OUTCOME_BROKEN;
}

static enum outcome move_spliced(struct direction *way, size_t piece)
{
	const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
	ssize_t out;

	if (!way->ended && way->inside == 0) {
		ssize_t in = splice(way->from, NULL, way->pipe[1], NULL, piece, flags);

		if (in == -1)
			return failed();
		way->ended = in == 0;
		way->inside = (size_t)in;
	}
	if (way->inside == 0)
		return OUTCOME_IDLE;
	out = splice(way->pipe[0], NULL, way->to, NULL, way->inside, flags);
	if (out == -1)
		return failed();
	way->inside -= (size_t)out;
	return OUTCOME_MOVED;
}

static enum outcome send_rest(struct direction *way)
{
	ssize_t out = send(way->to, way->rest, way->inside, MSG_NOSIGNAL);

	if (out == -1)
		return failed();
	way->inside -= (size_t)out;
	memmove(way->rest, way->rest + out, way->inside);
	return OUTCOME_MOVED;
}

static enum outcome keep(struct direction *way, const char *data, size_t size)
{
	if (way->rest == NULL)
		way->rest = malloc(PIECE_MAX);
	if (way->rest == NULL)
		die("memory");
	memcpy(way->rest, data, size);
	way->inside = size;
	return OUTCOME_IDLE;
}

static enum outcome move_copied(struct direction *way, size_t piece)
{
	static char buffer[PIECE_MAX];
	ssize_t in;
	ssize_t out;

	if (way->inside > 0)
		return send_rest(way);
	if (way->ended)
		return OUTCOME_IDLE;
	in = recv(way->from, buffer, piece, 0);
	if (in == -1)
		return failed();
	way->ended = in == 0;
	if (in == 0)
		return OUTCOME_IDLE;
	out = send(way->to, buffer, (size_t)in, MSG_NOSIGNAL);
	if (out == -1 && errno != EAGAIN)
		return OUTCOME_BROKEN;
	if (out == -1)
		out = 0;
	if (out < in)
		return keep(way, buffer + out, (size_t)(in - out));
	return (size_t)in < piece ? OUTCOME_IDLE : OUTCOME_MOVED;
}

static void bury(struct relay *relay, struct pair *pair)
{
	if (pair->dead)
		return;
	pair->dead = true;
	(void)close(pair->ways[0].from);
	(void)close(pair->ways[1].from);
	for (int i = 0; i < 2 && relay->splice; i++) {
		(void)close(pair->ways[i].pipe[0]);
		(void)close(pair->ways[i].pipe[1]);
	}
	if (!pair->queued) {
		pair->next = relay->dead;
		relay->dead = pair;
	}
}

static void queue(struct relay *relay, struct pair *pair)
{
	if (pair->queued)
		return;
	pair->queued = true;
	pair->next = relay->queue;
	relay->queue = pair;
}

static void pump(struct relay *relay, struct direction *way)
{
	enum outcome outcome = OUTCOME_MOVED;

	if (way->pair->dead || way->told)
		return;
	for (int i = 0; i < ROUNDS && outcome == OUTCOME_MOVED; i++)
		outcome = relay->move(way, relay->piece);
	if (way->ended && way->inside == 0) {
		way->told = true;
		if (!way->back->told)
			(void)shutdown(way->to, SHUT_WR);
	}
	if (outcome == OUTCOME_BROKEN || (way->told && way->back->told))
		bury(relay, way->pair);
	else if (outcome == OUTCOME_MOVED)
		queue(relay, way->pair);
}

/* @way is the one from the socket of the event. */
static void serve(struct relay *relay, struct direction *way, uint32_t events)
{
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		pump(relay, way);
	if ((events & EPOLLOUT) != 0 && way->back->inside > 0)
		pump(relay, way->back);
}

static void serve_queue(struct relay *relay)
{
	struct pair *pair = relay->queue;

	relay->queue = NULL;
	while (pair != NULL) {
		struct pair *next = pair->next;

		pair->queued = false;
		if (pair->dead) {
			pair->next = relay->dead;
			relay->dead = pair;
		} else {
			pump(relay, &pair->ways[0]);
			pump(relay, &pair->ways[1]);
		}
		pair = next;
	}
}

static void free_dead(struct relay *relay)
{
	while (relay->dead != NULL) {
		struct pair *pair = relay->dead;

		relay->dead = pair->next;
		free(pair->ways[0].rest);
		free(pair->ways[1].rest);
		free(pair);
	}
}

static int connect_target(unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		die("socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1 && errno != EINPROGRESS)
		die("target");
	return fd;
}

static struct pair *open_pair(const struct relay *relay, int client)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int target = connect_target(relay->target);

	if (pair == NULL)
		die("memory");
	pair->ways[0] = (struct direction){ .from = client, .to = target };
	pair->ways[1] = (struct direction){ .from = target, .to = client };
	for (int i = 0; i < 2; i++) {
		pair->ways[i].pair = pair;
		pair->ways[i].back = &pair->ways[1 - i];
		if (!relay->splice)
			continue;
		if (pipe2(pair->ways[i].pipe, O_CLOEXEC | O_NONBLOCK) == -1)
			die("pipe2");
		(void)fcntl(pair->ways[i].pipe[0], F_SETPIPE_SZ, PIPE_SIZE);
	}
	return pair;
}

static void take_connection(struct relay *relay)
{
	const uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
	int fd = accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct pair *pair;

	if (fd == -1)
		return;
	pair = open_pair(relay, fd);
	for (int i = 0; i < 2; i++)
		watch(relay->epoll_fd, pair->ways[i].from, events,
		      (uint64_t)(uintptr_t)&pair->ways[i]);
}

static _Noreturn void loop(struct relay *relay)
{
	struct epoll_event events[BATCH];

	for (;;) {
		int count = epoll_wait(relay->epoll_fd, events, BATCH,
				       relay->queue != NULL ? 0 : -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.u64 == 0)
				take_connection(relay);
			else
				serve(relay, events[i].data.ptr, events[i].events);
		}
		serve_queue(relay);
		free_dead(relay);
	}
}

int main(int argc, char **argv)
{
	struct relay relay = { .epoll_fd = open_epoll(), .move = move_copied };

	if (argc != 5) {
		(void)fprintf(stderr,
			      "usage: raw-relay splice|copy PIECE PORT TARGET-PORT\n");
		return 64;
	}
	if (strcmp(argv[1], "splice") == 0) {
		relay.splice = true;
		relay.move = move_spliced;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	relay.piece = raw_number(argv[2], PIECE_MAX);
	relay.listener = open_socket(SOCK_STREAM, raw_number(argv[3], 65535));
	relay.target = raw_number(argv[4], 65535);
	watch(relay.epoll_fd, relay.listener, EPOLLIN, 0);
	loop(&relay);
}
