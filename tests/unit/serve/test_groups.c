/* SPDX-License-Identifier: ISC */
/* Who shares a worker with whom, and what makes a group another one. */
#include "duty_bench.h"
#include "usherd/net/listener.h"
#include "usherd/serve/groups.h"
#include "usherd/serve/listening.h"

static struct service *echo_at(const char *id, enum transport transport)
{
	struct service *service = bench_internal(id, "echo");

	bench_at(service, transport, "127.0.0.1", bench_port());
	return service;
}

static struct service *as_user(struct service *service, uid_t uid)
{
	service->program.credentials.change = true;
	service->program.credentials.uid = uid;
	service->program.credentials.gid = uid;
	return service;
}

static void add_group(struct service *service, gid_t gid)
{
	struct credentials *credentials = &service->program.credentials;

	credentials->groups = malloc(sizeof(gid_t));
	assert_non_null(credentials->groups);
	credentials->groups[0] = gid;
	credentials->group_count = 1;
}

static struct group_list make(struct bench *bench)
{
	struct group_list list;

	assert_int_equal(groups_make(&bench->engine, &list), 0);
	return list;
}

/* The signature of the one group there is. */
static uint64_t sign(struct bench *bench)
{
	struct group_list list = make(bench);
	uint64_t signature = list.groups[0].signature;

	assert_int_equal(list.count, 1);
	groups_done(&list);
	return signature;
}

static bool has_port(const struct group_list *list, uint16_t port)
{
	struct datagram request = { .peer = bench_addr("192.0.2.1", port) };

	return responder_ports_sent(&list->ports, &request);
}

/* Echo, but by a program of its own. */
static const struct internal *find_outside(const char *name)
{
	static const struct internal outside = { .name = "echo", .executable = "other" };

	(void)name;
	return &outside;
}

static void keeps_what_has_a_program_of_its_own_apart(void **state)
{
	struct bench *bench = *state;
	struct group_list list;

	(void)bench_post(bench, as_user(echo_at("a", TRANSPORT_TCP), 65534));
	bench->engine.find_internal = find_outside;
	(void)bench_post(bench, as_user(echo_at("b", TRANSPORT_TCP), 65534));
	(void)bench_post(bench, as_user(echo_at("c", TRANSPORT_TCP), 65534));
	list = make(bench);
	assert_int_equal(list.count, 2);
	assert_null(list.groups[0].executable);
	assert_int_equal(list.groups[0].count, 1);
	assert_string_equal(list.groups[1].executable, "other");
	assert_int_equal(list.groups[1].count, 2);
	assert_true(list.groups[0].owner != list.groups[1].owner);
	groups_done(&list);
}

static void makes_none_of_nothing(void **state)
{
	struct bench *bench = *state;
	struct group_list list = make(bench);

	assert_int_equal(list.count, 0);
	groups_done(&list);
	groups_done(&list);
}

static void puts_equal_credentials_into_one_group_in_order(void **state)
{
	struct bench *bench = *state;
	struct post *posts[3];
	struct group_list list;

	posts[0] = bench_post(bench, as_user(echo_at("a", TRANSPORT_TCP), 65534));
	posts[1] = bench_post(bench, as_user(echo_at("b", TRANSPORT_TCP), 65534));
	posts[2] = bench_post(bench, as_user(echo_at("c", TRANSPORT_UDP), 65534));
	list = make(bench);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.groups[0].count, 3);
	assert_int_equal(list.groups[0].credentials->uid, 65534);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(list.groups[0].posts[i], posts[i]);
	groups_done(&list);
}

static void separates_different_credentials(void **state)
{
	struct bench *bench = *state;
	struct service *with_group = as_user(echo_at("e", TRANSPORT_TCP), 1);
	struct group_list list;

	add_group(with_group, 7);
	(void)bench_post(bench, as_user(echo_at("a", TRANSPORT_TCP), 1));
	(void)bench_post(bench, as_user(echo_at("b", TRANSPORT_TCP), 2));
	(void)bench_post(bench, as_user(echo_at("c", TRANSPORT_TCP), 1));
	(void)bench_post(bench, echo_at("d", TRANSPORT_TCP));
	(void)bench_post(bench, with_group);
	list = make(bench);
	assert_int_equal(list.count, 4);
	assert_int_equal(list.groups[0].count, 2);
	assert_string_equal(list.groups[0].posts[1]->service->id, "c");
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(list.groups[i].count, 1);
	for (size_t i = 0; i < 4; i++)
		for (size_t j = i + 1; j < 4; j++)
			assert_true(list.groups[i].signature != list.groups[j].signature);
	groups_done(&list);
}

static void leaves_programs_out(void **state)
{
	struct bench *bench = *state;
	struct service *program = bench_shell("program", "exit 0");
	struct group_list list;
	uint16_t port = bench_port();

	bench_at(program, TRANSPORT_UDP, "127.0.0.1", port);
	(void)bench_post(bench, program);
	list = make(bench);
	assert_int_equal(list.count, 0);
	assert_false(has_port(&list, port));
	groups_done(&list);
}

static void leaves_posts_without_a_socket_out(void **state)
{
	struct bench *bench = *state;
	struct service *unbound = echo_at("unbound", TRANSPORT_TCP);
	int taken;
	struct group_list list;

	assert_int_equal(listener_open(&unbound->endpoints[0], &taken, NULL), 0);
	(void)bench_post(bench, unbound);
	(void)bench_post(bench, bench_internal("without", "echo"));
	list = make(bench);
	assert_int_equal(list.count, 0);
	groups_done(&list);
	(void)close(taken);
}

