/* SPDX-License-Identifier: ISC */
/* Keys of exchanges: every part that tells two apart does, nothing else gets in. */
#include "test.h"

#include <arpa/inet.h>
#include <string.h>

#include "usherd/net/flow_key.h"

static struct addr addr4(const char *text, uint16_t port)
{
	struct addr addr = { .length = sizeof(struct sockaddr_in) };

	addr.u.in.sin_family = AF_INET;
	addr.u.in.sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, text, &addr.u.in.sin_addr), 1);
	return addr;
}

static struct addr addr6(const char *text, uint16_t port, uint32_t scope)
{
	struct addr addr = { .length = sizeof(struct sockaddr_in6) };

	addr.u.in6.sin6_family = AF_INET6;
	addr.u.in6.sin6_port = htons(port);
	addr.u.in6.sin6_scope_id = scope;
	assert_int_equal(inet_pton(AF_INET6, text, &addr.u.in6.sin6_addr), 1);
	return addr;
}

static bool same(const struct datagram *a, const struct datagram *b)
{
	struct flow_key one = flow_key_of(a);
	struct flow_key other = flow_key_of(b);

	return memcmp(&one, &other, sizeof(one)) == 0;
}

static void datagrams_of_one_exchange_have_one_key(void **state)
{
	uint8_t text[] = "text";
	struct datagram first = { .peer = addr4("127.0.0.2", 1000),
				  .local = addr4("127.0.0.1", 7) };
	struct datagram next = first;

	(void)state;
	next.data = text;
	next.length = sizeof(text);
	next.interface = 1;
	assert_true(same(&first, &next));
}

static void every_part_tells_apart(void **state)
{
	const struct datagram of = { .peer = addr4("127.0.0.2", 1000),
				     .local = addr4("127.0.0.1", 7) };
	const struct datagram others[] = {
		{ .peer = addr4("127.0.0.3", 1000), .local = of.local },
		{ .peer = addr4("127.0.0.2", 1001), .local = of.local },
		{ .peer = of.peer, .local = addr4("127.0.0.4", 7) },
		{ .peer = of.peer, .local = addr4("127.0.0.1", 8) },
		{ .peer = of.local, .local = of.peer },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(same(&of, &others[i]));
}

static void link_local_peers_are_told_apart_by_interface(void **state)
{
	const struct datagram of = { .peer = addr6("fe80::1", 1000, 1),
				     .local = addr6("fe80::2", 7, 1) };
	const struct datagram other = { .peer = addr6("fe80::1", 1000, 2),
					.local = addr6("fe80::2", 7, 2) };

	(void)state;
	assert_true(same(&of, &of));
	assert_false(same(&of, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_of_one_exchange_have_one_key),
		cmocka_unit_test(every_part_tells_apart),
		cmocka_unit_test(link_local_peers_are_told_apart_by_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
