/* SPDX-License-Identifier: ISC */
/* Endpoints and transports as values. */
#include "test.h"

#include <string.h>

#include "usherd/model/endpoint.h"

static struct endpoint on(enum transport transport, const char *address, uint16_t port)
{
	struct endpoint endpoint = { .transport = transport };

	assert_int_equal(transport_is_unix(transport)
				 ? addr_parse_unix(address, &endpoint.addr, NULL)
				 : addr_parse_ip(address, port, &endpoint.addr, NULL),
			 0);
	return endpoint;
}

static void assert_text(const struct endpoint *endpoint, const char *expected)
{
	char buffer[ENDPOINT_TEXT_SIZE];

	assert_ptr_equal(endpoint_format(endpoint, buffer), buffer);
	assert_string_equal(buffer, expected);
}

static void knows_its_transports(void **state)
{
	(void)state;
	assert_true(transport_is_stream(TRANSPORT_TCP));
	assert_false(transport_is_stream(TRANSPORT_UDP));
	assert_true(transport_is_stream(TRANSPORT_UNIX_STREAM));
	assert_false(transport_is_stream(TRANSPORT_UNIX_DGRAM));
	assert_false(transport_is_unix(TRANSPORT_TCP));
	assert_false(transport_is_unix(TRANSPORT_UDP));
	assert_true(transport_is_unix(TRANSPORT_UNIX_STREAM));
	assert_true(transport_is_unix(TRANSPORT_UNIX_DGRAM));
	for (unsigned i = TRANSPORT_TCP; i <= TRANSPORT_IP_RAW; i++) {
		int type = transport_socket_type((enum transport)i);

		assert_true(transport_is_stream((enum transport)i) ==
			    (type == SOCK_STREAM || type == SOCK_SEQPACKET));
		assert_true(transport_is_ip_other((enum transport)i) ==
			    (i >= TRANSPORT_IP_STREAM));
	}
	assert_string_equal(transport_name(TRANSPORT_TCP), "tcp");
	assert_string_equal(transport_name(TRANSPORT_UDP), "udp");
	assert_string_equal(transport_name(TRANSPORT_UNIX_STREAM), "unix");
	assert_string_equal(transport_name(TRANSPORT_UNIX_DGRAM), "unix-dgram");
}

static void is_written_with_transport_address_and_interface(void **state)
{
	struct endpoint endpoint = on(TRANSPORT_TCP, "127.0.0.1", 21);

	(void)state;
	assert_text(&endpoint, "tcp 127.0.0.1:21");
	endpoint = on(TRANSPORT_UDP, "::", 69);
	memcpy(endpoint.interface, "eth0", sizeof("eth0"));
	assert_text(&endpoint, "udp [::]:69 eth0");
	endpoint = on(TRANSPORT_UNIX_STREAM, "/run/x.sock", 0);
	assert_text(&endpoint, "unix /run/x.sock");
	endpoint = on(TRANSPORT_UNIX_DGRAM, "@x", 0);
	assert_text(&endpoint, "unix-dgram @x");
	endpoint = on(TRANSPORT_IP_STREAM, "::1", 21);
	endpoint.protocol = IPPROTO_SCTP;
	assert_text(&endpoint, "stream/132 [::1]:21");
	endpoint = on(TRANSPORT_IP_RAW, "0.0.0.0", 0);
	endpoint.protocol = IPPROTO_ICMP;
	assert_text(&endpoint, "raw/1 0.0.0.0");
}

static void protocols_are_told_apart(void **state)
{
	struct endpoint a = on(TRANSPORT_IP_DGRAM, "127.0.0.1", 21);
	struct endpoint b = a;

	(void)state;
	assert_true(endpoint_same_socket(&a, &b));
	assert_true(endpoint_clashes(&a, &b));
	b.protocol = IPPROTO_UDPLITE;
	assert_false(endpoint_same_socket(&a, &b));
	assert_false(endpoint_clashes(&a, &b));
	/* Any number of raw sockets may have the same address. */
	a = b = on(TRANSPORT_IP_RAW, "127.0.0.1", 0);
	assert_true(endpoint_same_socket(&a, &b));
	assert_false(endpoint_clashes(&a, &b));
}

