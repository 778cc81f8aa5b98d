/* SPDX-License-Identifier: ISC */
/* Clients that are handed over, from the other end of the pair to what serves them. */
#include "duty_bench.h"
#include "usherd/serve/groups.h"
#include "usherd/serve/mux.h"
#include "usherd/serve/transfer.h"

/* Both kinds of bench have one. */
struct muxed {
	struct mux mux;
	int other;      /* the worker's end, or in a worker the supervisor's */
	int client[2];  /* over TCP: the client's end, and what is handed over */
	unsigned noise; /* nonsense that was heard */
};

static void hear_nonsense(struct mux *mux)
{
	((struct muxed *)mux->data)->noise++;
}

static void start(struct bench *bench, struct muxed *muxed)
{
	*muxed = (struct muxed){ .mux = { .nonsense = hear_nonsense } };
	muxed->mux.data = muxed;
	assert_int_equal(mux_open(&muxed->mux, &bench->engine, &muxed->other), 0);
}

/* A client that has come by TCP to whoever hands it over. */
static void make_client(struct muxed *muxed)
{
	struct addr at = bench_addr("127.0.0.1", 0);
	socklen_t length = sizeof(at.u);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	muxed->client[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, &at.u.any, at.length), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, &at.u.any, &length), 0);
	assert_int_equal(connect(muxed->client[0], &at.u.any, length), 0);
	muxed->client[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_not_equal(muxed->client[1], -1);
	(void)close(listener);
}

/* The client goes to @service; its end is returned. */
static int hand_over(struct muxed *muxed, const char *service)
{
	make_client(muxed);
	assert_int_equal(transfer_send(muxed->other, service, muxed->client[1]), 0);
	(void)close(muxed->client[1]);
	return muxed->client[0];
}

static void stop(struct muxed *muxed)
{
	mux_done(&muxed->mux);
	mux_done(&muxed->mux);
	(void)close(muxed->other);
}

static struct service *typed(struct service *service, unsigned types)
{
	service->types = types;
	return service;
}

static void expect_end(struct bench *bench, int fd)
{
	char buffer[16];

	assert_int_equal(bench_receive(bench, fd, buffer, sizeof(buffer)), 0);
	(void)close(fd);
}

static void program_gets_the_connection(void **state)
{
	struct bench *bench = *state;
	struct muxed muxed;
	struct addr peer;
	int client;

	start(bench, &muxed);
	bench_post(bench, typed(bench_shell("plus", "echo $REMOTE_PORT; read l; echo $l"),
				SERVICE_TCPMUXPLUS));
	client = hand_over(&muxed, "plus");
	peer = (struct addr){ .length = sizeof(peer.u) };
	assert_int_equal(getsockname(client, &peer.u.any, &peer.length), 0);
	UNTIL(bench, bench_kind_count(bench, EVENT_START) == 1);
	assert_true(addr_equal(&bench_last(bench, EVENT_START)->peer, &peer));
	char expected[64], got[64];
	(void)snprintf(expected, sizeof(expected), "+Go\r\n%u\n", addr_port(&peer));
	for (size_t done = 0; done < strlen(expected);)
		done += bench_receive(bench, client, got + done, sizeof(got) - done);
	assert_string_equal(got, expected);
	bench_send(client, "word\n");
	bench_expect(bench, client, "word\n");
	expect_end(bench, client);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	stop(&muxed);
}

static int option_of(int fd, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, name, &value, &length), 0);
	return value;
}

/* As its own listener would have given it. */
static void program_gets_a_plain_connection(void **state)
{
	struct bench *bench = *state;
	struct muxed muxed;
	int yes = 1;

	start(bench, &muxed);
	bench_post(bench, typed(bench_shell("plus", "read l"), SERVICE_TCPMUXPLUS));
	make_client(&muxed);
	assert_int_equal(
		setsockopt(muxed.client[1], SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes)),
		0);
	assert_int_equal(fd_set_nonblock(muxed.client[1], true), 0);
	assert_int_equal(transfer_send(muxed.other, "plus", muxed.client[1]), 0);
	bench_expect(bench, muxed.client[0], "+Go\r\n");
	UNTIL(bench, bench_kind_count(bench, EVENT_START) == 1);
	assert_int_equal(option_of(muxed.client[1], SO_KEEPALIVE), 0);
	assert_int_equal(fcntl(muxed.client[1], F_GETFL) & O_NONBLOCK, 0);
	(void)close(muxed.client[0]);
	(void)close(muxed.client[1]);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	stop(&muxed);
}

static void tcpmux_program_says_so_itself(void **state)
{
	struct bench *bench = *state;
	struct muxed muxed;
	int client;

	start(bench, &muxed);
	bench_post(bench,
		   typed(bench_shell("own", "printf '+here\\r\\n'"), SERVICE_TCPMUX));
	client = hand_over(&muxed, "own");
	bench_expect(bench, client, "+here\r\n");
	expect_end(bench, client);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	stop(&muxed);
}

