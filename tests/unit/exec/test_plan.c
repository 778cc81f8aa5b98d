/* SPDX-License-Identifier: ISC */
/* Plans: the arrays for execve(2), before any process is made. */
#include "test.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/exec/plan.h"

static const char *const empty[] = { NULL };

struct fixture {
	struct service *service;
	struct program *program; /* its */
	struct plan *plan;
	void *room; /* for the environment of a start */
	struct addr peer;
	struct addr local;
	struct invocation invocation;
};

static void init(struct fixture *fixture)
{
	*fixture = (struct fixture){ .service = service_new() };
	assert_non_null(fixture->service);
	fixture->program = &fixture->service->program;
	fixture->program->path = strdup("/bin/answer");
	fixture->invocation.fd = -1;
	fixture->invocation.stderr_fd = -1;
}

static void done(struct fixture *fixture)
{
	plan_unref(fixture->plan);
	free(fixture->room);
	service_unref(fixture->service);
}

static void set_addresses(struct fixture *fixture, const char *peer, const char *local)
{
	if (peer != NULL)
		assert_int_equal(addr_parse_ip(peer, 40000, &fixture->peer, NULL), 0);
	if (local != NULL)
		assert_int_equal(addr_parse_ip(local, 7, &fixture->local, NULL), 0);
	fixture->invocation.peer = peer == NULL ? NULL : &fixture->peer;
	fixture->invocation.local = local == NULL ? NULL : &fixture->local;
}

/* What is inherited is gone afterwards: plans keep references and copies. */
static void plan(struct fixture *fixture, const char *const *inherited)
{
	char *none = NULL;
	struct strings list = { 0 };
	struct environment *environment;

	for (size_t i = 0; inherited[i] != NULL; i++)
		assert_int_equal(strings_add(&list, inherited[i]), 0);
	plan_unref(fixture->plan);
	fixture->plan = NULL;
	assert_int_equal(
		environment_new(list.items == NULL ? &none : list.items, &environment),
		0);
	assert_int_equal(plan_new(fixture->service, environment, TECHNIQUE_SHARED,
				  &fixture->plan, NULL),
			 0);
	environment_unref(environment);
	strings_done(&list);
}

/* In room of exactly the size that the plan asks for. */
static char *const *fill(struct fixture *fixture)
{
	free(fixture->room);
	fixture->room = malloc(plan_environment_size(fixture->plan));
	assert_non_null(fixture->room);
	return plan_environment(fixture->plan, &fixture->invocation, fixture->room);
}

/* @expected: all variables in order, joined by "|". */
static void assert_environment(struct fixture *fixture, const char *expected)
{
	char *const *items = fill(fixture);
	char joined[2048] = "";

	for (size_t i = 0; items[i] != NULL; i++) {
		size_t used = strlen(joined);

		(void)snprintf(joined + used, sizeof(joined) - used, "%s%s",
			       i == 0 ? "" : "|", items[i]);
	}
	assert_string_equal(joined, expected);
}

static void add(struct strings *list, const char *item)
{
	assert_int_equal(strings_add(list, item), 0);
}

static void names_a_tcp_client(void **state)
{
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	set_addresses(&fixture, "192.0.2.1", "198.51.100.2");
	fixture.invocation.transport = TRANSPORT_TCP;
	assert_environment(&fixture, "REMOTE_HOST=192.0.2.1|REMOTE_ADDR=192.0.2.1|"
				     "REMOTE_PORT=40000|PROTO=TCP|"
				     "TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=40000|"
				     "TCPLOCALIP=198.51.100.2|TCPLOCALPORT=7");
	done(&fixture);
}

static void names_a_udp_client(void **state)
{
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	set_addresses(&fixture, "2001:db8::1", "2001:db8::2");
	fixture.invocation.transport = TRANSPORT_UDP;
	assert_environment(&fixture, "REMOTE_HOST=2001:db8::1|REMOTE_ADDR=2001:db8::1|"
				     "REMOTE_PORT=40000|PROTO=UDP|"
				     "UDPREMOTEIP=2001:db8::1|UDPREMOTEPORT=40000|"
				     "UDPLOCALIP=2001:db8::2|UDPLOCALPORT=7");
	done(&fixture);
}

