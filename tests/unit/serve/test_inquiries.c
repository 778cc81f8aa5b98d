/* SPDX-License-Identifier: ISC */
/* Senders of datagrams about whom somebody is asked first: the files of hosts, which say
 * who 127.0.0.1 is. */
#include "duty_bench.h"
#include <netdb.h>

#include "usherd/serve/inquiries.h"

#define ECHO_ONE     "exec dd bs=2048 count=1 status=none"
#define ECHO_FOREVER "exec dd bs=2048 status=none"
/* With the listener as its input: one datagram taken, and none answered. */
#define TAKE_ONE "dd bs=2048 count=1 status=none >/dev/null"

static void serve_nobody(struct held_client *client)
{
	dispatch_let_go(client);
}

static void refuse_nobody(struct held_client *client, enum reason reason)
{
	(void)reason;
	dispatch_let_go(client);
}

static void ask(struct bench *bench)
{
	static const struct inquiries_ends ends = { .serve = serve_nobody,
						    .refuse = refuse_nobody,
						    .let_go = dispatch_let_go };
	const struct credentials credentials = { .change = false };

	assert_int_equal(
		inquiries_new(&bench->engine, false, &ends, &bench->engine.inquiries), 0);
	inquiries_refresh(bench->engine.inquiries, &credentials);
}

static void stop_asking(struct bench *bench)
{
	struct inquiries *inquiries = bench->engine.inquiries;

	bench->engine.inquiries = NULL;
	inquiries_free(inquiries);
}

static void need_localhost(void)
{
	struct addr addr = bench_addr("127.0.0.1", 1);
	char name[NI_MAXHOST];

	if (getnameinfo(&addr.u.any, addr.length, name, sizeof(name), NULL, 0,
			NI_NAMEREQD) != 0 ||
	    strcmp(name, "localhost") != 0)
		skip();
}

static struct post *post_for(struct bench *bench, const char *script, const char *host,
			     bool wait, uint16_t port)
{
	struct service *service = bench_shell("asked", script);

	service->protocols = SERVICE_UDP;
	service->policy.only_from.given = true;
	assert_int_equal(strings_add(&service->policy.only_from.names, host), 0);
	service->wait = wait;
	bench_at(service, TRANSPORT_UDP, "127.0.0.1", port);
	return bench_post(bench, service);
}

static void a_listener_waits_with_its_first_datagram(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct post *post;
	int client;

	need_localhost();
	ask(bench);
	post = post_for(bench, TAKE_ONE, "localhost", true, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "one");
	UNTIL(bench, inquiries_count(bench->engine.inquiries) == 1);
	assert_int_equal(post->tally->active, 1);
	assert_false(loop_is_watching(&post->listeners[0]->watch));
	assert_int_equal(bench_kind_count(bench, EVENT_START), 0);
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	assert_int_equal(bench_kind_count(bench, EVENT_START), 1);
	assert_int_equal(post->tally->active, 0);
	assert_true(loop_is_watching(&post->listeners[0]->watch));
	(void)close(client);
	stop_asking(bench);
}

static void who_is_refused_is_dropped_and_not_asked_about_again(void **state)
{
	struct bench *bench = *state;

	need_localhost();
	for (int i = 0; i < 2; i++) {
		uint16_t port = bench_port();
		struct post *post;
		size_t refused = bench_kind_count(bench, EVENT_FAIL);
		int client;

		ask(bench);
		post = post_for(bench, ECHO_ONE, "nobody.invalid", i == 1, port);
		client = bench_client(SOCK_DGRAM, port);
		bench_send(client, "one");
		UNTIL(bench, bench_kind_count(bench, EVENT_FAIL) == refused + 1);
		assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "address");
		assert_int_equal(
			inquiries_recall(post, &bench_last(bench, EVENT_FAIL)->peer),
			REASON_ADDRESS);
		assert_int_equal(post->tally->active, 0);
		bench_send(client, "two");
		UNTIL(bench, bench_kind_count(bench, EVENT_FAIL) == refused + 2);
		assert_int_equal(inquiries_count(bench->engine.inquiries), 0);
		assert_int_equal(bench_kind_count(bench, EVENT_START), 0);
		(void)close(client);
		stop_asking(bench);
		bench_dismiss(bench, post);
	}
}

static void a_peer_has_all_that_it_has_sent(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct post *post;
	int client;

	need_localhost();
	ask(bench);
	post = post_for(bench, ECHO_FOREVER, "localhost", false, port);
	client = bench_client(SOCK_DGRAM, port);
	bench_send(client, "one");
	UNTIL(bench, inquiries_count(bench->engine.inquiries) == 1);
	assert_true(loop_is_watching(&post->listeners[0]->watch));
	assert_true(post->held_bytes > 3);
	bench_send(client, "two");
	bench_expect(bench, client, "one");
	bench_expect(bench, client, "two");
	assert_int_equal(post->held_bytes, 0);
	assert_int_equal(bench_kind_count(bench, EVENT_START), 1);
	(void)close(client);
	stop_asking(bench);
}

/* The end of a service, or of all inquiries, while somebody is asked about. */
static void whoever_is_held_is_let_go(void **state)
{
	struct bench *bench = *state;

	need_localhost();
	for (int i = 0; i < 4; i++) {
		uint16_t port = bench_port();
		bool dismissed = i % 2 == 1;
		struct post *post;
		int client;

		ask(bench);
		post = post_ref(post_for(bench, ECHO_ONE, "localhost", i / 2 == 1, port));
		client = bench_client(SOCK_DGRAM, port);
		bench_send(client, "one");
		UNTIL(bench, inquiries_count(bench->engine.inquiries) == 1);
		if (dismissed) {
			bench_dismiss(bench, post);
			UNTIL(bench, inquiries_count(bench->engine.inquiries) == 0);
			stop_asking(bench);
		} else {
			stop_asking(bench);
			assert_null(post->listeners[0]->holder);
			bench_dismiss(bench, post);
		}
		assert_int_equal(post->tally->active, 0);
		assert_int_equal(post->held_bytes, 0);
		assert_null(post->flows);
		assert_int_equal(bench_kind_count(bench, EVENT_START), 0);
		post_unref(post);
		UNTIL(bench, children_count(bench->engine.children) == 0);
		(void)close(client);
	}
}

/* As while the supervisor ends. */
static void without_anybody_to_ask_nobody_is_served(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < 2; i++) {
		uint16_t port = bench_port();
		struct service *service = bench_shell("wrapped", ECHO_ONE);
		int client = bench_client(SOCK_DGRAM, port);

		service->protocols = SERVICE_UDP;
		service->libwrap = bench_copy("yes");
		service->wait = i == 1;
		bench_at(service, TRANSPORT_UDP, "127.0.0.1", port);
		(void)bench_post(bench, service);
		bench_send(client, "one");
		UNTIL(bench, bench_kind_count(bench, EVENT_FAIL) == (size_t)i + 1);
		assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "resources");
		assert_int_equal(bench_kind_count(bench, EVENT_START), 0);
		(void)close(client);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_listener_waits_with_its_first_datagram),
		CASE(who_is_refused_is_dropped_and_not_asked_about_again),
		CASE(a_peer_has_all_that_it_has_sent),
		CASE(whoever_is_held_is_let_go),
		CASE(without_anybody_to_ask_nobody_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
