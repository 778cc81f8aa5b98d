/* SPDX-License-Identifier: ISC */
/* From one configuration to the next, with real sockets that must live through it. */
#include "duty_bench.h"
#include <sys/resource.h>

#include "usherd/net/listener.h"
#include "usherd/serve/roster.h"

#define MANY 2000

static struct table *table_of(struct service *const *services, size_t count)
{
	struct table *table = table_new();

	assert_non_null(table);
	for (size_t i = 0; i < count; i++)
		if (services[i] != NULL)
			assert_int_equal(table_add(table, services[i]), 0);
	return table;
}

#define TABLE(...)                                                                       \
	table_of((struct service *const[]){ __VA_ARGS__ },                               \
		 sizeof((struct service *[]){ __VA_ARGS__ }) / sizeof(struct service *))

static int prepare(struct bench *bench, const struct table *before,
		   const struct table *after, struct roster_change **ret,
		   struct error *err)
{
	struct diff diff;
	int r;

	assert_int_equal(diff_compute(before, after, &diff), 0);
	r = roster_prepare(&bench->engine, &diff, ret, err);
	diff_done(&diff);
	return r;
}

/* Bring @after into effect in place of @before, which is freed. Returns @after. */
static struct table *change_to(struct bench *bench, struct table *before,
			       struct table *after, struct inherited *inherited)
{
	struct roster_change *change;

	assert_int_equal(prepare(bench, before, after, &change, NULL), 0);
	roster_commit(&bench->engine, change, inherited);
	table_free(before);
	return after;
}

static struct service *shell_at(const char *id, enum transport transport, uint16_t port)
{
	struct service *service = bench_shell(id, "exit 0");

	bench_at(service, transport, "127.0.0.1", port);
	return service;
}

static struct service *changed(struct service *service)
{
	bench_change_fingerprint(service, "changed");
	return service;
}

static struct listener *listener_of(struct bench *bench, const char *id)
{
	struct post *post = engine_find(&bench->engine, id);

	assert_non_null(post);
	assert_int_equal(post->listener_count, 1);
	return post->listeners[0];
}

static void puts_services_on_duty(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	size_t bound;
	struct table *table = change_to(bench, NULL,
					TABLE(shell_at("a", TRANSPORT_TCP, port),
					      shell_at("b", TRANSPORT_UDP, port)),
					NULL);

	assert_int_equal(bench->engine.post_count, 2);
	assert_int_equal(roster_listeners(&bench->engine, &bound), 2);
	assert_int_equal(bound, 2);
	(void)close(bench_client(SOCK_STREAM, port));
	assert_true(loop_is_watching(&listener_of(bench, "a")->watch));
	assert_int_equal(bench->internal_changes, 1);
	table_free(table);
}

static void changes_nothing_when_nothing_has_changed(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct table *table =
		change_to(bench, NULL, TABLE(shell_at("a", TRANSPORT_TCP, port)), NULL);
	struct post *post = engine_find(&bench->engine, "a");
	struct listener *listener = post->listeners[0];
	uint64_t serial = listener->serial;

	table = change_to(bench, table, TABLE(shell_at("a", TRANSPORT_TCP, port)), NULL);
	assert_ptr_equal(engine_find(&bench->engine, "a"), post);
	assert_ptr_equal(post->listeners[0], listener);
	assert_int_equal(listener->serial, serial);
	assert_true(loop_is_watching(&listener->watch));
	table_free(table);
}

static void closes_what_is_removed(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct table *table = change_to(bench, NULL,
					TABLE(shell_at("a", TRANSPORT_TCP, port),
					      shell_at("b", TRANSPORT_UDP, port)),
					NULL);
	size_t bound;

	table = change_to(bench, table, TABLE(shell_at("b", TRANSPORT_UDP, port)), NULL);
	assert_int_equal(bench->engine.post_count, 1);
	assert_null(engine_find(&bench->engine, "a"));
	assert_int_equal(bench_connect(SOCK_STREAM, port), -ECONNREFUSED);
	assert_int_equal(roster_listeners(&bench->engine, &bound), 1);
	table = change_to(bench, table, TABLE(NULL), NULL);
	assert_int_equal(bench->engine.post_count, 0);
	assert_int_equal(roster_listeners(&bench->engine, &bound), 0);
	assert_int_equal(bound, 0);
	table_free(table);
}