static void knows_the_ports_where_datagrams_are_answered(void **state)
{
	struct bench *bench = *state;
	struct post *udp = bench_post(bench, as_user(echo_at("udp", TRANSPORT_UDP), 1));
	struct post *other = bench_post(bench, echo_at("other", TRANSPORT_UDP));
	struct post *tcp = bench_post(bench, echo_at("tcp", TRANSPORT_TCP));
	struct group_list list = make(bench);

	assert_true(has_port(&list, addr_port(&udp->listeners[0]->local)));
	assert_true(has_port(&list, addr_port(&other->listeners[0]->local)));
	assert_false(has_port(&list, addr_port(&tcp->listeners[0]->local)));
	groups_done(&list);
}

static void signs_the_same_thing_the_same_way(void **state)
{
	struct bench *bench = *state;
	uint64_t first;

	(void)bench_post(bench, echo_at("a", TRANSPORT_TCP));
	first = sign(bench);
	assert_true(sign(bench) == first);
	/* What no worker has anything to do with. */
	(void)bench_post(bench, bench_shell("program", "exit 0"));
	assert_true(sign(bench) == first);
	(void)bench_post(bench, bench_internal("without", "echo"));
	assert_true(sign(bench) == first);
}

static void signs_another_service_differently(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, echo_at("a", TRANSPORT_TCP));
	uint64_t before = sign(bench);

	bench_change_fingerprint(post->service, "something else");
	assert_true(sign(bench) != before);
}

static void signs_another_socket_differently(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, echo_at("a", TRANSPORT_TCP));
	struct listener *listener = post->listeners[0];
	uint64_t before = sign(bench);

	/* The same address, perhaps the same number, but not the same socket. */
	fd_close(&listener->fd);
	listener_activate(listener);
	assert_int_not_equal(listener->fd, -1);
	assert_true(sign(bench) != before);
}

static void signs_more_or_fewer_services_differently(void **state)
{
	struct bench *bench = *state;
	uint64_t one, two;
	struct post *second;

	(void)bench_post(bench, echo_at("a", TRANSPORT_TCP));
	one = sign(bench);
	second = bench_post(bench, echo_at("b", TRANSPORT_TCP));
	two = sign(bench);
	assert_true(two != one);
	bench_dismiss(bench, second);
	assert_true(sign(bench) == one);
}

static void signs_all_groups_anew_when_a_datagram_port_appears(void **state)
{
	struct bench *bench = *state;
	struct group_list list;
	uint64_t before;

	(void)bench_post(bench, as_user(echo_at("a", TRANSPORT_TCP), 1));
	before = sign(bench);
	(void)bench_post(bench, as_user(echo_at("b", TRANSPORT_TCP), 2));
	list = make(bench);
	assert_true(list.groups[0].signature == before);
	groups_done(&list);
	(void)bench_post(bench, as_user(echo_at("c", TRANSPORT_UDP), 2));
	list = make(bench);
	assert_int_equal(list.count, 2);
	assert_true(list.groups[0].signature != before);
	groups_done(&list);
}

static void keeps_what_only_one_can_serve_apart_from_what_several_do(void **state)
{
	struct bench *bench = *state;
	struct service *chat = bench_internal("chat", "chat");
	struct group_list list;
	uint64_t before;

	(void)bench_post(bench, echo_at("a", TRANSPORT_TCP));
	bench_at(chat, TRANSPORT_TCP, "127.0.0.1", bench_port());
	(void)bench_post(bench, chat);
	(void)bench_post(bench, echo_at("b", TRANSPORT_TCP));
	before = sign(bench);
	bench->engine.workers = 3;
	list = make(bench);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.groups[0].workers, 3);
	assert_int_equal(list.groups[0].count, 2);
	assert_int_equal(list.groups[1].workers, 1);
	assert_int_equal(list.groups[1].count, 1);
	assert_ptr_equal(list.groups[1].posts[0]->service, chat);
	assert_true(list.groups[0].signature != before);
	assert_true(list.groups[0].owner != list.groups[1].owner);
	groups_done(&list);
	bench->engine.workers = 1;
	assert_true(sign(bench) == before);
}

static void keeps_flows_in_one_worker(void **state)
{
	struct bench *bench = *state;
	struct service *stream = bench_internal("stream", SERVICE_REDIRECT);
	struct service *flows = bench_internal("flows", SERVICE_REDIRECT);
	struct group_list list;

	bench->engine.workers = 2;
	bench_at(stream, TRANSPORT_TCP, "127.0.0.1", bench_port());
	bench_at(flows, TRANSPORT_TCP, "127.0.0.1", bench_port());
	bench_at(flows, TRANSPORT_UDP, "127.0.0.1", bench_port());
	(void)bench_post(bench, stream);
	(void)bench_post(bench, flows);
	list = make(bench);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.groups[0].workers, 2);
	assert_int_equal(list.groups[1].workers, 1);
	groups_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(makes_none_of_nothing),
		CASE(keeps_what_has_a_program_of_its_own_apart),
		CASE(puts_equal_credentials_into_one_group_in_order),
		CASE(separates_different_credentials),
		CASE(leaves_programs_out),
		CASE(leaves_posts_without_a_socket_out),
		CASE(knows_the_ports_where_datagrams_are_answered),
		CASE(signs_the_same_thing_the_same_way),
		CASE(signs_another_service_differently),
		CASE(signs_another_socket_differently),
		CASE(signs_more_or_fewer_services_differently),
		CASE(signs_all_groups_anew_when_a_datagram_port_appears),
		CASE(keeps_what_only_one_can_serve_apart_from_what_several_do),
		CASE(keeps_flows_in_one_worker),
	};

	return cmocka_run_group_tests_name("serve/groups", tests, NULL, NULL);
}
