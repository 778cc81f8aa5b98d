/* SPDX-License-Identifier: ISC */
/* Clients that are kept until their turn comes again. */
#include "duty_bench.h"

#include <sys/socket.h>

#include "usherd/serve/retries.h"

static struct post *make_post(struct bench *bench)
{
	struct service *service = service_new();
	struct post *post;
	struct error err;

	assert_non_null(service);
	service->id = bench_copy("kept");
	service->internal = bench_copy("echo");
	service->log_on_failure = EVENT_HOST;
	assert_int_equal(post_new(&bench->engine, service, &post, &err), 0);
	service_unref(service);
	return post;
}

/* The client's end. */
static int make_client(struct connection *ret)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*ret = (struct connection){ .fd = ends[0] };
	assert_int_equal(addr_parse_ip("192.0.2.1", 4000, &ret->peer, NULL), 0);
	return ends[1];
}

static void take_note(struct post *post, enum transport transport,
		      struct connection *connection, unsigned tries)
{
	struct bench *bench = post->engine->data;

	assert_int_equal(transport, TRANSPORT_TCP);
	assert_true(connection->fd != -1);
	bench->internal_changes += tries;
}

static bool is_closed(int client)
{
	char byte;

	return recv(client, &byte, 1, MSG_DONTWAIT) == 0;
}

static void the_turn_comes_after_its_time(void **state)
{
	struct bench *bench = *state;
	struct retries *retries = &bench->engine.retries;
	struct post *post = make_post(bench);
	struct connection connection;
	int client = make_client(&connection);
	uint64_t begin_ns;

	bench_settle(bench);
	begin_ns = loop_now_ns(bench->loop);
	assert_int_equal(
		retries_keep(retries, post, TRANSPORT_TCP, &connection, 3, take_note), 0);
	assert_int_equal(connection.fd, -1);
	assert_int_equal(post->references, 2);
	UNTIL(bench, bench->internal_changes != 0);
	assert_int_equal(bench->internal_changes, 3);
	assert_true(loop_now_ns(bench->loop) - begin_ns >= RETRY_NS);
	assert_int_equal(retries->count, 0);
	assert_int_equal(post->references, 1);
	assert_true(is_closed(client));
	assert_int_equal(bench->event_count, 0);
	fd_close(&client);
	post_unref(post);
}

static void there_are_only_so_many_and_the_end_refuses_them(void **state)
{
	struct bench *bench = *state;
	struct retries *retries = &bench->engine.retries;
	struct post *post = make_post(bench);
	struct connection connection;
	int clients[RETRIES_MAX + 1];

	for (size_t i = 0; i < RETRIES_MAX; i++) {
		clients[i] = make_client(&connection);
		assert_int_equal(retries_keep(retries, post, TRANSPORT_TCP, &connection,
					      1, take_note),
				 0);
	}
	clients[RETRIES_MAX] = make_client(&connection);
	assert_int_equal(
		retries_keep(retries, post, TRANSPORT_TCP, &connection, 1, take_note),
		-ENOSPC);
	assert_true(connection.fd != -1);
	fd_close(&connection.fd);
	retries_done(retries);
	retries_done(retries);
	assert_int_equal(bench_kind_count(bench, EVENT_FAIL), RETRIES_MAX);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "fork");
	assert_int_equal(bench->internal_changes, 0);
	for (size_t i = 0; i <= RETRIES_MAX; i++) {
		assert_true(is_closed(clients[i]));
		fd_close(&clients[i]);
	}
	assert_int_equal(post->references, 1);
	post_unref(post);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_turn_comes_after_its_time),
		CASE(there_are_only_so_many_and_the_end_refuses_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