static void shows_a_mapped_client_as_plain_ipv4(void **state)
{
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	set_addresses(&fixture, "::ffff:192.0.2.1", NULL);
	assert_environment(&fixture, "REMOTE_HOST=192.0.2.1|REMOTE_ADDR=192.0.2.1|"
				     "REMOTE_PORT=40000|PROTO=TCP|"
				     "TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=40000");
	done(&fixture);
}

static void names_a_unix_client_without_ports(void **state)
{
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	assert_int_equal(addr_parse_unix("/run/c", &fixture.peer, NULL), 0);
	assert_int_equal(addr_parse_unix("@hall", &fixture.local, NULL), 0);
	fixture.invocation.peer = &fixture.peer;
	fixture.invocation.local = &fixture.local;
	fixture.invocation.transport = TRANSPORT_UNIX_STREAM;
	assert_environment(&fixture, "REMOTE_HOST=/run/c|PROTO=UNIX|"
				     "UNIXLOCALPATH=@hall");
	fixture.invocation.transport = TRANSPORT_UNIX_DGRAM;
	assert_environment(&fixture, "REMOTE_HOST=/run/c|PROTO=UNIX|"
				     "UNIXLOCALPATH=@hall");
	done(&fixture);
}

static void unix_client_cannot_pass_for_an_address(void **state)
{
	static const char name[] = "203.0.113.9";
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	fixture.peer = (struct addr){
		.length = offsetof(struct sockaddr_un, sun_path) + sizeof(name),
		.u.un.sun_family = AF_UNIX,
	};
	memcpy(fixture.peer.u.un.sun_path, name, sizeof(name));
	fixture.invocation.peer = &fixture.peer;
	fixture.invocation.transport = TRANSPORT_UNIX_STREAM;
	assert_environment(&fixture, "REMOTE_HOST=<no address>|PROTO=UNIX");
	done(&fixture);
}

static void knows_a_unix_client_without_a_name(void **state)
{
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	fixture.peer.length = 0;
	fixture.invocation.peer = &fixture.peer;
	fixture.invocation.transport = TRANSPORT_UNIX_STREAM;
	assert_environment(&fixture, "REMOTE_HOST=<no address>|PROTO=UNIX");
	done(&fixture);
}

static void says_no_address_for_an_unknown_client_and_nothing_else(void **state)
{
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	set_addresses(&fixture, NULL, "192.0.2.1");
	for (int transport = TRANSPORT_TCP; transport <= TRANSPORT_UNIX_DGRAM;
	     transport++) {
		fixture.invocation.transport = (enum transport)transport;
		assert_environment(&fixture, "REMOTE_HOST=<no address>");
	}
	fixture.invocation.peer = &fixture.peer; /* of length 0 */
	fixture.invocation.transport = TRANSPORT_TCP;
	assert_environment(&fixture, "REMOTE_HOST=<no address>");
	done(&fixture);
}

static void forgets_one_client_before_the_next(void **state)
{
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	set_addresses(&fixture, "2001:db8:1111:2222:3333:4444:5555:6666", "192.0.2.1");
	(void)fill(&fixture);
	fixture.invocation.peer = NULL;
	assert_environment(&fixture, "REMOTE_HOST=<no address>");
	set_addresses(&fixture, "192.0.2.9", NULL);
	assert_environment(&fixture, "REMOTE_HOST=192.0.2.9|REMOTE_ADDR=192.0.2.9|"
				     "REMOTE_PORT=40000|PROTO=TCP|"
				     "TCPREMOTEIP=192.0.2.9|TCPREMOTEPORT=40000");
	done(&fixture);
}

static void passes_the_whole_environment_unless_told_otherwise(void **state)
{
	const char *const inherited[] = { "PATH=/bin", "EMPTY=", "LANG=C", NULL };
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, inherited);
	assert_environment(&fixture, "PATH=/bin|EMPTY=|LANG=C|REMOTE_HOST=<no address>");
	done(&fixture);
}

static void keeps_to_itself_what_was_meant_for_the_daemon(void **state)
{
	const char *const inherited[] = { "NOTIFY_SOCKET=/run/n", "LISTEN_FDS=3",
					  "LISTEN_PID=1",         "LISTEN_FDNAMES=a",
					  "WATCHDOG_USEC=1",      "WATCHDOG_PID=1",
					  "TCPREMOTEHOST=evil",   "TCPREMOTEINFO=root",
					  "LISTEN_FDSX=kept",     NULL };
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, inherited);
	assert_environment(&fixture, "LISTEN_FDSX=kept|REMOTE_HOST=<no address>");
	fixture.program->passenv_given = true;
	add(&fixture.program->passenv, "NOTIFY_SOCKET");
	plan(&fixture, inherited);
	assert_environment(&fixture, "NOTIFY_SOCKET=/run/n|REMOTE_HOST=<no address>");
	done(&fixture);
}