/* The limits and lists of the service hold, and the client is told. */
static void refusal_is_recorded_and_said(void **state)
{
	struct bench *bench = *state;
	struct service *closed = typed(bench_shell("closed", "exit"), SERVICE_TCPMUXPLUS);
	struct muxed muxed;
	int client;

	start(bench, &muxed);
	closed->policy.instances = 0;
	bench_post(bench, closed);
	make_client(&muxed);
	bench_send(muxed.client[0], "what came before\r\nit was refused");
	assert_int_equal(transfer_send(muxed.other, "closed", muxed.client[1]), 0);
	(void)close(muxed.client[1]);
	client = muxed.client[0];
	bench_expect(bench, client, "-not available\r\n");
	expect_end(bench, client);
	assert_int_equal(bench_kind_count(bench, EVENT_FAIL), 1);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "service_limit");
	assert_int_equal(bench_kind_count(bench, EVENT_START), 0);
	stop(&muxed);
}

static void only_services_of_the_type_are_reached(void **state)
{
	struct bench *bench = *state;
	struct muxed muxed;
	int client;

	start(bench, &muxed);
	bench_post(bench, bench_shell("untyped", "exit"));
	client = hand_over(&muxed, "untyped");
	bench_expect(bench, client, "-not available\r\n");
	expect_end(bench, client);
	client = hand_over(&muxed, "nobody");
	bench_expect(bench, client, "-not available\r\n");
	expect_end(bench, client);
	assert_int_equal(bench->event_count, 0);
	assert_int_equal(muxed.noise, 0);
	stop(&muxed);
}

