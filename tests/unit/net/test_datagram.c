/* SPDX-License-Identifier: ISC */
/* Datagrams with both their addresses, and answers from the right one. */
#include "net_test.h"

#include <sched.h>

#include "usherd/net/datagram.h"

static uint8_t buffer[DATAGRAM_MAX];

struct pair {
	int listener;
	int client;
	struct addr local; /* as the listener is bound */
	struct addr to;    /* where the client sends */
	struct addr from;  /* the client's */
};

/* A listener at @bound and a client at @client_at that sends to @sent_to. */
static struct pair open_pair(const char *bound, const char *sent_to,
			     const char *client_at)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, bound, test_port());
	struct addr client = test_addr(client_at, 0);
	struct pair pair = { .listener = -1 };

	assert_int_equal(listener_open(&endpoint, &pair.listener, NULL), 0);
	pair.local = test_local(pair.listener);
	pair.to = test_addr(sent_to, addr_port(&pair.local));
	pair.client = test_sender(&client);
	assert_true(pair.client >= 0);
	pair.from = test_local(pair.client);
	return pair;
}

static void close_pair(struct pair *pair)
{
	fd_close(&pair->listener);
	fd_close(&pair->client);
}

static struct datagram exchange(const struct pair *pair, const char *text)
{
	struct datagram got = { 0 };

	assert_true(test_send(pair->client, &pair->to, text, strlen(text)));
	assert_true(test_readable(pair->listener));
	assert_int_equal(datagram_receive(pair->listener, &pair->local, buffer,
					  sizeof(buffer), &got),
			 0);
	assert_int_equal(got.length, strlen(text));
	assert_memory_equal(got.data, text, got.length);
	return got;
}

/* The client gets @text from @expected. */
static void assert_answer(const struct pair *pair, const struct addr *expected,
			  const char *text)
{
	struct addr from = { .length = sizeof(from.u) };
	char answer[64];

	assert_true(test_readable(pair->client));
	assert_int_equal(recvfrom(pair->client, answer, sizeof(answer), 0, &from.u.any,
				  &from.length),
			 strlen(text));
	assert_memory_equal(answer, text, strlen(text));
	assert_true(addr_equal(&from, expected));
}

static void tells_both_addresses_and_answers_from_the_right_one(void **state)
{
	static const struct {
		const char *bound, *sent_to, *client;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1", "127.0.0.1" },
		{ "0.0.0.0", "127.0.0.1", "127.0.0.1" },
		{ "0.0.0.0", "127.1.2.3", "127.0.0.9" },
		{ "::1", "::1", "::1" },
		{ "::", "::1", "::1" },
		{ "::", "127.0.0.1", "127.0.0.1" },
		{ "::", "127.4.5.6", "127.0.0.1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair pair =
			open_pair(cases[i].bound, cases[i].sent_to, cases[i].client);
		struct datagram got = exchange(&pair, "hello");

		assert_true(addr_equal(&got.peer, &pair.from));
		assert_true(addr_equal(&got.local, &pair.to));
		assert_int_equal(got.peer.u.any.sa_family, pair.to.u.any.sa_family);
		assert_int_equal(got.local.u.any.sa_family, pair.to.u.any.sa_family);
		assert_int_equal(got.interface, if_nametoindex("lo"));
		assert_false(got.multicast);
		assert_int_equal(
			datagram_reply(pair.listener, &got, (const uint8_t *)"you", 3),
			0);
		assert_answer(&pair, &pair.to, "you");
		close_pair(&pair);
	}
}

static void broadcast_is_marked_and_answered_from_an_own_address(void **state)
{
	static const char *const bound[] = { "0.0.0.0", "::" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair pair = open_pair(bound[i], "127.255.255.255", "127.0.0.1");
		struct addr expected = pair.to;
		struct datagram got;
		int on = 1;

		assert_int_equal(setsockopt(pair.client, SOL_SOCKET, SO_BROADCAST, &on,
					    sizeof(on)),
				 0);
		got = exchange(&pair, "all");
		assert_true(got.multicast);
		assert_true(addr_equal(&got.local, &pair.to));
		assert_int_equal(
			datagram_reply(pair.listener, &got, (const uint8_t *)"me", 2), 0);
		expected = test_addr("127.0.0.1", addr_port(&pair.to));
		assert_answer(&pair, &expected, "me");
		close_pair(&pair);
	}
}

static void multicast_is_marked(void **state)
{
	struct pair pair = open_pair("0.0.0.0", "224.0.0.251", "127.0.0.1");
	struct ip_mreqn group = { .imr_multiaddr = pair.to.u.in.sin_addr,
				  .imr_ifindex = (int)if_nametoindex("lo") };
	struct datagram got;

	(void)state;
	assert_int_equal(setsockopt(pair.listener, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group,
				    sizeof(group)),
			 0);
	assert_int_equal(setsockopt(pair.client, IPPROTO_IP, IP_MULTICAST_IF, &group,
				    sizeof(group)),
			 0);
	got = exchange(&pair, "group");
	assert_true(got.multicast);
	assert_true(addr_equal(&got.local, &pair.to));
	close_pair(&pair);
}

static int exchange_link_local(void *data)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "::", test_port());
	struct addr own;
	struct addr to;
	struct datagram got;
	int listener;
	int client;

	(void)data;
	if (unshare(CLONE_NEWNET) == -1)
		return 77;
	REQUIRE(test_loopback_up());
	REQUIRE(test_add_link_local("fe80::1%lo"));
	own = test_addr("fe80::1%lo", 0);
	REQUIRE(listener_open(&endpoint, &listener, NULL) == 0);
	to = test_local(listener);
	to = test_addr("fe80::1%lo", addr_port(&to));
	client = test_sender(&own);
	REQUIRE(client >= 0);
	own = test_local(client);
	REQUIRE(test_send(client, &to, "x", 1));
	REQUIRE(test_readable(listener));
	REQUIRE(datagram_receive(listener, &to, buffer, sizeof(buffer), &got) == 0);
	REQUIRE(addr_equal(&got.local, &to));
	REQUIRE(got.local.u.in6.sin6_scope_id == if_nametoindex("lo"));
	REQUIRE(addr_equal(&got.peer, &own));
	REQUIRE(datagram_reply(listener, &got, (const uint8_t *)"y", 1) == 0);
	REQUIRE(test_readable(client));
	/* And bound to one, as an endpoint. */
	fd_close(&listener);
	endpoint.addr = to;
	REQUIRE(listener_open(&endpoint, &listener, NULL) == 0);
	REQUIRE(listener_matches(listener, &endpoint));
	endpoint.addr.u.in6.sin6_scope_id = 0;
	REQUIRE(!listener_matches(listener, &endpoint));
	(void)snprintf(endpoint.interface, IFNAMSIZ, "lo");
	REQUIRE(listener_matches(listener, &endpoint));
	return 0;
}

