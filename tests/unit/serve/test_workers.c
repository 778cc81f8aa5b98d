/* SPDX-License-Identifier: ISC */
/* Which workers there are, what they share, and how one replaces another. */
#include "workers_bench.h"

static void await_exits(struct bench *bench, size_t count)
{
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == count);
}

static void serves_from_a_process_of_its_own(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	int client;
	pid_t pid;

	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	UNTIL(bench, workers_count(workers) == 1);
	client = bench_client(SOCK_STREAM, port);
	pid = echo_once(bench, client, "hello");
	assert_int_not_equal(pid, getpid());
	assert_string_equal(bench_last(bench, EVENT_START)->service, "echo");
	assert_int_equal(children_count(bench->engine.children), 1);
	assert_int_equal(children_programs(bench->engine.children), 0);
	(void)close(client);
	await_exits(bench, 1);
	assert_int_equal(bench_last(bench, EVENT_EXIT)->pid, pid);
}

static void answers_datagrams(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	int client;

	(void)bench_post(bench, echo_at("echo", TRANSPORT_UDP, port));
	UNTIL(bench, workers_count(workers) == 1);
	client = bench_client(SOCK_DGRAM, port);
	(void)echo_once(bench, client, "ping");
	(void)close(client);
}

static void starts_none_without_need(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();

	workers_refresh(workers);
	assert_int_equal(workers_count(workers), 0);
	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	UNTIL(bench, workers_count(workers) == 1);
	for (int i = 0; i < 3; i++)
		workers_refresh(workers);
	assert_int_equal(workers_count(workers), 1);
	assert_int_equal(bench_said(bench, "serves 1 services"), 1);
}

static void replaces_one_that_dies(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	int client, waiting;
	pid_t first, second;

	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	UNTIL(bench, workers_count(workers) == 1);
	client = bench_client(SOCK_STREAM, port);
	first = echo_once(bench, client, "hello");
	assert_int_equal(kill(first, SIGKILL), 0);
	/* Nobody is refused meanwhile. */
	waiting = bench_client(SOCK_STREAM, port);
	second = echo_once(bench, waiting, "hello again");
	assert_int_not_equal(first, second);
	assert_int_equal(bench_said(bench, "was ended by signal 9"), 1);
	assert_int_equal(workers_count(workers), 1);
	(void)close(client);
	(void)close(waiting);
}

/* Clients until each of @count workers has served one: their pids. */
static void meet_all(struct bench *bench, uint16_t port, pid_t *pids, size_t count)
{
	size_t met = 0;

	while (met < count) {
		int client = bench_client(SOCK_STREAM, port);
		pid_t pid = echo_once(bench, client, "hello");
		size_t i = 0;

		while (i < met && pids[i] != pid)
			i++;
		if (i == met)
			pids[met++] = pid;
		(void)close(client);
	}
}