static void keeps_the_socket_of_a_changed_service(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct table *table =
		change_to(bench, NULL, TABLE(shell_at("a", TRANSPORT_TCP, port)), NULL);
	struct post *post = engine_find(&bench->engine, "a");
	int fd = post->listeners[0]->fd;
	int client = bench_client(SOCK_STREAM, port);
	struct service *after = changed(bench_shell("a", "echo the new one"));
	char text[64];

	bench_at(after, TRANSPORT_TCP, "127.0.0.1", port);
	table = change_to(bench, table, TABLE(after), NULL);
	assert_ptr_equal(engine_find(&bench->engine, "a"), post);
	assert_ptr_equal(post->service, after);
	assert_int_equal(post->listeners[0]->fd, fd);
	/* Whoever waited in the queue is served by the new program. */
	(void)bench_receive(bench, client, text, sizeof(text));
	assert_string_equal(text, "the new one\n");
	UNTIL(bench, children_count(bench->engine.children) == 0);
	(void)close(client);
	table_free(table);
}

static void moves_a_socket_to_another_service(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct table *table =
		change_to(bench, NULL, TABLE(shell_at("a", TRANSPORT_TCP, port)), NULL);
	struct listener *listener = listener_of(bench, "a");
	int fd = listener->fd;
	int client = bench_client(SOCK_STREAM, port);
	struct service *other = bench_shell("b", "echo from b");

	bench_at(other, TRANSPORT_TCP, "127.0.0.1", port);
	table = change_to(bench, table, TABLE(other), NULL);
	assert_null(engine_find(&bench->engine, "a"));
	assert_ptr_equal(listener_of(bench, "b"), listener);
	assert_int_equal(listener->fd, fd);
	assert_ptr_equal(listener->post, engine_find(&bench->engine, "b"));
	bench_expect(bench, client, "from b\n");
	UNTIL(bench, children_count(bench->engine.children) == 0);
	(void)close(client);
	table_free(table);
}

static void lets_two_services_swap_their_sockets(void **state)
{
	struct bench *bench = *state;
	uint16_t ports[] = { bench_port(), bench_port() };
	struct table *table = change_to(bench, NULL,
					TABLE(shell_at("a", TRANSPORT_TCP, ports[0]),
					      shell_at("b", TRANSPORT_TCP, ports[1])),
					NULL);
	struct listener *a = listener_of(bench, "a");
	struct listener *b = listener_of(bench, "b");

	table = change_to(bench, table,
			  TABLE(changed(shell_at("a", TRANSPORT_TCP, ports[1])),
				changed(shell_at("b", TRANSPORT_TCP, ports[0]))),
			  NULL);
	assert_ptr_equal(listener_of(bench, "a"), b);
	assert_ptr_equal(listener_of(bench, "b"), a);
	for (int i = 0; i < 2; i++)
		(void)close(bench_client(SOCK_STREAM, ports[i]));
	assert_int_equal(bench_said(bench, "is bound"), 2);
	table_free(table);
}

static struct service *with_listeners(const char *id, const uint16_t *ports, size_t count)
{
	struct service *service = bench_shell(id, "exit 0");

	for (size_t i = 0; i < count; i++)
		bench_at(service, TRANSPORT_UDP, "127.0.0.1", ports[i]);
	return service;
}

static void survives_a_change_to_fewer_listeners_and_back(void **state)
{
	struct bench *bench = *state;
	uint16_t ports[64];
	struct table *table;
	size_t bound;

	for (size_t i = 0; i < 64; i++)
		ports[i] = bench_port();
	table = change_to(bench, NULL, TABLE(with_listeners("a", ports, 64)), NULL);
	table = change_to(bench, table,
			  TABLE(changed(with_listeners("a", ports + 63, 1))), NULL);
	assert_int_equal(roster_listeners(&bench->engine, &bound), 1);
	assert_int_equal(bound, 1);
	assert_int_equal(addr_port(&listener_of(bench, "a")->local), ports[63]);
	table = change_to(bench, table, TABLE(with_listeners("a", ports, 64)), NULL);
	assert_int_equal(roster_listeners(&bench->engine, &bound), 64);
	assert_int_equal(bound, 64);
	table = change_to(bench, table, TABLE(changed(bench_shell("a", "exit 0"))), NULL);
	assert_int_equal(roster_listeners(&bench->engine, &bound), 0);
	table_free(table);
}

static void changes_nothing_when_it_cannot_be_prepared(void **state)
{
	struct bench *bench = *state;
	uint16_t ports[40];
	struct roster_change *change = NULL;
	struct error err = { 0 };
	struct table *table, *next;
	struct post *post;
	size_t bound;

	for (size_t i = 0; i < 40; i++)
		ports[i] = bench_port();
	table = change_to(bench, NULL,
			  TABLE(with_listeners("a", ports, 39),
				shell_at("b", TRANSPORT_TCP, ports[39])),
			  NULL);
	post = engine_find(&bench->engine, "a");
	next = TABLE(changed(with_listeners("a", ports, 1)),
		     shell_at("c", TRANSPORT_TCP, bench_port()),
		     bench_internal("d", "nonesuch"));
	assert_int_equal(prepare(bench, table, next, &change, &err), -ENOENT);
	assert_non_null(strstr(err.text, "nonesuch"));
	assert_null(change);
	table_free(next);
	assert_int_equal(bench->engine.post_count, 2);
	assert_ptr_equal(engine_find(&bench->engine, "a"), post);
	assert_ptr_equal(post->service, table_find(table, "a"));
	assert_int_equal(roster_listeners(&bench->engine, &bound), 40);
	assert_int_equal(bound, 40);
	for (size_t i = 0; i < post->listener_count; i++)
		assert_true(loop_is_watching(&post->listeners[i]->watch));
	(void)close(bench_client(SOCK_STREAM, ports[39]));
	table_free(table);
}

