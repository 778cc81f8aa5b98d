/* SPDX-License-Identifier: ISC */
/* What rpcbind is to be told, and when everything has been said. */
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "usherd/serve/registrations.h"

static struct addr address(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse_ip(text, port, &addr, NULL), 0);
	return addr;
}

static void an_address_ends_in_its_port(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
		const char *expected;
	} table[] = {
		{ "127.0.0.1", 1025, "127.0.0.1.4.1" },
		{ "0.0.0.0", 111, "0.0.0.0.0.111" },
		{ "255.255.255.255", 65535, "255.255.255.255.255.255" },
		{ "::", 256, "::.1.0" },
		{ "::1", 2049, "::1.8.1" },
		{ "2001:db8::7", 65280, "2001:db8::7.255.0" },
	};
	char text[UNIVERSAL_ADDRESS_SIZE];
	struct addr path;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct addr addr = address(table[i].host, table[i].port);

		assert_true(registrations_universal(&addr, text));
		assert_string_equal(text, table[i].expected);
	}
	assert_int_equal(addr_parse_unix("/run/x", &path, NULL), 0);
	assert_false(registrations_universal(&path, text));
}

static void want(struct registrations *list, const struct service *service,
		 enum transport transport, const char *host, uint16_t port,
		 unsigned *netids)
{
	struct addr local = address(host, port);
	struct endpoint endpoint = { .transport = transport, .addr = local };

	assert_int_equal(registrations_want(list, service, &endpoint, &local, netids), 0);
}

static void expect(struct registrations *list, const char *expected)
{
	char text[512] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	registrations_write(list, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
}

static const struct service service = { .types = SERVICE_RPC,
					.rpc_program = 100002,
					.rpc_versions = { 2, 3, true } };

static void a_socket_for_both_families_is_registered_for_both(void **state)
{
	struct registrations list = { 0 };
	unsigned netids = 0;

	(void)state;
	registrations_begin(&list);
	want(&list, &service, TRANSPORT_UDP, "::", 1025, &netids);
	/* rpcbind knows one address of each. */
	want(&list, &service, TRANSPORT_UDP, "127.0.0.1", 1026, &netids);
	want(&list, &service, TRANSPORT_TCP, "::1", 1027, &netids);
	registrations_end(&list);
	expect(&list, "+ 100002 2 3 udp6 ::.4.1\n"
		      "+ 100002 2 3 udp 0.0.0.0.4.1\n"
		      "+ 100002 2 3 tcp6 ::1.4.3\n");
	registrations_done(&list);
}

static void what_was_told_is_said_again_and_removed_in_the_end(void **state)
{
	struct registrations list = { 0 };
	unsigned netids = 0;

	(void)state;
	registrations_begin(&list);
	want(&list, &service, TRANSPORT_TCP, "127.0.0.1", 1025, &netids);
	registrations_end(&list);
	assert_true(registrations_pending(&list));
	expect(&list, "+ 100002 2 3 tcp 127.0.0.1.4.1\n");
	registrations_settle(&list, false);
	assert_true(registrations_pending(&list));
	expect(&list, "+ 100002 2 3 tcp 127.0.0.1.4.1\n");
	registrations_settle(&list, true);
	assert_false(registrations_pending(&list));
	expect(&list, "= 100002 2 3 tcp 127.0.0.1.4.1\n");
	registrations_settle(&list, true);

	netids = 0;
	registrations_begin(&list);
	want(&list, &service, TRANSPORT_TCP, "127.0.0.1", 1026, &netids);
	registrations_end(&list);
	expect(&list, "- 100002 2 3 tcp 127.0.0.1.4.1\n"
		      "+ 100002 2 3 tcp 127.0.0.1.4.2\n");
	registrations_settle(&list, true);
	assert_int_equal(list.count, 1);
	registrations_done(&list);
}

static void what_was_never_told_is_not_removed(void **state)
{
	struct registrations list = { 0 };
	unsigned netids = 0;

	(void)state;
	registrations_begin(&list);
	want(&list, &service, TRANSPORT_TCP, "127.0.0.1", 1025, &netids);
	registrations_end(&list);
	registrations_begin(&list);
	registrations_end(&list);
	assert_int_equal(list.count, 0);
	assert_false(registrations_pending(&list));
	registrations_done(&list);
}

static void what_is_wanted_again_after_its_removal_is_registered_anew(void **state)
{
	struct registrations list = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		unsigned netids = 0;

		registrations_begin(&list);
		want(&list, &service, TRANSPORT_TCP, "127.0.0.1", 1025, &netids);
		registrations_end(&list);
		expect(&list, "+ 100002 2 3 tcp 127.0.0.1.4.1\n");
		registrations_settle(&list, true);
		registrations_begin(&list);
		registrations_end(&list);
		expect(&list, "- 100002 2 3 tcp 127.0.0.1.4.1\n");
		registrations_settle(&list, i != 0);
	}
	assert_int_equal(list.count, 0);
	registrations_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_ends_in_its_port),
		cmocka_unit_test(a_socket_for_both_families_is_registered_for_both),
		cmocka_unit_test(what_was_told_is_said_again_and_removed_in_the_end),
		cmocka_unit_test(what_was_never_told_is_not_removed),
		cmocka_unit_test(
			what_is_wanted_again_after_its_removal_is_registered_anew),
	};

	return cmocka_run_group_tests_name("serve/registrations", tests, NULL, NULL);
}
