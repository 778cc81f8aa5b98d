/* SPDX-License-Identifier: ISC */
/* Datagrams with a program for each peer; dd(1) reads a datagram at a time. */
#include "duty_bench.h"
#include <linux/capability.h>
#include <sys/syscall.h>

#include "usherd/serve/flows.h"

#define ECHO_ONE     "exec dd bs=2048 count=1 status=none"
#define ECHO_FOREVER "exec dd bs=2048 status=none"

static struct post *flows_on(struct bench *bench, struct service *service, uint16_t port)
{
	bench_at(service, TRANSPORT_UDP, "127.0.0.1", port);
	return bench_post(bench, service);
}

static void gives_every_peer_a_program_of_its_own(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct post *post = flows_on(bench, bench_shell("echo", ECHO_FOREVER), port);
	int clients[] = { bench_client(SOCK_DGRAM, port),
			  bench_client(SOCK_DGRAM, port) };

	bench_send(clients[0], "one");
	bench_send(clients[1], "two");
	bench_expect(bench, clients[0], "one");
	bench_expect(bench, clients[1], "two");
	assert_int_equal(post->tally->active, 2);
	/* The next ones go straight to the programs. */
	bench_send(clients[1], "two again");
	bench_send(clients[0], "one again");
	bench_expect(bench, clients[0], "one again");
	bench_expect(bench, clients[1], "two again");
	assert_int_equal(bench_kind_count(bench, EVENT_START), 2);
	assert_int_equal(children_programs(bench->engine.children), 2);
	for (int i = 0; i < 2; i++)
		(void)close(clients[i]);
}

static void gives_what_is_queued_to_one_program_in_order(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	int clients[2];

	(void)flows_on(bench, bench_shell("echo", ECHO_FOREVER), port);
	for (int i = 0; i < 2; i++)
		clients[i] = bench_client(SOCK_DGRAM, port);
	for (int i = 0; i < 5; i++) {
		char text[] = { (char)('a' + i), '\0' };

		bench_send(clients[0], text);
		bench_send(clients[1], text);
	}
	for (int i = 0; i < 5; i++) {
		char text[] = { (char)('a' + i), '\0' };

		bench_expect(bench, clients[0], text);
		bench_expect(bench, clients[1], text);
	}
	assert_int_equal(bench_kind_count(bench, EVENT_START), 2);
	for (int i = 0; i < 2; i++)
		(void)close(clients[i]);
}

/* Use the right to send raw packets or do without. Nothing happens to who lacks it. */
static bool use_raw_packets(bool use)
{
	struct __user_cap_header_struct header = { .version =
							   _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	const uint32_t bit = 1U << CAP_NET_RAW;

	if (syscall(SYS_capget, &header, data) == -1)
		return false;
	data[0].effective &= ~bit;
	if (use)
		data[0].effective |= data[0].permitted & bit;
	return syscall(SYS_capset, &header, data) == 0;
}

static int setup_without_raw_packets(void **state)
{
	return use_raw_packets(false) ? bench_setup(state) : -1;
}

static int teardown_without_raw_packets(void **state)
{
	int r = bench_teardown(state);

	return use_raw_packets(true) ? r : -1;
}

#define MODEST_CASE(name)                                                                \
	{                                                                                \
#name "_without_raw_packets", name, setup_without_raw_packets,           \
			teardown_without_raw_packets, NULL                               \
	}

static void takes_what_a_program_left_for_a_new_client(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct post *post = flows_on(bench, bench_shell("echo", ECHO_ONE), port);
	int client = bench_client(SOCK_DGRAM, port);

	bench_send(client, "first");
	bench_send(client, "second");
	bench_send(client, "third");
	bench_expect(bench, client, "first");
	bench_expect(bench, client, "second");
	bench_expect(bench, client, "third");
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 3);
	assert_int_equal(bench_kind_count(bench, EVENT_START), 3);
	assert_int_equal(post->tally->active, 0);
	assert_null(post->flows);
	(void)close(client);
}

/* The program that left it has ended: its place is free. */
static void has_a_place_for_what_the_only_instance_left(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_shell("echo", ECHO_ONE);
	int client;

	service->policy.instances = 1;
	(void)flows_on(bench, service, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "first");
	bench_send(client, "second");
	bench_expect(bench, client, "first");
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	assert_int_equal(bench_kind_count(bench, EVENT_FAIL), 0);
	bench_expect(bench, client, "second");
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 2);
	(void)close(client);
}

static void drops_what_a_program_never_read(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct post *post = flows_on(bench, bench_shell("idle", "exit 0"), port);
	int client = bench_client(SOCK_DGRAM, port);

	bench_send(client, "first");
	bench_send(client, "second");
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	bench_settle(bench);
	assert_int_equal(bench_kind_count(bench, EVENT_START), 1);
	assert_int_equal(bench_said(bench, "ended without reading"), 1);
	assert_null(post->flows);
	(void)close(client);
}

