/* SPDX-License-Identifier: ISC */
/* The list of services, whole, to clients that say nothing, too much, or read late. */
#include "service_bench.h"

#define BIG (1024 * 1024)

static void tells_what_there_is_and_ends(void **state)
{
	struct service_bench *bench = *state;
	struct internal_setup setup = { .catalogue = "ftp tcp 21\necho udp 7\n" };
	char byte;
	int client;

	bench_open(bench, "services", &setup);
	for (int speaks = 0; speaks < 2; speaks++) {
		client = bench_join(bench);
		if (speaks)
			bench_say(client, "nobody reads this\nnor this");
		bench_expect(bench, client, "ftp tcp 21\necho udp 7\n");
		assert_int_equal(client_read(&bench->base, client, &byte, 1), 0);
		(void)close(client);
	}
	bench_close(bench);
}

static void an_empty_list_is_an_end(void **state)
{
	struct service_bench *bench = *state;
	char byte;
	int client;

	bench_open(bench, "services", NULL);
	client = bench_join(bench);
	assert_int_equal(client_read(&bench->base, client, &byte, 1), 0);
	(void)close(client);
	bench_close(bench);
}

/* More than any buffer holds, to a client that has ended its side at once. */
static void a_long_list_arrives_whole(void **state)
{
	struct service_bench *bench = *state;
	char *text = malloc(BIG + 1);
	struct internal_setup setup = { .catalogue = text };
	char buffer[4096];
	size_t got = 0;
	int client;

	assert_non_null(text);
	for (size_t i = 0; i < BIG; i++)
		text[i] = (char)('a' + i % 26);
	text[BIG] = '\0';
	bench_open(bench, "services", &setup);
	client = bench_join(bench);
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	for (;;) {
		ssize_t count = client_read(&bench->base, client, buffer, sizeof(buffer));

		if (count <= 0)
			break;
		assert_memory_equal(buffer, text + got, (size_t)count);
		got += (size_t)count;
	}
	assert_int_equal(got, BIG);
	(void)close(client);
	bench_close(bench);
	free(text);
}

static const char *roll_text;

static const void *show_roll(const void *roll_data, size_t *ret_length)
{
	assert_ptr_equal(roll_data, &roll_text);
	*ret_length = strlen(roll_text);
	return roll_text;
}

/* What has changed since counts, what changes while a client reads does not. */
static void servers_tells_what_runs_now(void **state)
{
	struct service_bench *bench = *state;
	struct internal_setup setup = { .roll = show_roll, .roll_data = &roll_text };
	char byte;

	bench_open(bench, "servers", &setup);
	for (int i = 0; i < 3; i++) {
		static const char *const texts[] = { "one server\n\n", "",
						     "two server\n\n" };
		int client;

		roll_text = texts[i];
		client = bench_join(bench);
		bench_expect(bench, client, texts[i]);
		assert_int_equal(client_read(&bench->base, client, &byte, 1), 0);
		(void)close(client);
	}
	bench_close(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tells_what_there_is_and_ends, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(an_empty_list_is_an_end, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(a_long_list_arrives_whole, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(servers_tells_what_runs_now, bench_setup,
						bench_teardown),
	};

	return cmocka_run_group_tests_name("internal/services", tests, NULL, NULL);
}
