/* SPDX-License-Identifier: ISC */
/* One client and its target: who it is led to, and how ends and resets pass. */
#include "relay_bench.h"

#include "usherd/base/clock.h"

#define SECOND_NS (UINT64_C(1000) * CLOCK_NS_PER_MS)

struct bench {
	struct fixture base; /* first: count_end() has it; its sessions are not used */
	struct relays *relays;
	struct streams streams;
	size_t failures;
	char why[ERROR_TEXT_SIZE];
	int client; /* its own end */
};

static void note_failure(void *data, const struct error *why)
{
	struct bench *bench = data;

	bench->failures++;
	(void)snprintf(bench->why, sizeof(bench->why), "%s", why->text);
}

static int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (bench == NULL || loop_new(&bench->base.loop, NULL) != 0 ||
	    relays_new(bench->base.loop, &bench->relays) != 0)
		return -1;
	bench->base.owner = (struct session_owner){ .failed = note_failure,
						    .ended = count_end,
						    .data = bench };
	bench->streams = (struct streams){ .relays = bench->relays,
					   .connect_timeout_ns = 5 * SECOND_NS };
	bench->client = -1;
	*state = bench;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *bench = *state;

	while (bench->streams.all != NULL)
		stream_end(bench->streams.all);
	routes_unref(bench->streams.routes);
	relays_free(bench->relays);
	loop_free(bench->base.loop);
	fd_close(&bench->client);
	free(bench);
	return 0;
}

/* Lead clients to @count addresses. */
static void lead_to(struct bench *bench, const struct addr *addresses, size_t count)
{
	struct target target = { .at.count = count };
	struct target_list list = { .items = &target, .count = 1 };

	memcpy(target.at.addresses, addresses, count * sizeof(addresses[0]));
	assert_int_equal(routes_new(&list, NULL, &bench->streams.routes), 0);
}

static void join(struct bench *bench)
{
	int pair[2];

	tcp_pair(pair);
	bench->client = pair[0];
	assert_int_equal(stream_start(&bench->streams, pair[1], &bench->base.owner, NULL),
			 0);
	assert_int_equal(bench->base.ended, 0);
}

/* A client and the target that it has been led to: its socket. */
static int join_to_listener(struct bench *bench)
{
	struct addr at;
	int listener = listen_tcp(1, &at);
	int target;

	lead_to(bench, &at, 1);
	join(bench);
	target = accept_one(listener);
	close(listener);
	return target;
}

static void pass(struct bench *bench, int from, int to, const char *text)
{
	char buffer[64];
	size_t length = strlen(text);
	size_t done = 0;

	assert_true(length < sizeof(buffer));
	assert_int_equal(send(from, text, length, MSG_NOSIGNAL), length);
	while (done < length) {
		ssize_t count = client_read(&bench->base, to, buffer + done,
					    sizeof(buffer) - done);

		assert_true(count > 0);
		done += (size_t)count;
	}
	assert_int_equal(done, length);
	assert_memory_equal(buffer, text, length);
}

static void expect_end(struct bench *bench, int fd)
{
	char byte;

	assert_int_equal(client_read(&bench->base, fd, &byte, 1), 0);
}