static void starts_nothing_for_those_it_refuses(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_shell("echo", ECHO_ONE);
	struct post *post;
	int client;

	service->policy.only_from.given = true;
	post = flows_on(bench, service, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "let me in");
	UNTIL(bench, bench_kind_count(bench, EVENT_FAIL) == 1);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "address");
	assert_int_equal(bench_kind_count(bench, EVENT_START), 0);
	assert_null(post->flows);
	(void)close(client);
}

static void gives_everything_back_when_the_program_cannot_be_started(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_shell("missing", "exit 0");
	struct post *post;
	int client;

	free(service->program.path);
	service->program.path = bench_copy("/nonexistent/program");
	post = flows_on(bench, service, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "ping");
	UNTIL(bench, bench_kind_count(bench, EVENT_FAIL) == 1);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "fork");
	assert_null(post->flows);
	assert_int_equal(post->tally->active, 0);
	assert_int_equal(post->references, 1);
	(void)close(client);
}

static void ends_a_program_whose_peer_is_silent(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_shell("echo", ECHO_FOREVER);
	struct post *post;
	int client;

	service->idle_timeout_ns = CLOCK_NS_PER_SECOND / 5;
	post = flows_on(bench, service, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "ping");
	bench_expect(bench, client, "ping");
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	assert_int_equal(WTERMSIG(bench_last(bench, EVENT_EXIT)->wait_status), SIGTERM);
	assert_null(post->flows);
	/* Its peer may come back. */
	bench_send(client, "pong");
	bench_expect(bench, client, "pong");
	(void)close(client);
}

static void lets_programs_go_on_when_the_service_is_removed(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct post *post = flows_on(bench, bench_shell("echo", ECHO_FOREVER), port);
	int client = bench_client(SOCK_DGRAM, port);

	bench_send(client, "ping");
	bench_expect(bench, client, "ping");
	bench_dismiss(bench, post);
	bench_send(client, "still there?");
	bench_expect(bench, client, "still there?");
	children_signal(bench->engine.children, SIGTERM);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	(void)close(client);
}

/* Reads one datagram, then waits to be ended: the second is left over. */
#define READ_ONE_AND_STAY "dd bs=2048 count=1 status=none; exec sleep 1000"

/*
 * With a program that has left a datagram, replace its service by one that has no
 * programs for single peers, then end it: the datagram is nobody's any more.
 */
static void change_under_leftovers(struct bench *bench, struct service *service)
{
	uint16_t port = bench_port();
	struct post *post = flows_on(bench, bench_shell("x", READ_ONE_AND_STAY), port);
	int client = bench_client(SOCK_DGRAM, port);
	struct post *fresh;

	bench_send(client, "first");
	bench_expect(bench, client, "first");
	bench_send(client, "left over");
	assert_int_equal(post_new(&bench->engine, service, &fresh, NULL), 0);
	service_unref(service);
	post_replace(post, fresh);
	children_signal(bench->engine.children, SIGTERM);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	bench_settle(bench);
	assert_int_equal(bench_kind_count(bench, EVENT_START), 1);
	assert_null(post->flows);
	(void)close(client);
}

static void starts_no_program_for_a_service_that_is_in_process_now(void **state)
{
	change_under_leftovers(*state, bench_internal("x", "echo"));
}

static void starts_no_program_for_a_service_that_waits_now(void **state)
{
	struct service *service = bench_shell("x", "exit 0");

	service->wait = true;
	change_under_leftovers(*state, service);
}

static void forgets_all_flows_when_the_engine_ends(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	int client;
	pid_t pid;

	(void)flows_on(bench, bench_shell("echo", ECHO_FOREVER), port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "ping");
	bench_expect(bench, client, "ping");
	pid = bench_last(bench, EVENT_START)->pid;
	engine_done(&bench->engine);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(gives_every_peer_a_program_of_its_own),
		CASE(gives_what_is_queued_to_one_program_in_order),
		CASE(takes_what_a_program_left_for_a_new_client),
		CASE(has_a_place_for_what_the_only_instance_left),
		CASE(drops_what_a_program_never_read),
		CASE(starts_nothing_for_those_it_refuses),
		CASE(gives_everything_back_when_the_program_cannot_be_started),
		CASE(ends_a_program_whose_peer_is_silent),
		CASE(lets_programs_go_on_when_the_service_is_removed),
		CASE(starts_no_program_for_a_service_that_waits_now),
		CASE(starts_no_program_for_a_service_that_is_in_process_now),
		CASE(forgets_all_flows_when_the_engine_ends),
		MODEST_CASE(gives_every_peer_a_program_of_its_own),
		MODEST_CASE(gives_what_is_queued_to_one_program_in_order),
		MODEST_CASE(takes_what_a_program_left_for_a_new_client),
		MODEST_CASE(drops_what_a_program_never_read),
	};

	return cmocka_run_group_tests_name("serve/flows", tests, NULL, NULL);
}
