/* SPDX-License-Identifier: ISC */
/* What real workers counted is there after their end, however they end. */
#include "usherd/serve/totals.h"
#include "workers_bench.h"

/* Of the only post there is. */
static struct counts totals(struct bench *bench)
{
	struct counts *all;
	struct counts counts;

	assert_int_equal(totals_collect(&bench->engine, workers, &all), 0);
	counts = all[0];
	free(all);
	return counts;
}

static int served(struct bench *bench, uint16_t port, pid_t *ret_worker)
{
	int client = bench_client(SOCK_STREAM, port);

	*ret_worker = echo_once(bench, client, "hello");
	return client;
}

static void a_workers_counts_are_seen_while_it_runs(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	int client;
	pid_t pid;

	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	client = served(bench, port, &pid);
	assert_int_equal(totals(bench).started, 1);
	assert_int_equal(totals(bench).ended, 0);
	(void)close(client);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	assert_int_equal(totals(bench).ended, 1);
	assert_int_equal(totals(bench).lost, 0);
}

static void what_was_open_when_a_worker_was_killed_is_lost(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	int clients[3];
	pid_t pid;

	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	for (int i = 0; i < 3; i++)
		clients[i] = served(bench, port, &pid);
	(void)close(clients[0]);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	UNTIL(bench, bench_said(bench, "was ended by signal 9") == 1);
	assert_int_equal(totals(bench).started, 3);
	assert_int_equal(totals(bench).ended, 1);
	assert_int_equal(totals(bench).lost, 2);
	(void)close(clients[1]);
	(void)close(clients[2]);
	clients[0] = served(bench, port, &pid);
	assert_int_equal(totals(bench).started, 4);
	assert_int_equal(totals(bench).lost, 2);
	(void)close(clients[0]);
}

static void a_worker_that_drains_counts_beside_its_successor(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct post *post = bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	pid_t first, second;
	int old, fresh;
	unsigned count = 1;

	old = served(bench, port, &first);
	bench_change_fingerprint(post->service, "changed");
	workers_refresh(workers);
	do {
		fresh = served(bench, port, &second);
		(void)close(fresh);
		count++;
	} while (second == first);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == count - 1);
	assert_int_equal(totals(bench).started, count);
	assert_int_equal(totals(bench).ended, count - 1);
	(void)close(old);
	UNTIL(bench, workers_count(workers) == 1);
	assert_int_equal(totals(bench).started, count);
	assert_int_equal(totals(bench).ended, count);
	assert_int_equal(totals(bench).lost, 0);
}

static void a_service_that_is_gone_takes_its_counts_along(void **state)
{
	struct bench *bench = *state;
	uint16_t ports[] = { bench_port(), bench_port() };
	struct post *gone = bench_post(bench, echo_at("gone", TRANSPORT_TCP, ports[0]));
	pid_t pid;
	int clients[2];

	(void)bench_post(bench, echo_at("stays", TRANSPORT_TCP, ports[1]));
	for (int i = 0; i < 2; i++)
		clients[i] = served(bench, ports[i], &pid);
	(void)close(clients[0]);
	(void)close(clients[1]);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 2);
	bench_dismiss(bench, gone);
	workers_refresh(workers);
	UNTIL(bench, workers_count(workers) == 1);
	assert_int_equal(totals(bench).started, 1);
	assert_int_equal(totals(bench).ended, 1);
}

static void programs_and_refusals_are_counted(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_shell("program", "exit 0");
	int client;

	service->policy.instances = 0;
	bench_at(service, TRANSPORT_TCP, "127.0.0.1", port);
	(void)bench_post(bench, service);
	client = bench_client(SOCK_STREAM, port);
	UNTIL(bench, bench_kind_count(bench, EVENT_FAIL) == 1);
	(void)close(client);
	assert_int_equal(totals(bench).started, 0);
	assert_int_equal(totals(bench).refused[REASON_INSTANCES], 1);
	service->policy.instances = UINT64_MAX;
	client = bench_client(SOCK_STREAM, port);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	(void)close(client);
	assert_int_equal(totals(bench).started, 1);
	assert_int_equal(totals(bench).ended, 1);
}

static void each_datagram_is_counted(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	int client;

	(void)bench_post(bench, echo_at("echo", TRANSPORT_UDP, port));
	client = bench_client(SOCK_DGRAM, port);
	for (int i = 0; i < 5; i++)
		(void)echo_once(bench, client, "ping");
	assert_int_equal(totals(bench).datagrams, 5);
	assert_int_equal(totals(bench).started, 0);
	(void)close(client);
}

#undef CASE
#define CASE(name) cmocka_unit_test_setup_teardown(name, workers_setup, workers_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_workers_counts_are_seen_while_it_runs),
		CASE(what_was_open_when_a_worker_was_killed_is_lost),
		CASE(a_worker_that_drains_counts_beside_its_successor),
		CASE(a_service_that_is_gone_takes_its_counts_along),
		CASE(programs_and_refusals_are_counted),
		CASE(each_datagram_is_counted),
	};

	return cmocka_run_group_tests_name("serve/totals", tests, NULL, NULL);
}
