/* SPDX-License-Identifier: ISC */
/*
 * wait = yes with real programs. The test itself is the program where a shell does not
 * do: called with "program PART" it plays that part on descriptor 0.
 */
#include "duty_bench.h"
#include "usherd/net/listener.h"
#include "usherd/serve/wait.h"
#include "usherd/serve/watching.h"

/* Take one datagram, answer it, end. */
static int answer_one(void)
{
	struct sockaddr_storage from = { 0 };
	socklen_t length = sizeof(from);
	char text[64];
	ssize_t count =
		recvfrom(0, text, sizeof(text), 0, (struct sockaddr *)&from, &length);

	if (count < 0)
		return 1;
	return sendto(0, text, (size_t)count, 0, (struct sockaddr *)&from, length) == -1;
}

/* Take one connection, greet it, end. */
static int accept_one(void)
{
	int fd = accept4(0, NULL, NULL, SOCK_CLOEXEC);

	return fd == -1 || send(fd, "hello", 5, MSG_NOSIGNAL) != 5;
}

/* Leave the socket as a careless program would. */
static int leave_it_blocking(void)
{
	return fd_set_nonblock(0, false) < 0 || answer_one() != 0;
}

static const struct {
	const char *name;
	int (*play)(void);
} parts[] = {
	{ "answer", answer_one },
	{ "accept", accept_one },
	{ "blocking", leave_it_blocking },
};

static int play(const char *name)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(parts[i].name, name) == 0)
			return parts[i].play();
	return 2;
}

static struct listener *wait_on(struct bench *bench, struct service *service,
				enum transport transport, uint16_t port)
{
	service->wait = true;
	bench_at(service, transport, "127.0.0.1", port);
	return bench_post(bench, service)->listeners[0];
}

static void hands_the_socket_over_for_datagrams(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct listener *listener =
		wait_on(bench, bench_self("answer", "answer"), TRANSPORT_UDP, port);
	int client = bench_client(SOCK_DGRAM, port);

	for (unsigned round = 1; round <= 2; round++) {
		bench_send(client, "ping");
		UNTIL(bench, bench_kind_count(bench, EVENT_START) == round);
		bench_expect(bench, client, "ping");
		UNTIL(bench, listener->holder == NULL);
		assert_true(loop_is_watching(&listener->watch));
		assert_int_equal(bench_kind_count(bench, EVENT_EXIT), round);
	}
	assert_int_equal(addr_port(&bench_last(bench, EVENT_START)->peer) != 0, 1);
	assert_int_equal(listener->failures, 0);
	assert_int_equal(listener->post->tally->active, 0);
	(void)close(client);
}

/* Equal ones at once, so that a next one waits at each end: none of it a failure. */
static void serves_who_came_meanwhile_without_another_look(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct listener *listener =
		wait_on(bench, bench_self("answer", "answer"), TRANSPORT_UDP, port);
	int client = bench_client(SOCK_DGRAM, port);

	for (unsigned i = 0; i < 3; i++)
		bench_send(client, "ping");
	for (unsigned i = 0; i < 3; i++)
		bench_expect(bench, client, "ping");
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 3);
	assert_int_equal(bench_kind_count(bench, EVENT_START), 3);
	assert_int_equal(bench_said(bench, "ended without reading"), 0);
	assert_null(listener->holder);
	assert_true(loop_is_watching(&listener->watch));
	assert_int_equal(listener->post->tally->active, 0);
	(void)close(client);
}