static bool is_one_of(pid_t pid, const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static void replaces_one_of_several_alone(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	pid_t before[3], after[3];

	bench->engine.workers = 3;
	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	UNTIL(bench, workers_count(workers) == 3);
	meet_all(bench, port, before, 3);
	assert_int_equal(kill(before[1], SIGKILL), 0);
	UNTIL(bench, bench_said(bench, "was ended by signal 9") == 1);
	UNTIL(bench, workers_count(workers) == 3);
	meet_all(bench, port, after, 3);
	assert_true(is_one_of(before[0], after, 3));
	assert_false(is_one_of(before[1], after, 3));
	assert_true(is_one_of(before[2], after, 3));
	assert_int_equal(bench_said(bench, "serves 1 services"), 4);
}

static void counts_over_all_of_them(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	int clients[6];
	bool resting;

	bench->engine.workers = 2;
	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	UNTIL(bench, workers_count(workers) == 2);
	for (size_t i = 0; i < 6; i++) {
		clients[i] = bench_client(SOCK_STREAM, port);
		(void)echo_once(bench, clients[i], "hello");
	}
	assert_int_equal(workers_active(workers, "echo", &resting), 6);
	assert_false(resting);
	for (size_t i = 0; i < 6; i++)
		(void)close(clients[i]);
	UNTIL(bench, workers_active(workers, "echo", &resting) == 0);
}

static void another_number_replaces_them(void **state)
{
	static const unsigned numbers[] = { 5, 3, 1 };
	struct bench *bench = *state;
	uint16_t port = bench_port();

	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	for (size_t i = 0; i < 3; i++) {
		bench->engine.workers = numbers[i];
		workers_refresh(workers);
		UNTIL(bench, workers_count(workers) == numbers[i]);
	}
	assert_int_equal(bench_said(bench, "serves 1 services"), 5 + 3 + 1);
	assert_int_equal(bench_said(bench, "starting another"), 0);
}

static void lets_the_old_one_finish_its_sessions(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct post *post = bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	int old, fresh;
	pid_t first, second;

	UNTIL(bench, workers_count(workers) == 1);
	old = bench_client(SOCK_STREAM, port);
	first = echo_once(bench, old, "before");
	bench_change_fingerprint(post->service, "changed");
	workers_refresh(workers);
	assert_int_equal(workers_count(workers), 2);
	/* The old one lets go of the socket at once, then goes on with its session. */
	do {
		fresh = bench_client(SOCK_STREAM, port);
		second = echo_once(bench, fresh, "after");
		(void)close(fresh);
	} while (second == first);
	bench_send(old, "still here");
	bench_expect(bench, old, "still here");
	assert_int_equal(workers_count(workers), 2);
	(void)close(old);
	UNTIL(bench, workers_count(workers) == 1);
	assert_int_equal(kill(first, 0), -1);
	assert_int_equal(bench_said(bench, "starting another"), 0);
}

static void drains_all_when_no_service_is_left(void **state)
{
	struct bench *bench = *state;
	struct post *post =
		bench_post(bench, echo_at("echo", TRANSPORT_TCP, bench_port()));

	UNTIL(bench, workers_count(workers) == 1);
	bench_dismiss(bench, post);
	workers_refresh(workers);
	UNTIL(bench, workers_count(workers) == 0);
	assert_int_equal(children_count(bench->engine.children), 0);
	assert_int_equal(bench_said(bench, "starting another"), 0);
}

static void keeps_different_rights_in_different_processes(void **state)
{
	struct bench *bench = *state;
	uint16_t ports[] = { bench_port(), bench_port() };
	struct service *other = echo_at("other", TRANSPORT_TCP, ports[1]);
	pid_t pids[2];

	if (geteuid() != 0) {
		service_unref(other);
		skip();
	}
	other->program.credentials.uid = NOBODY - 1;
	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, ports[0]));
	(void)bench_post(bench, other);
	UNTIL(bench, workers_count(workers) == 2);
	for (int i = 0; i < 2; i++) {
		int client = bench_client(SOCK_STREAM, ports[i]);

		pids[i] = echo_once(bench, client, "hello");
		(void)close(client);
	}
	assert_int_not_equal(pids[0], pids[1]);
}

static void refreshes_once_for_several_changes(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < 4; i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "e%d", i);
		(void)bench_post(bench, echo_at(id, TRANSPORT_TCP, bench_port()));
	}
	assert_int_equal(workers_count(workers), 0);
	UNTIL(bench, workers_count(workers) > 0);
	bench_settle(bench);
	assert_int_equal(workers_count(workers), 1);
	assert_int_equal(bench_said(bench, "serves 4 services"), 1);
}

static void starts_none_any_more_when_stopped(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	pid_t pid;
	int client;

	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, port));
	UNTIL(bench, workers_count(workers) == 1);
	client = bench_client(SOCK_STREAM, port);
	pid = echo_once(bench, client, "hello");
	workers_stop(workers);
	assert_int_equal(kill(pid, SIGKILL), 0);
	UNTIL(bench, workers_count(workers) == 0);
	workers_refresh(workers);
	workers_refresh_soon(workers);
	bench_settle(bench);
	assert_int_equal(workers_count(workers), 0);
	(void)close(client);
}

/* A worker has no reason to live without its supervisor. */
static void ends_them_when_freed(void **state)
{
	struct bench *bench = *state;

	(void)bench_post(bench, echo_at("echo", TRANSPORT_TCP, bench_port()));
	UNTIL(bench, workers_count(workers) == 1);
	workers_free(workers);
	workers = NULL;
	workers_free(NULL);
	UNTIL(bench, children_count(bench->engine.children) == 0);
}

#undef CASE
#define CASE(name) cmocka_unit_test_setup_teardown(name, workers_setup, workers_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(serves_from_a_process_of_its_own),
		CASE(answers_datagrams),
		CASE(starts_none_without_need),
		CASE(replaces_one_that_dies),
		CASE(replaces_one_of_several_alone),
		CASE(counts_over_all_of_them),
		CASE(another_number_replaces_them),
		CASE(lets_the_old_one_finish_its_sessions),
		CASE(drains_all_when_no_service_is_left),
		CASE(keeps_different_rights_in_different_processes),
		CASE(refreshes_once_for_several_changes),
		CASE(starts_none_any_more_when_stopped),
		CASE(ends_them_when_freed),
	};

	return cmocka_run_group_tests_name("serve/workers", tests, NULL, NULL);
}