static void the_longest_text_is_not_cut(void **state)
{
	char path[108];
	char buffer[ENDPOINT_TEXT_SIZE];
	struct endpoint endpoint;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	endpoint = on(TRANSPORT_UNIX_DGRAM, path, 0);
	memset(endpoint.interface, 'i', IFNAMSIZ - 1);
	endpoint_format(&endpoint, buffer);
	assert_int_equal(strlen(buffer), strlen("unix-dgram ") + 107 + 1 + IFNAMSIZ - 1);
}

static void one_socket_serves_both_when_only_open_settings_differ(void **state)
{
	struct endpoint a = on(TRANSPORT_TCP, "127.0.0.1", 21);
	struct endpoint b = a;

	(void)state;
	b.backlog = 7;
	b.owner = 8;
	b.group = 9;
	b.mode = 0600;
	assert_true(endpoint_same_socket(&a, &b));
}

static void anything_else_needs_a_new_socket(void **state)
{
	struct endpoint a = on(TRANSPORT_TCP, "127.0.0.1", 21);
	struct endpoint b = on(TRANSPORT_TCP, "127.0.0.1", 22);

	(void)state;
	assert_false(endpoint_same_socket(&a, &b));
	b = on(TRANSPORT_TCP, "127.0.0.2", 21);
	assert_false(endpoint_same_socket(&a, &b));
	b = on(TRANSPORT_UDP, "127.0.0.1", 21);
	assert_false(endpoint_same_socket(&a, &b));
	b = a;
	b.v6only = true;
	assert_false(endpoint_same_socket(&a, &b));
	b = a;
	b.interface[0] = 'e';
	assert_false(endpoint_same_socket(&a, &b));
	a = on(TRANSPORT_UNIX_STREAM, "/x", 0);
	b = on(TRANSPORT_UNIX_DGRAM, "/x", 0);
	assert_false(endpoint_same_socket(&a, &b));
	b = on(TRANSPORT_UNIX_STREAM, "@x", 0);
	assert_false(endpoint_same_socket(&a, &b));
	b = on(TRANSPORT_UNIX_STREAM, "/x", 0);
	assert_true(endpoint_same_socket(&a, &b));
}

static void a_port_that_the_kernel_chooses_belongs_to_its_service(void **state)
{
	struct endpoint a = { .transport = TRANSPORT_TCP, .chosen_for = 1 };
	struct endpoint b = a;

	(void)state;
	assert_int_equal(addr_parse_ip("127.0.0.1", 0, &a.addr, NULL), 0);
	assert_int_equal(addr_parse_ip("127.0.0.1", 5000, &b.addr, NULL), 0);
	assert_true(endpoint_same_socket(&a, &b));
	assert_false(endpoint_clashes(&a, &a));
	b.chosen_for = 2;
	assert_false(endpoint_same_socket(&a, &b));
	b.chosen_for = 0;
	assert_false(endpoint_same_socket(&a, &b));
	assert_int_equal(addr_parse_ip("127.0.0.2", 5000, &b.addr, NULL), 0);
	b.chosen_for = 1;
	assert_false(endpoint_same_socket(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_that_the_kernel_chooses_belongs_to_its_service),
		cmocka_unit_test(knows_its_transports),
		cmocka_unit_test(protocols_are_told_apart),
		cmocka_unit_test(is_written_with_transport_address_and_interface),
		cmocka_unit_test(the_longest_text_is_not_cut),
		cmocka_unit_test(one_socket_serves_both_when_only_open_settings_differ),
		cmocka_unit_test(anything_else_needs_a_new_socket),
	};

	return cmocka_run_group_tests_name("model/endpoint", tests, NULL, NULL);
}
