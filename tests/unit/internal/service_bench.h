/* SPDX-License-Identifier: ISC */
/* One in-process service with a life of its own, and its clients in the same process. */
#ifndef USHERD_TEST_SERVICE_BENCH_H
#define USHERD_TEST_SERVICE_BENCH_H

#include <stdio.h>
#include <string.h>

#include "session_clients.h"
#include "usherd/internal/internal.h"
#include "usherd/model/service.h"

struct service_bench {
	struct fixture base; /* its sessions are not used */
	const struct internal *internal;
	struct service *service;
	void *state;
	void *data; /* the test's */
};

static inline int bench_setup(void **state)
{
	struct service_bench *bench = calloc(1, sizeof(*bench));

	if (bench == NULL || loop_new(&bench->base.loop, NULL) != 0)
		return -1;
	bench->service = service_new();
	if (bench->service == NULL)
		return -1;
	bench->service->id = strdup("place");
	bench->service->name = strdup("place");
	bench->base.owner.ended = count_end;
	bench->base.owner.data = bench;
	*state = bench;
	return 0;
}

static inline void bench_close(struct service_bench *bench)
{
	if (bench->state != NULL)
		bench->internal->close(bench->state);
	bench->state = NULL;
}

static inline int bench_teardown(void **state)
{
	struct service_bench *bench = *state;

	bench_close(bench);
	service_unref(bench->service);
	loop_free(bench->base.loop);
	free(bench);
	return 0;
}

/* @setup: NULL, or what else it is to have. */
static inline void bench_open(struct service_bench *bench, const char *name,
			      const struct internal_setup *setup)
{
	struct internal_setup full =
		setup != NULL ? *setup : (struct internal_setup){ 0 };

	full.loop = bench->base.loop;
	full.service = bench->service;
	bench->internal = internal_find(name);
	assert_non_null(bench->internal);
	assert_int_equal(
		bench->internal->open(bench->internal, &full, &bench->state, NULL), 0);
}

static inline void bench_start(struct service_bench *bench,
			       const struct connection *connection)
{
	assert_int_equal(bench->internal->stream(bench->state, connection,
						 &bench->base.owner, NULL),
			 0);
}

/* The client's end of a UNIX socket pair. */
static inline int bench_join(struct service_bench *bench)
{
	struct connection connection = { .fd = -1 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	connection.fd = pair[1];
	bench_start(bench, &connection);
	return pair[0];
}

static inline void bench_turn(struct service_bench *bench)
{
	assert_true(loop_turn(bench->base.loop, 0) >= 0);
}

static inline void bench_say(int client, const char *text)
{
	assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Up to and with the next LF. */
static inline const char *bench_line(struct service_bench *bench, int client,
				     char *buffer, size_t size)
{
	size_t done = 0;

	do {
		assert_true(done + 1 < size);
		assert_int_equal(client_read(&bench->base, client, buffer + done, 1), 1);
	} while (buffer[done++] != '\n');
	buffer[done] = '\0';
	return buffer;
}

static inline void bench_expect(struct service_bench *bench, int client, const char *text)
{
	char buffer[2048];

	while (*text != '\0') {
		size_t length = strcspn(text, "\n") + 1;
		char line[1024];

		assert_true(length < sizeof(line));
		memcpy(line, text, length);
		line[length] = '\0';
		assert_string_equal(bench_line(bench, client, buffer, sizeof(buffer)),
				    line);
		text += length;
	}
}

static inline void bench_expect_end(struct service_bench *bench, int client)
{
	char byte;

	assert_int_equal(client_read(&bench->base, client, &byte, 1), 0);
}

#define BENCH_CASE(name)                                                                 \
	cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

#endif