/* The second in the queue is not let in though the program has left it there. */
static void asks_for_each_that_came_meanwhile(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_self("answer", "answer");
	struct listener *listener;
	int client;
	char byte;

	listener = wait_on(bench, service, TRANSPORT_UDP, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "one");
	bench_send(client, "two");
	UNTIL(bench, listener->holder != NULL);
	service->policy.only_from.given = true;
	bench_expect(bench, client, "one");
	UNTIL(bench, bench_kind_count(bench, EVENT_FAIL) == 1);
	assert_int_equal(bench_kind_count(bench, EVENT_START), 1);
	assert_int_equal(recv(listener->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
	assert_true(loop_is_watching(&listener->watch));
	assert_null(listener->holder);
	(void)close(client);
}

static void looks_away_while_the_program_runs(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct listener *listener = wait_on(
		bench, bench_shell("lasting", "exec sleep 1000"), TRANSPORT_UDP, port);
	int client = bench_client(SOCK_DGRAM, port);

	bench_send(client, "ping");
	UNTIL(bench, listener->holder != NULL);
	/* From the beginning of the start on. */
	assert_false(loop_is_watching(&listener->watch));
	bench_send(client, "ping");
	UNTIL(bench, bench_kind_count(bench, EVENT_START) == 1);
	bench_settle(bench);
	assert_false(loop_is_watching(&listener->watch));
	assert_int_equal(bench_kind_count(bench, EVENT_START), 1);
	listener_update(listener);
	assert_false(loop_is_watching(&listener->watch));
	(void)close(client);
}

static void hands_the_socket_over_for_connections(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct listener *listener =
		wait_on(bench, bench_self("accept", "accept"), TRANSPORT_TCP, port);

	for (unsigned round = 1; round <= 2; round++) {
		int client = bench_client(SOCK_STREAM, port);

		bench_expect(bench, client, "hello");
		UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == round);
		(void)close(client);
	}
	/* Nobody knows who the program will accept. */
	assert_int_equal(bench_last(bench, EVENT_START)->peer.length, 0);
	assert_true(loop_is_watching(&listener->watch));
}

static void starts_a_program_that_does_not_read_ever_more_slowly(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct listener *listener =
		wait_on(bench, bench_shell("idle", "exit 0"), TRANSPORT_UDP, port);
	int client = bench_client(SOCK_DGRAM, port);
	uint64_t first_ns;

	bench_send(client, "ping");
	UNTIL(bench, listener->failures == 1);
	assert_true(loop_timer_is_armed(&listener->timer));
	assert_false(loop_is_watching(&listener->watch));
	assert_int_equal(bench_said(bench, "ended without reading; next start in 100 ms"),
			 1);
	first_ns = listener->timer.deadline_ns;
	UNTIL(bench, listener->failures == 2);
	assert_true(listener->timer.deadline_ns >= first_ns + 2 * WAIT_REST_FIRST_NS);
	assert_int_equal(bench_kind_count(bench, EVENT_START), 2);
	/* One line about it is enough. */
	assert_int_equal(bench_said(bench, "ended without reading"), 1);
	(void)close(client);
}

static void does_the_same_for_connections_that_are_not_accepted(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct listener *listener =
		wait_on(bench, bench_shell("idle", "exit 0"), TRANSPORT_TCP, port);
	int client = bench_client(SOCK_STREAM, port);

	UNTIL(bench, listener->failures == 1);
	assert_int_equal(bench_said(bench, "ended without reading"), 1);
	(void)close(client);
}

static void drops_datagrams_of_those_it_refuses(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_self("answer", "answer");
	struct listener *listener;
	int client;
	char byte;

	service->policy.only_from.given = true;
	listener = wait_on(bench, service, TRANSPORT_UDP, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "let me in");
	UNTIL(bench, bench_kind_count(bench, EVENT_FAIL) == 1);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "address");
	assert_int_equal(recv(listener->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(bench_kind_count(bench, EVENT_START), 0);
	assert_true(loop_is_watching(&listener->watch));
	(void)close(client);
}

static void leaves_refused_connections_in_the_queue_a_while(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_self("accept", "accept");
	struct listener *listener;
	int client;

	service->policy.instances = 0;
	listener = wait_on(bench, service, TRANSPORT_TCP, port);
	client = bench_client(SOCK_STREAM, port);
	UNTIL(bench, bench_kind_count(bench, EVENT_FAIL) == 1);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "service_limit");
	assert_true(loop_timer_is_armed(&listener->timer));
	assert_false(loop_is_watching(&listener->watch));
	listener->post->service->policy.instances = 1;
	bench_expect(bench, client, "hello");
	UNTIL(bench, listener->holder == NULL);
	(void)close(client);
}

static void rests_when_the_program_cannot_be_started(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_shell("missing", "exit 0");
	struct listener *listener;
	int client;

	free(service->program.path);
	service->program.path = bench_copy("/nonexistent/program");
	listener = wait_on(bench, service, TRANSPORT_UDP, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "ping");
	UNTIL(bench, listener->failures == 1);
	assert_int_equal(bench_kind_count(bench, EVENT_FAIL), 1);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "fork");
	assert_int_equal(bench_kind_count(bench, EVENT_START), 0);
	assert_int_equal(bench_kind_count(bench, EVENT_EXIT), 0);
	assert_null(listener->holder);
	assert_true(loop_timer_is_armed(&listener->timer));
	assert_int_equal(listener->post->tally->active, 0);
	assert_int_not_equal(fcntl(listener->fd, F_GETFL) & O_NONBLOCK, 0);
	(void)close(client);
}

/* Its listener may have gone meanwhile, or belong to a worker's service now. */
static void survives_a_listener_that_goes_before_the_start_has_failed(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_shell("missing", "exit 0");
	struct listener *listener;
	int client;

	free(service->program.path);
	service->program.path = bench_copy("/nonexistent/program");
	listener = wait_on(bench, service, TRANSPORT_UDP, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "ping");
	UNTIL(bench, listener->holder != NULL);
	bench_dismiss(bench, listener->post);
	UNTIL(bench, bench_kind_count(bench, EVENT_FAIL) == 1);
	assert_int_equal(children_programs(bench->engine.children), 0);
	(void)close(client);
}