static void can_be_abandoned(void **state)
{
	struct bench *bench = *state;
	uint16_t ports[] = { bench_port(), bench_port(), bench_port() };
	struct table *table =
		change_to(bench, NULL, TABLE(with_listeners("a", ports, 3)), NULL);
	struct table *next = TABLE(changed(with_listeners("a", ports, 1)),
				   shell_at("b", TRANSPORT_TCP, ports[0]));
	struct roster_change *change;
	size_t bound;

	assert_int_equal(prepare(bench, table, next, &change, NULL), 0);
	roster_abandon(change);
	roster_abandon(NULL);
	assert_int_equal(bench->engine.post_count, 1);
	assert_int_equal(roster_listeners(&bench->engine, &bound), 3);
	assert_int_equal(bound, 3);
	assert_int_equal(table_find(next, "b")->references, 1);
	table_free(next);
	table = change_to(bench, table, TABLE(NULL), NULL);
	table_free(table);
}

static void runs_the_others_when_one_cannot_be_bound(void **state)
{
	struct bench *bench = *state;
	uint16_t ports[] = { bench_port(), bench_port() };
	struct endpoint endpoint = bench_endpoint(TRANSPORT_TCP, "127.0.0.1", ports[0]);
	struct table *table;
	size_t bound;
	int taken;

	assert_int_equal(listener_open(&endpoint, &taken, NULL), 0);
	table = change_to(bench, NULL,
			  TABLE(shell_at("a", TRANSPORT_TCP, ports[0]),
				shell_at("b", TRANSPORT_TCP, ports[1])),
			  NULL);
	assert_int_equal(bench->engine.post_count, 2);
	assert_int_equal(roster_listeners(&bench->engine, &bound), 2);
	assert_int_equal(bound, 1);
	(void)close(bench_client(SOCK_STREAM, ports[1]));
	assert_int_equal(bench_said(bench, "service 'a'"), 1);
	(void)close(taken);
	UNTIL(bench, listener_of(bench, "a")->fd != -1);
	assert_int_equal(roster_listeners(&bench->engine, &bound), 2);
	assert_int_equal(bound, 2);
	table_free(table);
}

/* What conf refuses must at least do no harm here. */
static void lets_the_second_of_two_duplicates_wait(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct table *table = change_to(bench, NULL,
					TABLE(shell_at("a", TRANSPORT_TCP, port),
					      shell_at("b", TRANSPORT_TCP, port)),
					NULL);
	size_t bound;

	assert_int_equal(roster_listeners(&bench->engine, &bound), 2);
	assert_int_equal(bound, 1);
	assert_int_equal(listener_of(bench, "b")->fd, -1);
	table = change_to(bench, table,
			  TABLE(changed(shell_at("a", TRANSPORT_TCP, port)),
				changed(shell_at("b", TRANSPORT_TCP, port))),
			  NULL);
	(void)roster_listeners(&bench->engine, &bound);
	assert_int_equal(bound, 1);
	table = change_to(bench, table,
			  TABLE(changed(shell_at("b", TRANSPORT_TCP, port))), NULL);
	UNTIL(bench, listener_of(bench, "b")->fd != -1);
	table_free(table);
}

static void closes_before_it_binds(void **state)
{
	struct bench *bench = *state;
	char folder[] = "/tmp/usherd-roster-XXXXXX";
	char path[64];
	struct service *stream = bench_shell("a", "exit 0");
	struct service *datagrams = changed(bench_shell("a", "exit 0"));
	struct table *table;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/socket", folder);
	bench_at(stream, TRANSPORT_UNIX_STREAM, path, 0);
	bench_at(datagrams, TRANSPORT_UNIX_DGRAM, path, 0);
	table = change_to(bench, NULL, TABLE(stream), NULL);
	assert_int_not_equal(listener_of(bench, "a")->fd, -1);
	table = change_to(bench, table, TABLE(datagrams), NULL);
	assert_int_not_equal(listener_of(bench, "a")->fd, -1);
	assert_int_equal(access(path, F_OK), 0);
	table = change_to(bench, table, TABLE(NULL), NULL);
	assert_int_equal(access(path, F_OK), -1);
	table_free(table);
	assert_int_equal(rmdir(folder), 0);
}

