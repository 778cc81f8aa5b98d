/* SPDX-License-Identifier: ISC */
/*
 * A client of tcpmux (RFC 1078). The first byte says how large the pieces are; the rest
 * is sent. Checks that exactly the service named in the first line is given the
 * connection, with every byte behind that line and nothing said before; and that whoever
 * names none is told so, or given the list, in whole lines.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "usherd/internal/internal.h"
#include "usherd/model/service.h"

#define INPUT_MAX  4096
#define PIECES_MAX 100
#define TARGETS    3
#define NONE       TARGETS

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[TARGETS] = { "Alpha", "b", "two words" };
#define LIST "Alpha\r\nb\r\ntwo words\r\n"

struct bench {
	struct loop *loop;
	const struct internal *tcpmux;
	struct service *service;
	struct internal_mux mux;
	const struct service *targets[TARGETS];
	size_t index; /* who was given the connection */
	int fd;       /* and a copy of it */
	void *state;
	bool ended;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static int take(const struct internal_mux *mux, size_t index, int fd)
{
	struct bench *bench = mux->data;

	require(bench->index == NONE && index < TARGETS);
	bench->index = index;
	bench->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return 0;
}

static void ended(void *data, uint64_t bytes_in, uint64_t bytes_out)
{
	struct bench *bench = data;

	(void)bytes_in;
	(void)bytes_out;
	bench->ended = true;
}

static struct service *new_service(const char *name)
{
	struct service *service = service_new();

	require(service != NULL);
	service->id = strdup(name);
	service->name = strdup(name);
	return service;
}

static void set_up(struct bench *bench)
{
	struct internal_setup setup = { .loop = NULL };

	*bench = (struct bench){ .tcpmux = internal_find("tcpmux"),
				 .index = NONE,
				 .fd = -1 };
	require(loop_new(&bench->loop, NULL) == 0);
	bench->service = new_service("tcpmux");
	for (size_t i = 0; i < TARGETS; i++)
		bench->targets[i] = new_service(names[i]);
	bench->mux = (struct internal_mux){ .services = bench->targets,
					    .count = TARGETS,
					    .hand_over = take,
					    .data = bench };
	setup.loop = bench->loop;
	setup.service = bench->service;
	setup.mux = &bench->mux;
	require(bench->tcpmux->open(bench->tcpmux, &setup, &bench->state, NULL) == 0);
}

static void tear_down(struct bench *bench)
{
	bench->tcpmux->close(bench->state);
	for (size_t i = 0; i < TARGETS; i++)
		service_unref((struct service *)(uintptr_t)bench->targets[i]);
	service_unref(bench->service);
	loop_free(bench->loop);
}

/* The client's end. */
static int join(struct bench *bench)
{
	const struct session_owner owner = { .ended = ended, .data = bench };
	struct connection connection = { .fd = -1 };
	int pair[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	connection.fd = pair[1];
	require(bench->tcpmux->stream(bench->state, &connection, &owner, NULL) == 0);
	return pair[0];
}

/* A session that is over takes no more; what was sent to a service is. */
static void say(struct bench *bench, int fd, const uint8_t *data, size_t size,
		size_t piece)
{
	for (size_t at = 0; at < size; at += piece) {
		size_t length = size - at < piece ? size - at : piece;

		(void)send(fd, data + at, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		for (int i = 0; i < 4; i++)
			require(loop_turn(bench->loop, 0) >= 0);
	}
	(void)shutdown(fd, SHUT_WR);
	for (int i = 0; i < 16 && !bench->ended; i++)
		require(loop_turn(bench->loop, 0) >= 0);
}

/* Which service @data asks for; *ret_length bytes of it are the line. */
static size_t asked_for(const uint8_t *data, size_t size, size_t *ret_length)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t length = end != NULL ? (size_t)(end - data) : size;

	*ret_length = length + (end != NULL);
	if (end != NULL && length > 0 && data[length - 1] == '\r')
		length--;
	for (size_t i = 0; end != NULL && i < TARGETS; i++)
		if (length == strlen(names[i]) &&
		    strncasecmp((const char *)data, names[i], length) == 0)
			return i;
	return NONE;
}

static size_t hear(int fd, uint8_t *buffer, size_t size)
{
	ssize_t length = recv(fd, buffer, size, MSG_DONTWAIT);

	return length > 0 ? (size_t)length : 0;
}

static void check_given(const struct bench *bench, int client, const uint8_t *rest,
			size_t size)
{
	static uint8_t found[INPUT_MAX];

	require(bench->fd != -1);
	require(hear(client, found, sizeof(found)) == 0);
	require(hear(bench->fd, found, sizeof(found)) == size);
	require(memcmp(found, rest, size) == 0);
	(void)close(bench->fd);
}

static void check_told(int client)
{
	static uint8_t told[1024];
	size_t length = hear(client, told, sizeof(told));

	require(length == 0 ||
		(length == strlen(LIST) && memcmp(told, LIST, length) == 0) ||
		(length > 3 && told[0] == '-' &&
		 memchr(told, '\n', length) == told + length - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench bench;
	size_t piece, line, index;
	int client;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	piece = (size_t)data[0] + 1;
	data++;
	size--;
	/* A socket has room for a few hundred pieces, however small. */
	if (piece < size / PIECES_MAX + 1)
		piece = size / PIECES_MAX + 1;
	set_up(&bench);
	client = join(&bench);
	say(&bench, client, data, size, piece);
	index = asked_for(data, size, &line);
	require(bench.index == index);
	if (index != NONE)
		check_given(&bench, client, data + line, size - line);
	else
		check_told(client);
	tear_down(&bench);
	(void)close(client);
	return 0;
}