static void link_local_addresses_keep_their_scope(void **state)
{
	int status;

	(void)state;
	SKIP_UNLESS_ROOT();
	status = test_in_child(exchange_link_local, NULL);
	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

static void socket_without_pktinfo_tells_its_own_address(void **state)
{
	struct pair pair = open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1");
	struct datagram got;
	int off = 0;

	(void)state;
	assert_int_equal(
		setsockopt(pair.listener, IPPROTO_IP, IP_PKTINFO, &off, sizeof(off)), 0);
	got = exchange(&pair, "plain");
	assert_true(addr_equal(&got.local, &pair.local));
	assert_int_equal(got.interface, 0);
	close_pair(&pair);
}

static void empty_queue_is_eagain(void **state)
{
	struct pair pair = open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1");
	struct datagram got = { .length = 77 };

	(void)state;
	assert_int_equal(datagram_receive(pair.listener, &pair.local, buffer,
					  sizeof(buffer), &got),
			 -EAGAIN);
	assert_int_equal(datagram_peek(pair.listener, &pair.local, &got), -EAGAIN);
	datagram_drop(pair.listener);
	assert_int_equal(got.length, 77);
	assert_int_equal(datagram_receive(-1, &pair.local, buffer, sizeof(buffer), &got),
			 -EBADF);
	close_pair(&pair);
}

static void empty_and_largest_datagrams_arrive_whole(void **state)
{
	struct pair pair = open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1");
	uint8_t *large = calloc(1, 65507);
	struct datagram got;

	(void)state;
	assert_non_null(large);
	(void)exchange(&pair, "");
	large[65506] = 'z';
	assert_true(test_send(pair.client, &pair.to, large, 65507));
	assert_true(test_readable(pair.listener));
	assert_int_equal(datagram_receive(pair.listener, &pair.local, buffer,
					  sizeof(buffer), &got),
			 0);
	assert_int_equal(got.length, 65507);
	assert_int_equal(got.data[65506], 'z');
	free(large);
	close_pair(&pair);
}

static void peeking_leaves_and_dropping_removes_the_first(void **state)
{
	struct pair pair = open_pair("0.0.0.0", "127.0.0.1", "127.0.0.1");
	struct datagram got;

	(void)state;
	assert_true(test_send(pair.client, &pair.to, "first", 5));
	assert_true(test_send(pair.client, &pair.to, "second", 6));
	assert_true(test_readable(pair.listener));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(datagram_peek(pair.listener, &pair.local, &got), 0);
		assert_int_equal(got.length, 5);
		assert_null(got.data);
		assert_true(addr_equal(&got.peer, &pair.from));
		assert_true(addr_equal(&got.local, &pair.to));
	}
	datagram_drop(pair.listener);
	assert_int_equal(datagram_receive(pair.listener, &pair.local, buffer,
					  sizeof(buffer), &got),
			 0);
	assert_memory_equal(got.data, "second", 6);
	close_pair(&pair);
}

static void icmp_errors_are_eaten(void **state)
{
	struct pair pair = open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1");
	struct datagram got;
	int connected;

	(void)state;
	fd_close(&pair.client);
	connected = test_client(SOCK_DGRAM, &pair.from);
	assert_int_equal(send(connected, "x", 1, 0), 1);
	assert_int_equal(
		datagram_receive(connected, &pair.local, buffer, sizeof(buffer), &got),
		-EAGAIN);
	/* And the error was there: without help the next call gets it. */
	assert_int_equal(send(connected, "x", 1, 0), 1);
	assert_int_equal(recv(connected, buffer, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, ECONNREFUSED);
	fd_close(&connected);
	close_pair(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_both_addresses_and_answers_from_the_right_one),
		cmocka_unit_test(broadcast_is_marked_and_answered_from_an_own_address),
		cmocka_unit_test(multicast_is_marked),
		cmocka_unit_test(link_local_addresses_keep_their_scope),
		cmocka_unit_test(socket_without_pktinfo_tells_its_own_address),
		cmocka_unit_test(empty_queue_is_eagain),
		cmocka_unit_test(empty_and_largest_datagrams_arrive_whole),
		cmocka_unit_test(peeking_leaves_and_dropping_removes_the_first),
		cmocka_unit_test(icmp_errors_are_eaten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