static void ends_the_rest_of_a_changed_service(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct table *table =
		change_to(bench, NULL, TABLE(shell_at("a", TRANSPORT_TCP, port)), NULL);

	pause_begin(engine_find(&bench->engine, "a"),
		    loop_now_ns(bench->loop) + 60 * CLOCK_NS_PER_SECOND);
	assert_int_equal(bench_connect(SOCK_STREAM, port), -ECONNREFUSED);
	table = change_to(bench, table,
			  TABLE(changed(shell_at("a", TRANSPORT_TCP, port))), NULL);
	(void)close(bench_client(SOCK_STREAM, port));
	assert_true(loop_is_watching(&listener_of(bench, "a")->watch));
	table_free(table);
}

static void takes_the_sockets_of_its_starter(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct endpoint mine = bench_endpoint(TRANSPORT_TCP, "127.0.0.1", port);
	struct endpoint strange =
		bench_endpoint(TRANSPORT_TCP, "127.0.0.1", bench_port());
	int fds[3];
	struct inherited inherited = { .fds = fds, .count = 3 };
	int fd;
	struct table *table;

	assert_int_equal(listener_open(&strange, &fds[0], NULL), 0);
	fds[1] = -1;
	assert_int_equal(listener_open(&mine, &fds[2], NULL), 0);
	fd = fds[2];
	table = change_to(bench, NULL, TABLE(shell_at("a", TRANSPORT_TCP, port)),
			  &inherited);
	assert_int_equal(listener_of(bench, "a")->fd, fd);
	assert_true(listener_of(bench, "a")->adopted);
	assert_true(loop_is_watching(&listener_of(bench, "a")->watch));
	assert_int_equal(fds[2], -1);
	assert_int_not_equal(fds[0], -1);
	(void)close(fds[0]);
	table_free(table);
}

static struct table *many_services(const char *suffix, size_t from, size_t count)
{
	struct table *table = table_new();

	assert_non_null(table);
	for (size_t i = from; i < from + count; i++) {
		char id[32], name[64];
		struct service *service;

		(void)snprintf(id, sizeof(id), "service-%zu", i);
		(void)snprintf(name, sizeof(name), "@usherd-roster-%d-%zu", (int)getpid(),
			       i);
		service = bench_shell(id, "exit 0");
		bench_at(service, TRANSPORT_UNIX_STREAM, name, 0);
		bench_change_fingerprint(service, suffix);
		assert_int_equal(table_add(table, service), 0);
	}
	return table;
}

static bool may_open(rlim_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return false;
	if (limit.rlim_cur < count && limit.rlim_max >= count) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur >= count;
}

static void manages_two_thousand_services(void **state)
{
	struct bench *bench = *state;
	struct table *table;
	size_t bound;

	if (!may_open(MANY + MANY / 2 + 100))
		skip();
	table = change_to(bench, NULL, many_services("one", 0, MANY), NULL);
	assert_int_equal(roster_listeners(&bench->engine, &bound), MANY);
	assert_int_equal(bound, MANY);
	/* Half of them go, half stay but change, half as many are new. */
	table = change_to(bench, table, many_services("two", MANY / 2, MANY), NULL);
	assert_int_equal(bench->engine.post_count, MANY);
	assert_int_equal(roster_listeners(&bench->engine, &bound), MANY);
	assert_int_equal(bound, MANY);
	assert_null(engine_find(&bench->engine, "service-0"));
	assert_int_equal(listener_of(bench, "service-1000")->serial, 1001);
	table = change_to(bench, table, many_services("two", MANY / 2, MANY), NULL);
	assert_int_equal(listener_of(bench, "service-1000")->serial, 1001);
	table = change_to(bench, table, TABLE(NULL), NULL);
	assert_int_equal(bench->engine.post_count, 0);
	table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(puts_services_on_duty),
		CASE(changes_nothing_when_nothing_has_changed),
		CASE(closes_what_is_removed),
		CASE(keeps_the_socket_of_a_changed_service),
		CASE(moves_a_socket_to_another_service),
		CASE(lets_two_services_swap_their_sockets),
		CASE(survives_a_change_to_fewer_listeners_and_back),
		CASE(changes_nothing_when_it_cannot_be_prepared),
		CASE(can_be_abandoned),
		CASE(runs_the_others_when_one_cannot_be_bound),
		CASE(lets_the_second_of_two_duplicates_wait),
		CASE(closes_before_it_binds),
		CASE(ends_the_rest_of_a_changed_service),
		CASE(takes_the_sockets_of_its_starter),
		CASE(manages_two_thousand_services),
	};

	return cmocka_run_group_tests_name("serve/roster", tests, NULL, NULL);
}