static void gives_the_socket_to_a_service_that_is_in_process_now(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = bench_shell("x", "exit 0");
	struct service *other = bench_internal("x", "echo");
	struct listener *listener;
	struct post *fresh;
	int client;

	free(service->program.path);
	service->program.path = bench_copy("/nonexistent/program");
	listener = wait_on(bench, service, TRANSPORT_UDP, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "ping");
	UNTIL(bench, listener->holder != NULL);
	assert_int_equal(post_new(&bench->engine, other, &fresh, NULL), 0);
	service_unref(other);
	post_replace(listener->post, fresh);
	bench->internal_changes = 0;
	UNTIL(bench, listener->holder == NULL);
	assert_int_equal(bench->internal_changes, 1);
	assert_int_equal(listener->failures, 0);
	assert_int_not_equal(fcntl(listener->fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(bench_said(bench, "'/nonexistent/program'"), 1);
	(void)close(client);
}

static void makes_a_socket_left_blocking_nonblocking_again(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct listener *listener =
		wait_on(bench, bench_self("blocking", "blocking"), TRANSPORT_UDP, port);
	int client = bench_client(SOCK_DGRAM, port);

	bench_send(client, "ping");
	bench_expect(bench, client, "ping");
	UNTIL(bench, listener->holder == NULL);
	assert_int_not_equal(fcntl(listener->fd, F_GETFL) & O_NONBLOCK, 0);
	(void)close(client);
}

static void outlives_the_listener_it_was_given(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct listener *listener = wait_on(
		bench, bench_shell("lasting", "exec sleep 1000"), TRANSPORT_UDP, port);
	int client = bench_client(SOCK_DGRAM, port);

	bench_send(client, "ping");
	UNTIL(bench, listener->holder != NULL);
	bench_dismiss(bench, listener->post);
	assert_int_equal(children_programs(bench->engine.children), 1);
	children_signal(bench->engine.children, SIGTERM);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	assert_int_equal(WTERMSIG(bench_last(bench, EVENT_EXIT)->wait_status), SIGTERM);
	(void)close(client);
}

/* A pause of its service must neither close nor watch what the program has. */
static void leaves_the_socket_to_the_program_through_a_pause(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct listener *listener = wait_on(
		bench, bench_shell("lasting", "exec sleep 1000"), TRANSPORT_TCP, port);
	int client = bench_client(SOCK_STREAM, port);

	UNTIL(bench, listener->holder != NULL);
	pause_begin(listener->post, loop_now_ns(bench->loop) + 1);
	(void)close(bench_client(SOCK_STREAM, port));
	UNTIL(bench, bench_said(bench, "accepts connections again") == 1);
	assert_false(loop_is_watching(&listener->watch));
	(void)close(bench_client(SOCK_STREAM, port));
	(void)close(client);
}

static void forgets_the_program_when_the_engine_ends(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	int client;
	pid_t pid;

	(void)wait_on(bench, bench_shell("lasting", "exec sleep 1000"), TRANSPORT_UDP,
		      port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "ping");
	UNTIL(bench, bench_kind_count(bench, EVENT_START) == 1);
	pid = bench_last(bench, EVENT_START)->pid;
	engine_done(&bench->engine);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(bench_kind_count(bench, EVENT_EXIT), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(client);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		CASE(hands_the_socket_over_for_datagrams),
		CASE(serves_who_came_meanwhile_without_another_look),
		CASE(asks_for_each_that_came_meanwhile),
		CASE(looks_away_while_the_program_runs),
		CASE(hands_the_socket_over_for_connections),
		CASE(starts_a_program_that_does_not_read_ever_more_slowly),
		CASE(does_the_same_for_connections_that_are_not_accepted),
		CASE(drops_datagrams_of_those_it_refuses),
		CASE(leaves_refused_connections_in_the_queue_a_while),
		CASE(rests_when_the_program_cannot_be_started),
		CASE(survives_a_listener_that_goes_before_the_start_has_failed),
		CASE(gives_the_socket_to_a_service_that_is_in_process_now),
		CASE(makes_a_socket_left_blocking_nonblocking_again),
		CASE(outlives_the_listener_it_was_given),
		CASE(leaves_the_socket_to_the_program_through_a_pause),
		CASE(forgets_the_program_when_the_engine_ends),
	};

	if (argc == 2 && strcmp(argv[0], "program") == 0)
		return play(argv[1]);
	return cmocka_run_group_tests_name("serve/wait", tests, NULL, NULL);
}