static void expect_reset(struct bench *bench, int fd)
{
	char byte;

	assert_int_equal(client_read(&bench->base, fd, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void assert_all_gone(struct bench *bench)
{
	assert_int_equal(bench->base.ended, 1);
	assert_null(bench->streams.all);
	assert_int_equal(loop_watch_count(bench->base.loop), 0);
}

/* An address that is somebody's, and does not answer: what would be one more client is
 * dropped. *ret_holders keep it so until they are closed. */
#define HOLDERS 4
static struct addr silent_address(int *ret_holders)
{
	struct addr at;

	ret_holders[0] = listen_tcp(0, &at);
	for (int i = 1; i < HOLDERS; i++) {
		ret_holders[i] =
			socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(ret_holders[i], &at.u.any, at.length);
	}
	return at;
}

static void close_holders(int *holders)
{
	for (int i = 0; i < HOLDERS; i++)
		close(holders[i]);
}

static struct addr refusing_address(void)
{
	struct addr at;

	close(listen_tcp(1, &at));
	return at;
}

static void words_go_both_ways_and_are_counted(void **state)
{
	struct bench *bench = *state;
	int target = join_to_listener(bench);

	pass(bench, bench->client, target, "question");
	pass(bench, target, bench->client, "answer");
	pass(bench, bench->client, target, "more");
	close(target);
	fd_close(&bench->client);
	run_until_ended(&bench->base, 1);
	assert_int_equal(bench->base.bytes_in, strlen("questionmore"));
	assert_int_equal(bench->base.bytes_out, strlen("answer"));
	assert_int_equal(bench->failures, 0);
	assert_all_gone(bench);
}

static void client_may_end_first(void **state)
{
	struct bench *bench = *state;
	int target = join_to_listener(bench);

	pass(bench, bench->client, target, "question");
	assert_int_equal(shutdown(bench->client, SHUT_WR), 0);
	expect_end(bench, target);
	pass(bench, target, bench->client, "late answer");
	assert_int_equal(bench->base.ended, 0);
	close(target);
	expect_end(bench, bench->client);
	run_until_ended(&bench->base, 1);
	assert_all_gone(bench);
}

static void target_may_end_first(void **state)
{
	struct bench *bench = *state;
	int target = join_to_listener(bench);

	pass(bench, target, bench->client, "greeting");
	assert_int_equal(shutdown(target, SHUT_WR), 0);
	expect_end(bench, bench->client);
	pass(bench, bench->client, target, "late word");
	assert_int_equal(bench->base.ended, 0);
	fd_close(&bench->client);
	expect_end(bench, target);
	run_until_ended(&bench->base, 1);
	assert_all_gone(bench);
	close(target);
}

static void reset_of_the_target_passes(void **state)
{
	struct bench *bench = *state;
	int target = join_to_listener(bench);

	pass(bench, bench->client, target, "question");
	reset(target);
	expect_reset(bench, bench->client);
	run_until_ended(&bench->base, 1);
	assert_all_gone(bench);
}

static void reset_of_the_client_passes(void **state)
{
	struct bench *bench = *state;
	int target = join_to_listener(bench);

	pass(bench, bench->client, target, "question");
	reset(bench->client);
	bench->client = -1;
	expect_reset(bench, target);
	run_until_ended(&bench->base, 1);
	assert_all_gone(bench);
	close(target);
}

static void reset_passes_after_an_end(void **state)
{
	struct bench *bench = *state;
	int target = join_to_listener(bench);
	socklen_t length = sizeof(int);
	int error = 0;

	assert_int_equal(shutdown(bench->client, SHUT_WR), 0);
	expect_end(bench, target);
	reset(bench->client);
	bench->client = -1;
	run_until_ended(&bench->base, 1);
	/* recv(2) goes on telling of the end. */
	assert_int_equal(getsockopt(target, SOL_SOCKET, SO_ERROR, &error, &length), 0);
	assert_int_equal(error, EPIPE);
	assert_all_gone(bench);
	close(target);
}

static void words_before_the_connection_are_not_lost(void **state)
{
	struct bench *bench = *state;
	struct addr at;
	int listener = listen_tcp(1, &at);
	int pair[2];
	char buffer[8];
	int target;

	lead_to(bench, &at, 1);
	tcp_pair(pair);
	bench->client = pair[0];
	assert_int_equal(send(bench->client, "early", 5, MSG_NOSIGNAL), 5);
	assert_int_equal(shutdown(bench->client, SHUT_WR), 0);
	assert_int_equal(stream_start(&bench->streams, pair[1], &bench->base.owner, NULL),
			 0);
	target = accept_one(listener);
	assert_int_equal(client_read_all(&bench->base, target, buffer, sizeof(buffer)),
			 5);
	assert_memory_equal(buffer, "early", 5);
	close(target);
	close(listener);
	run_until_ended(&bench->base, 1);
}

static void next_address_is_tried_when_one_refuses(void **state)
{
	struct bench *bench = *state;
	struct addr at[3] = { refusing_address(), refusing_address() };
	int listener = listen_tcp(1, &at[2]);
	int target;

	lead_to(bench, at, 3);
	join(bench);
	target = accept_one(listener);
	pass(bench, bench->client, target, "question");
	assert_int_equal(bench->failures, 0);
	close(target);
	close(listener);
}

static void client_is_reset_when_no_address_is_left(void **state)
{
	struct bench *bench = *state;
	struct addr at = refusing_address();

	lead_to(bench, &at, 1);
	join(bench);
	run_until_ended(&bench->base, 1);
	assert_int_equal(bench->failures, 1);
	assert_non_null(strstr(bench->why, "127.0.0.1"));
	assert_non_null(strstr(bench->why, strerror(ECONNREFUSED)));
	expect_reset(bench, bench->client);
	assert_all_gone(bench);
}

static void client_is_reset_when_no_address_is_known(void **state)
{
	struct bench *bench = *state;
	struct addr none;

	memset(&none, 0, sizeof(none));
	lead_to(bench, &none, 0);
	join(bench);
	run_until_ended(&bench->base, 1);
	assert_int_equal(bench->failures, 1);
	assert_non_null(strstr(bench->why, "no address is known"));
	expect_reset(bench, bench->client);
}

static void silent_target_has_until_the_deadline(void **state)
{
	struct bench *bench = *state;
	int holders[HOLDERS];
	struct addr at = silent_address(holders);
	uint64_t begin_ns = clock_monotonic_ns();

	bench->streams.connect_timeout_ns = 30 * CLOCK_NS_PER_MS;
	lead_to(bench, &at, 1);
	join(bench);
	run_until_ended(&bench->base, 1);
	assert_true(clock_monotonic_ns() - begin_ns >= 29 * CLOCK_NS_PER_MS);
	assert_int_equal(bench->failures, 1);
	assert_non_null(strstr(bench->why, strerror(ETIMEDOUT)));
	expect_reset(bench, bench->client);
	assert_all_gone(bench);
	close_holders(holders);
}

static void silent_target_rests_and_the_next_one_serves(void **state)
{
	struct bench *bench = *state;
	int holders[HOLDERS];
	struct addr at[2] = { silent_address(holders) };
	int listener = listen_tcp(2, &at[1]);
	int target;

	bench->streams.connect_timeout_ns = 60 * CLOCK_NS_PER_MS;
	lead_to(bench, at, 2);
	join(bench);
	while (bench->streams.all->phase != STREAM_MOVING)
		assert_true(loop_turn(bench->base.loop, -1) >= 0);
	target = accept_one(listener);
	pass(bench, bench->client, target, "question");
	close(target);
	/* The next client does not wait for it. */
	fd_close(&bench->client);
	run_until_ended(&bench->base, 1);
	bench->base.ended = 0;
	join(bench);
	assert_int_equal(bench->streams.all->phase, STREAM_MOVING);
	close(listener);
	close_holders(holders);
}

static void client_that_gives_up_needs_no_target(void **state)
{
	struct bench *bench = *state;
	int holders[HOLDERS];
	struct addr at = silent_address(holders);

	lead_to(bench, &at, 1);
	join(bench);
	assert_int_equal(bench->streams.all->phase, STREAM_CONNECTING);
	reset(bench->client);
	bench->client = -1;
	run_until_ended(&bench->base, 1);
	assert_int_equal(bench->failures, 0);
	assert_all_gone(bench);
	close_holders(holders);
}

static void full_unix_queue_is_tried_again(void **state)
{
	struct bench *bench = *state;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int waiting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char name[64];
	struct addr at = { 0 };
	int target;

	(void)snprintf(name, sizeof(name), "@usherd-test-relay-%d", (int)getpid());
	assert_int_equal(addr_parse_unix(name, &at, NULL), 0);
	assert_int_equal(bind(listener, &at.u.any, at.length), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(connect(waiting, &at.u.any, at.length), 0);
	lead_to(bench, &at, 1);
	join(bench);
	assert_int_equal(bench->streams.all->phase, STREAM_QUEUEING);
	close(accept_one(listener));
	while (bench->streams.all->phase != STREAM_MOVING)
		assert_true(loop_turn(bench->base.loop, -1) >= 0);
	target = accept_one(listener);
	pass(bench, bench->client, target, "question");
	close(target);
	close(waiting);
	close(listener);
}

static void idle_session_is_reset_at_both_ends(void **state)
{
	struct bench *bench = *state;
	int target;

	bench->streams.idle_timeout_ns = 20 * CLOCK_NS_PER_MS;
	target = join_to_listener(bench);
	run_until_ended(&bench->base, 1);
	expect_reset(bench, bench->client);
	expect_reset(bench, target);
	assert_all_gone(bench);
	close(target);
}

static void side_that_takes_nothing_stops_the_other(void **state)
{
	struct bench *bench = *state;
	int target = join_to_listener(bench);
	size_t said = stuff(&bench->base, bench->client);
	size_t heard = 0;
	static char buffer[65536];

	assert_true(pump_held(&bench->streams.all->pumps[STREAM_CLIENT]) > 0);
	/* The other direction goes on. */
	pass(bench, target, bench->client, "stop");
	while (heard < said) {
		ssize_t count = client_read(&bench->base, target, buffer, sizeof(buffer));

		assert_true(count > 0);
		heard += (size_t)count;
	}
	assert_int_equal(heard, said);
	close(target);
}

#define STREAM_CASE(name)                                                                \
	cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STREAM_CASE(words_go_both_ways_and_are_counted),
		STREAM_CASE(client_may_end_first),
		STREAM_CASE(target_may_end_first),
		STREAM_CASE(reset_of_the_target_passes),
		STREAM_CASE(reset_of_the_client_passes),
		STREAM_CASE(reset_passes_after_an_end),
		STREAM_CASE(words_before_the_connection_are_not_lost),
		STREAM_CASE(next_address_is_tried_when_one_refuses),
		STREAM_CASE(client_is_reset_when_no_address_is_left),
		STREAM_CASE(client_is_reset_when_no_address_is_known),
		STREAM_CASE(silent_target_has_until_the_deadline),
		STREAM_CASE(silent_target_rests_and_the_next_one_serves),
		STREAM_CASE(client_that_gives_up_needs_no_target),
		STREAM_CASE(full_unix_queue_is_tried_again),
		STREAM_CASE(idle_session_is_reset_at_both_ends),
		STREAM_CASE(side_that_takes_nothing_stops_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
