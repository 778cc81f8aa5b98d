/* SPDX-License-Identifier: ISC */
/* One line, and then the connection is somebody else's. */
#include "service_bench.h"

#include <fcntl.h>

#define TARGETS 3

struct given {
	struct internal_mux mux;
	const struct service *services[TARGETS];
	size_t count;
	size_t index; /* of the last */
	int fd;       /* a copy of its descriptor */
	int result;
};

static int take(const struct internal_mux *mux, size_t index, int fd)
{
	struct given *given = mux->data;

	given->count++;
	given->index = index;
	if (given->result == 0)
		given->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return given->result;
}

static const char *const names[TARGETS] = { "Alpha", "beta beta", "gamma" };

static void open_mux(struct service_bench *bench, struct given *given, size_t count)
{
	struct internal_setup setup = { .mux = &given->mux };

	*given = (struct given){ .fd = -1 };
	for (size_t i = 0; i < count; i++) {
		struct service *service = service_new();

		assert_non_null(service);
		service->name = strdup(names[i]);
		given->services[i] = service;
	}
	given->mux = (struct internal_mux){ .services = given->services,
					    .count = count,
					    .hand_over = take,
					    .data = given };
	bench_open(bench, "tcpmux", &setup);
}

static void close_mux(struct service_bench *bench, struct given *given)
{
	bench_close(bench);
	for (size_t i = 0; i < given->mux.count; i++)
		service_unref((struct service *)(uintptr_t)given->services[i]);
}

static void gives_the_client_and_all_that_follows_the_name(void **state)
{
	struct service_bench *bench = *state;
	struct given given;
	char rest[64] = "";

	open_mux(bench, &given, TARGETS);
	int client = bench_join(bench);
	bench_say(client, "BETA BETA\r\nGET / and\nso on");
	run_until_ended(&bench->base, 1);
	assert_int_equal(given.count, 1);
	assert_int_equal(given.index, 1);
	assert_int_equal(recv(given.fd, rest, sizeof(rest), MSG_DONTWAIT), 15);
	assert_string_equal(rest, "GET / and\nso on");
	/* Nothing has been said, and neither direction is shut. */
	assert_int_equal(send(given.fd, "answer", 6, MSG_NOSIGNAL), 6);
	assert_int_equal(recv(client, rest, sizeof(rest), 0), 6);
	assert_memory_equal(rest, "answer", 6);
	close(given.fd);
	close(client);
	close_mux(bench, &given);
}

static void name_may_come_in_pieces(void **state)
{
	static const char text[] = "gamma\r\nx";
	struct service_bench *bench = *state;
	struct given given;
	char rest[8];

	open_mux(bench, &given, TARGETS);
	int client = bench_join(bench);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		assert_int_equal(send(client, text + i, 1, 0), 1);
		bench_turn(bench);
	}
	run_until_ended(&bench->base, 1);
	assert_int_equal(given.index, 2);
	assert_int_equal(recv(given.fd, rest, sizeof(rest), MSG_DONTWAIT), 1);
	close(given.fd);
	close(client);
	close_mux(bench, &given);
}

static void refuses(struct service_bench *bench, const char *bytes, size_t length,
		    const char *answer)
{
	size_t ended = bench->base.ended;
	int client = bench_join(bench);

	assert_int_equal(send(client, bytes, length, MSG_NOSIGNAL), length);
	bench_expect(bench, client, answer);
	bench_expect_end(bench, client);
	close(client);
	run_until_ended(&bench->base, ended + 1);
}

#define REFUSES(bytes) refuses(bench, bytes, sizeof(bytes) - 1, "-no such service\r\n")

static void refuses_other_names(void **state)
{
	struct service_bench *bench = *state;
	struct given given;
	char line[400];

	open_mux(bench, &given, TARGETS);
	REFUSES("\r\n");
	REFUSES("\n");
	REFUSES("alph\r\n");
	REFUSES("alphaa\r\n");
	REFUSES(" alpha\r\n");
	REFUSES("alpha \r\n");
	REFUSES("alpha\0\r\n");
	REFUSES("alpha\0beta\r\n");
	REFUSES("help\0\r\n");
	REFUSES("\xff\xfb\x01 alpha\r\nmore to be thrown away");
	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	refuses(bench, line, sizeof(line), "-no such service\r\n");
	assert_int_equal(given.count, 0);
	close_mux(bench, &given);
}

static void lists_names_for_help(void **state)
{
	struct service_bench *bench = *state;
	struct given given;

	open_mux(bench, &given, TARGETS);
	refuses(bench, "HeLP\r\n", 6, "Alpha\r\nbeta beta\r\ngamma\r\n");
	close_mux(bench, &given);
}

static void has_nothing_to_list(void **state)
{
	struct service_bench *bench = *state;
	struct given given;

	open_mux(bench, &given, 0);
	refuses(bench, "help\r\n", 6, "");
	REFUSES("alpha\r\n");
	close_mux(bench, &given);
}

static void says_that_it_cannot_give(void **state)
{
	struct service_bench *bench = *state;
	struct given given;

	open_mux(bench, &given, TARGETS);
	given.result = -EAGAIN;
	refuses(bench, "alpha\r\n", 7, "-too busy\r\n");
	close_mux(bench, &given);
}

static void unfinished_name_is_none(void **state)
{
	struct service_bench *bench = *state;
	struct given given;

	open_mux(bench, &given, TARGETS);
	int client = bench_join(bench);
	bench_say(client, "alpha");
	shutdown(client, SHUT_WR);
	bench_expect_end(bench, client);
	run_until_ended(&bench->base, 1);
	assert_int_equal(given.count, 0);
	close(client);
	close_mux(bench, &given);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_CASE(gives_the_client_and_all_that_follows_the_name),
		BENCH_CASE(name_may_come_in_pieces),
		BENCH_CASE(refuses_other_names),
		BENCH_CASE(lists_names_for_help),
		BENCH_CASE(has_nothing_to_list),
		BENCH_CASE(says_that_it_cannot_give),
		BENCH_CASE(unfinished_name_is_none),
	};

	return cmocka_run_group_tests_name("tcpmux", tests, NULL, NULL);
}