static void nonsense_is_told_once(void **state)
{
	struct bench *bench = *state;
	struct muxed muxed;

	start(bench, &muxed);
	assert_int_equal(send(muxed.other, "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(send(muxed.other, "y", 1, MSG_NOSIGNAL), 1);
	bench_settle(bench);
	assert_int_equal(muxed.noise, 1);
	stop(&muxed);
}

static void whatever_comes_to_the_deaf_is_nonsense(void **state)
{
	struct bench *bench = *state;
	struct muxed muxed;
	int client;

	start(bench, &muxed);
	muxed.mux.deaf = true;
	bench_post(bench, typed(bench_shell("plus", "echo served"), SERVICE_TCPMUXPLUS));
	client = hand_over(&muxed, "plus");
	expect_end(bench, client);
	assert_int_equal(muxed.noise, 1);
	assert_int_equal(bench->event_count, 0);
	stop(&muxed);
}

static void closed_end_is_no_nonsense(void **state)
{
	struct bench *bench = *state;
	struct muxed muxed;

	start(bench, &muxed);
	(void)close(muxed.other);
	bench_settle(bench);
	assert_int_equal(muxed.noise, 0);
	assert_false(loop_is_watching(&muxed.mux.watch));
	muxed.other = -1;
	stop(&muxed);
}

static void what_is_left_can_be_taken_at_the_end(void **state)
{
	struct bench *bench = *state;
	struct muxed muxed;
	int clients[3];

	start(bench, &muxed);
	bench_post(bench, typed(bench_shell("plus", "exit"), SERVICE_TCPMUXPLUS));
	for (size_t i = 0; i < 3; i++)
		clients[i] = hand_over(&muxed, "plus");
	(void)close(muxed.other);
	muxed.other = -1;
	mux_take(&muxed.mux);
	UNTIL(bench, bench_kind_count(bench, EVENT_START) == 3);
	for (size_t i = 0; i < 3; i++) {
		bench_expect(bench, clients[i], "+Go\r\n");
		expect_end(bench, clients[i]);
	}
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 3);
	stop(&muxed);
	mux_take(&muxed.mux);
}

static struct {
	char id[EVENT_SERVICE_SIZE];
	int result;
} handed_on;

static int note_hand_on(struct engine *engine, const char *id, int fd)
{
	(void)engine;
	(void)text_copy(handed_on.id, sizeof(handed_on.id), id);
	assert_int_equal(send(fd, "on\n", 3, MSG_NOSIGNAL), 3);
	return handed_on.result;
}

static void in_process_service_is_a_matter_of_its_worker(void **state)
{
	struct bench *bench = *state;
	struct muxed muxed;
	int client;

	start(bench, &muxed);
	bench->engine.hand_on = note_hand_on;
	bench_post(bench, typed(bench_internal("inside", "echo"), SERVICE_TCPMUXPLUS));
	handed_on.result = 0;
	client = hand_over(&muxed, "inside");
	bench_expect(bench, client, "on\n");
	expect_end(bench, client);
	assert_string_equal(handed_on.id, "inside");
	handed_on.result = -EAGAIN;
	client = hand_over(&muxed, "inside");
	bench_expect(bench, client, "on\n-not available\r\n");
	expect_end(bench, client);
	stop(&muxed);
}

static void worker_serves_what_it_is_given(void **state)
{
	struct bench *bench = *state;
	struct muxed muxed;
	struct post *post;
	struct error err;
	int client;

	start(bench, &muxed);
	post = bench_post(bench,
			  typed(bench_internal("inside", "echo"), SERVICE_TCPMUXPLUS));
	assert_int_equal(post_open(post, &err), 0);
	client = hand_over(&muxed, "inside");
	bench_expect(bench, client, "+Go\r\n");
	bench_send(client, "hello\n");
	bench_expect(bench, client, "hello\n");
	assert_int_equal(bench_kind_count(bench, EVENT_START), 1);
	(void)close(client);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	stop(&muxed);
}

static void gives_by_name(void **state)
{
	struct bench *bench = *state;
	struct internal_mux targets;
	struct transfer got;
	struct muxed muxed;

	start(bench, &muxed);
	struct service *named = typed(bench_shell("id-of-it", "exit"), SERVICE_TCPMUX);
	free(named->name);
	named->name = bench_copy("Zebra");
	bench_post(bench, named);
	bench_post(bench, typed(bench_shell("ape", "exit"), SERVICE_TCPMUX));
	bench_post(bench, bench_shell("bear", "exit"));
	assert_int_equal(mux_targets(&bench->engine, &muxed.mux, &targets), 0);
	assert_int_equal(targets.count, 2);
	assert_string_equal(targets.services[0]->name, "ape");
	assert_string_equal(targets.services[1]->name, "Zebra");
	make_client(&muxed);
	assert_int_equal(targets.hand_over(&targets, 1, muxed.client[1]), 0);
	assert_int_equal(transfer_receive(muxed.other, &got), 0);
	assert_string_equal(got.service, "id-of-it");
	(void)close(got.connection.fd);
	stop(&muxed);
	assert_int_equal(targets.hand_over(&targets, 0, muxed.client[1]), -ENOTCONN);
	mux_targets_done(&targets);
	(void)close(muxed.client[0]);
	(void)close(muxed.client[1]);
}

static uint64_t sign(const struct bench *bench)
{
	struct group_list list;
	uint64_t signature;

	assert_int_equal(groups_make(&bench->engine, &list), 0);
	assert_int_equal(list.count, 1);
	assert_true(list.groups[0].transfer);
	signature = list.groups[0].signature;
	groups_done(&list);
	return signature;
}

/* Its list is another one: so is the worker. */
static void worker_that_gives_changes_with_whom_it_can_give_to(void **state)
{
	struct bench *bench = *state;
	struct service *mux = bench_internal("mux", "tcpmux");
	struct post *target;
	uint64_t before;

	bench_at(mux, TRANSPORT_TCP, "127.0.0.1", bench_port());
	bench_post(bench, mux);
	before = sign(bench);
	bench_dismiss(bench, bench_post(bench, bench_shell("plain", "exit")));
	assert_int_equal(sign(bench), before);
	target = bench_post(bench, typed(bench_shell("target", "exit"), SERVICE_TCPMUX));
	assert_int_not_equal(sign(bench), before);
	bench_dismiss(bench, target);
	assert_int_equal(sign(bench), before);
}

static void in_process_service_needs_no_socket_to_have_a_worker(void **state)
{
	struct bench *bench = *state;
	struct group_list list;

	bench_post(bench, bench_internal("no", "echo"));
	assert_int_equal(groups_make(&bench->engine, &list), 0);
	assert_int_equal(list.count, 0);
	groups_done(&list);
	bench_post(bench, typed(bench_internal("yes", "echo"), SERVICE_TCPMUX));
	assert_int_equal(groups_make(&bench->engine, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.groups[0].count, 1);
	assert_true(list.groups[0].transfer);
	groups_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(program_gets_the_connection),
		CASE(program_gets_a_plain_connection),
		CASE(tcpmux_program_says_so_itself),
		CASE(refusal_is_recorded_and_said),
		CASE(only_services_of_the_type_are_reached),
		CASE(nonsense_is_told_once),
		CASE(whatever_comes_to_the_deaf_is_nonsense),
		CASE(closed_end_is_no_nonsense),
		CASE(what_is_left_can_be_taken_at_the_end),
		CASE(in_process_service_is_a_matter_of_its_worker),
		WORKER_CASE(worker_serves_what_it_is_given),
		CASE(gives_by_name),
		CASE(worker_that_gives_changes_with_whom_it_can_give_to),
		CASE(in_process_service_needs_no_socket_to_have_a_worker),
	};

	return cmocka_run_group_tests_name("mux", tests, NULL, NULL);
}