static void lets_nobody_else_name_the_client(void **state)
{
	const char *const inherited[] = {
		"REMOTE_HOST=a", "REMOTE_ADDR=a",   "REMOTE_PORT=1",
		"PROTO=SSL",     "TCPREMOTEIP=a",   "UDPLOCALPORT=1",
		"TCPLOCALIP=a",  "UNIXLOCALPATH=a", NULL
	};
	struct fixture fixture;

	(void)state;
	init(&fixture);
	add(&fixture.program->env, "REMOTE_ADDR=10.0.0.1");
	add(&fixture.program->env, "TCPREMOTEPORT=1");
	add(&fixture.program->env, "REMOTE_USER=kept");
	plan(&fixture, inherited);
	assert_environment(&fixture, "REMOTE_USER=kept|REMOTE_HOST=<no address>");
	done(&fixture);
}

static void passes_named_variables_in_the_order_of_passenv(void **state)
{
	const char *const inherited[] = { "A=1", "AB=2", "B=3", "C=4", NULL };
	struct fixture fixture;

	(void)state;
	init(&fixture);
	fixture.program->passenv_given = true;
	add(&fixture.program->passenv, "C");
	add(&fixture.program->passenv, "MISSING");
	add(&fixture.program->passenv, "A");
	add(&fixture.program->passenv, "REMOTE_HOST");
	plan(&fixture, inherited);
	assert_environment(&fixture, "C=4|A=1|REMOTE_HOST=<no address>");
	done(&fixture);
}

static void passes_nothing_for_an_empty_passenv(void **state)
{
	const char *const inherited[] = { "A=1", NULL };
	struct fixture fixture;

	(void)state;
	init(&fixture);
	fixture.program->passenv_given = true;
	plan(&fixture, inherited);
	assert_environment(&fixture, "REMOTE_HOST=<no address>");
	done(&fixture);
}

static void lets_env_override_and_the_last_of_a_name_win(void **state)
{
	const char *const inherited[] = { "A=inherited", "B=inherited", NULL };
	struct fixture fixture;

	(void)state;
	init(&fixture);
	add(&fixture.program->env, "A=first");
	add(&fixture.program->env, "X=a b=c");
	add(&fixture.program->env, "A=last");
	plan(&fixture, inherited);
	assert_environment(&fixture,
			   "B=inherited|X=a b=c|A=last|REMOTE_HOST=<no address>");
	done(&fixture);
}

static void passes_over_what_is_no_variable(void **state)
{
	const char *const inherited[] = { "JUNK", "=C:=odd", "", "A=1", NULL };
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, inherited);
	assert_environment(&fixture, "A=1|REMOTE_HOST=<no address>");
	done(&fixture);
}

static void keeps_a_long_scope_within_its_slot(void **state)
{
	char path[108];
	struct fixture fixture;
	char *const *items;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	memset(path, '\1', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(addr_parse_unix(path, &fixture.peer, NULL), 0);
	fixture.invocation.peer = &fixture.peer;
	fixture.invocation.transport = TRANSPORT_UNIX_STREAM;
	items = fill(&fixture);
	assert_true(strncmp(items[0], "REMOTE_HOST=/\\x01", 17) == 0);
	assert_string_equal(items[1], "PROTO=UNIX");
	assert_null(items[2]);
	done(&fixture);
}

/* As much as a system passes on, and the longest names a client can have. */
static void has_room_for_a_huge_environment_and_the_longest_addresses(void **state)
{
	enum {
		COUNT = 5000
	};
	struct fixture fixture;
	char path[108];
	char *const *items;

	(void)state;
	init(&fixture);
	for (int i = 0; i < COUNT; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "V%d=%d", i, i);
		add(&fixture.program->env, text);
	}
	plan(&fixture, empty);
	memset(path, '\1', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(addr_parse_unix(path, &fixture.peer, NULL), 0);
	fixture.invocation.peer = &fixture.peer;
	fixture.invocation.local = &fixture.peer;
	for (int transport = TRANSPORT_TCP; transport <= TRANSPORT_UNIX_DGRAM;
	     transport++) {
		fixture.invocation.transport = (enum transport)transport;
		items = fill(&fixture);
		assert_string_equal(items[0], "V0=0");
		assert_string_equal(items[COUNT - 1], "V4999=4999");
		assert_true(strncmp(items[COUNT], "REMOTE_HOST=/\\x01", 17) == 0);
	}
	done(&fixture);
}

static void keeps_the_environments_of_two_clients_apart(void **state)
{
	const char *const inherited[] = { "A=1", NULL };
	struct fixture fixture;
	char *const *first;
	void *room;

	(void)state;
	init(&fixture);
	plan(&fixture, inherited);
	set_addresses(&fixture, "192.0.2.1", NULL);
	first = fill(&fixture);
	room = fixture.room;
	fixture.room = NULL;
	set_addresses(&fixture, "192.0.2.2", NULL);
	assert_string_equal(fill(&fixture)[1], "REMOTE_HOST=192.0.2.2");
	assert_string_equal(first[1], "REMOTE_HOST=192.0.2.1");
	free(room);
	done(&fixture);
}

/* Whoever has a reference may use it, whatever has become of the service's post. */
static void lives_as_long_as_somebody_has_a_reference(void **state)
{
	struct fixture fixture;
	struct plan *plan_kept;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	plan_kept = plan_ref(fixture.plan);
	done(&fixture);
	assert_string_equal(plan_program(plan_kept)->path, "/bin/answer");
	assert_string_equal(plan_arguments(plan_kept)[0], "/bin/answer");
	assert_int_equal(plan_technique(plan_kept), TECHNIQUE_SHARED);
	plan_unref(plan_kept);
	plan_unref(NULL);
}

static void hands_out_the_arguments_as_they_are(void **state)
{
	struct fixture fixture;
	char *const *arguments;

	(void)state;
	init(&fixture);
	add(&fixture.program->argv, "answer");
	add(&fixture.program->argv, "two words");
	plan(&fixture, empty);
	arguments = plan_arguments(fixture.plan);
	assert_string_equal(arguments[0], "answer");
	assert_string_equal(arguments[1], "two words");
	assert_null(arguments[2]);
	assert_ptr_equal(plan_program(fixture.plan), fixture.program);
	done(&fixture);
}

static void never_starts_a_program_without_a_name(void **state)
{
	struct fixture fixture;

	(void)state;
	init(&fixture);
	plan(&fixture, empty);
	assert_string_equal(plan_arguments(fixture.plan)[0], "/bin/answer");
	assert_null(plan_arguments(fixture.plan)[1]);
	done(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_a_tcp_client),
		cmocka_unit_test(names_a_udp_client),
		cmocka_unit_test(shows_a_mapped_client_as_plain_ipv4),
		cmocka_unit_test(names_a_unix_client_without_ports),
		cmocka_unit_test(unix_client_cannot_pass_for_an_address),
		cmocka_unit_test(knows_a_unix_client_without_a_name),
		cmocka_unit_test(says_no_address_for_an_unknown_client_and_nothing_else),
		cmocka_unit_test(forgets_one_client_before_the_next),
		cmocka_unit_test(passes_the_whole_environment_unless_told_otherwise),
		cmocka_unit_test(keeps_to_itself_what_was_meant_for_the_daemon),
		cmocka_unit_test(lets_nobody_else_name_the_client),
		cmocka_unit_test(passes_named_variables_in_the_order_of_passenv),
		cmocka_unit_test(passes_nothing_for_an_empty_passenv),
		cmocka_unit_test(lets_env_override_and_the_last_of_a_name_win),
		cmocka_unit_test(passes_over_what_is_no_variable),
		cmocka_unit_test(keeps_a_long_scope_within_its_slot),
		cmocka_unit_test(
			has_room_for_a_huge_environment_and_the_longest_addresses),
		cmocka_unit_test(keeps_the_environments_of_two_clients_apart),
		cmocka_unit_test(lives_as_long_as_somebody_has_a_reference),
		cmocka_unit_test(hands_out_the_arguments_as_they_are),
		cmocka_unit_test(never_starts_a_program_without_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
