/* SPDX-License-Identifier: ISC */
/* Which datagrams are answered, and that the answer arrives, from the right address. */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"
#include "usherd/internal/internal.h"
#include "usherd/internal/responder.h"

static struct addr ip(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse_ip(text, port, &addr, NULL), 0);
	return addr;
}

static bool may(const char *peer, uint16_t peer_port, const char *local,
		uint16_t local_port)
{
	struct datagram request = { .peer = ip(peer, peer_port),
				    .local = ip(local, local_port) };

	return responder_may_answer(&request);
}

static void answers_ordinary_clients(void **state)
{
	(void)state;
	assert_true(may("192.0.2.1", 40000, "192.0.2.9", 7));
	assert_true(may("192.0.2.1", 1024, "192.0.2.9", 7));
	assert_true(may("192.0.2.1", 65535, "192.0.2.9", 7007));
	assert_true(may("127.0.0.1", 40000, "127.0.0.1", 7));
	assert_true(may("2001:db8::1", 40000, "2001:db8::9", 7));
	assert_true(may("fe80::1", 40000, "fe80::2", 7));
	assert_true(may("::1", 40000, "::1", 7));
	assert_true(may("223.255.255.254", 40000, "192.0.2.9", 7));
}

/* Traffic from a low port is not answered for that alone: some clients bind one. */
static void answers_a_reserved_port_that_nothing_listens_on(void **state)
{
	(void)state;
	assert_true(may("192.0.2.1", 1023, "192.0.2.9", 7));
	assert_true(may("192.0.2.1", 800, "192.0.2.9", 7));
}

static void refuses_ports_that_would_answer_back(void **state)
{
	static const uint16_t ports[] = { 7,   9,    11,   13,   17,   19,  37,
					  53,  69,   111,  123,  137,  161, 389,
					  520, 1434, 1900, 5353, 11211 };
	(void)state;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		assert_false(may("192.0.2.1", ports[i], "192.0.2.9", 7007));
		assert_false(may("2001:db8::1", ports[i], "2001:db8::9", 7007));
	}
}

static void refuses_port_zero(void **state)
{
	(void)state;
	assert_false(may("192.0.2.1", 0, "192.0.2.9", 7));
}

static void refuses_the_port_it_was_asked_on(void **state)
{
	(void)state;
	assert_false(may("127.0.0.1", 7007, "127.0.0.1", 7007));
	assert_false(may("192.0.2.1", 7007, "192.0.2.9", 7007));
	assert_false(may("::1", 7007, "::1", 7007));
	assert_true(may("192.0.2.1", 7008, "192.0.2.9", 7007));
}

static void refuses_addresses_that_are_not_one_host(void **state)
{
	static const char *const addresses[] = { "0.0.0.0",   "0.1.2.3",
						 "224.0.0.1", "239.255.255.255",
						 "240.0.0.1", "255.255.255.255" };
	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_false(may(addresses[i], 40000, "192.0.2.9", 7));
	assert_false(may("::", 40000, "2001:db8::9", 7));
	assert_false(may("ff02::1", 40000, "2001:db8::9", 7));
	assert_false(may("ff0e::1234", 40000, "2001:db8::9", 7));
}

static void refuses_requests_sent_to_many(void **state)
{
	struct datagram request = { .peer = ip("192.0.2.1", 40000),
				    .local = ip("224.0.0.1", 7),
				    .multicast = true };

	(void)state;
	assert_false(responder_may_answer(&request));
}

static void answers_unix_senders_that_have_a_name(void **state)
{
	struct datagram request = { .peer = { .length = 0 } };

	(void)state;
	assert_int_equal(addr_parse_unix("@here", &request.local, NULL), 0);
	assert_false(responder_may_answer(&request));
	assert_int_equal(addr_parse_unix("@there", &request.peer, NULL), 0);
	assert_true(responder_may_answer(&request));
	request.peer = request.local;
	assert_false(responder_may_answer(&request));
}

static void refuses_families_it_does_not_know(void **state)
{
	struct datagram request = { .peer = ip("192.0.2.1", 40000),
				    .local = ip("192.0.2.9", 7) };

	(void)state;
	request.peer.u.any.sa_family = AF_APPLETALK;
	assert_false(responder_may_answer(&request));
}

static void knows_the_ports_of_its_own_services(void **state)
{
	static struct responder_ports ports;
	struct datagram request = { .local = ip("192.0.2.9", 7007) };

	(void)state;
	responder_ports_add(&ports, 7019);
	responder_ports_add(&ports, 0);
	responder_ports_add(&ports, 65535);
	request.peer = ip("192.0.2.1", 7019);
	assert_true(responder_ports_sent(&ports, &request));
	request.peer = ip("2001:db8::1", 65535);
	assert_true(responder_ports_sent(&ports, &request));
	request.peer = ip("192.0.2.1", 7018);
	assert_false(responder_ports_sent(&ports, &request));
	request.peer = ip("192.0.2.1", 7020);
	assert_false(responder_ports_sent(&ports, &request));
	request.peer = ip("192.0.2.1", 0);
	assert_true(responder_ports_sent(&ports, &request));
}

/* A service's socket, a client's, and what came from the one to the other. */
struct exchange {
	int server;
	int client;
	struct addr local;
	struct datagram request;
	uint8_t buffer[2048];
	uint8_t reply[2048];
};

static int bound_socket(const char *host, struct addr *ret)
{
	struct addr addr = ip(host, 0);
	int one = 1;
	int fd = socket(addr_family(&addr), SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	if (addr_family(&addr) == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	assert_int_equal(bind(fd, &addr.u.any, addr.length), 0);
	assert_int_equal(getsockname(fd, &addr.u.any, &addr.length), 0);
	*ret = addr;
	return fd;
}

static void ask(struct exchange *exchange, const char *host, const void *data,
		size_t length)
{
	struct addr client;

	exchange->server = bound_socket(host, &exchange->local);
	exchange->client = bound_socket(host, &client);
	assert_int_equal(
		connect(exchange->client, &exchange->local.u.any, exchange->local.length),
		0);
	assert_int_equal(send(exchange->client, data, length, 0), length);
	assert_int_equal(datagram_receive(exchange->server, &exchange->local,
					  exchange->buffer, sizeof(exchange->buffer),
					  &exchange->request),
			 0);
}

static bool answer(struct exchange *exchange, const char *name)
{
	static const struct builtin_moment moment = { .wall_seconds = 0 };

	ssize_t length =
		responder_answer(internal_find(name)->builtin, &exchange->request,
				 exchange->reply, sizeof(exchange->reply), &moment);

	return length >= 0 && datagram_reply(exchange->server, &exchange->request,
					     exchange->reply, (size_t)length) == 0;
}

static void hang_up(const struct exchange *exchange)
{
	close(exchange->server);
	close(exchange->client);
}

static void echo_comes_back_from_the_address_it_was_sent_to(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };
	char got[16];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		static struct exchange exchange;
		ask(&exchange, hosts[i], "hello", 5);
		assert_true(answer(&exchange, "echo"));
		/* The client's socket is connected: only that address gets through. */
		assert_int_equal(recv(exchange.client, got, sizeof(got), MSG_DONTWAIT),
				 5);
		assert_memory_equal(got, "hello", 5);
		hang_up(&exchange);
	}
}

static void empty_datagram_is_echoed(void **state)
{
	static struct exchange exchange;
	char got[16];

	(void)state;
	ask(&exchange, "127.0.0.1", "", 0);
	assert_true(answer(&exchange, "echo"));
	assert_int_equal(recv(exchange.client, got, sizeof(got), MSG_DONTWAIT), 0);
	hang_up(&exchange);
}

static void time_answers_whatever_was_asked(void **state)
{
	static struct exchange exchange;
	uint8_t got[16];

	(void)state;
	ask(&exchange, "127.0.0.1", "what?", 5);
	assert_true(answer(&exchange, "time"));
	assert_int_equal(recv(exchange.client, got, sizeof(got), MSG_DONTWAIT), 4);
	assert_memory_equal(got, ((uint8_t[]){ 0x83, 0xaa, 0x7e, 0x80 }), 4);
	hang_up(&exchange);
}

static void nothing_is_sent_where_nothing_is_said(void **state)
{
	static const struct builtin mute = { .name = "mute" };
	static struct exchange exchange;
	char got[16];

	(void)state;
	ask(&exchange, "127.0.0.1", "hello", 5);
	assert_false(answer(&exchange, "discard"));
	assert_int_equal(responder_answer(&mute, &exchange.request, exchange.reply,
					  sizeof(exchange.reply), NULL),
			 -1);
	exchange.request.multicast = true;
	assert_false(answer(&exchange, "echo"));
	exchange.request.multicast = false;
	/* No room for the whole of it. */
	assert_int_equal(responder_answer(internal_find("echo")->builtin,
					  &exchange.request, exchange.reply, 4, NULL),
			 -1);
	assert_int_equal(recv(exchange.client, got, sizeof(got), MSG_DONTWAIT), -1);
	hang_up(&exchange);
}

static void answer_that_cannot_be_sent_is_dropped(void **state)
{
	static struct exchange exchange;

	(void)state;
	ask(&exchange, "127.0.0.1", "hello", 5);
	close(exchange.server);
	exchange.server = -1;
	assert_false(answer(&exchange, "echo"));
	close(exchange.client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_ordinary_clients),
		cmocka_unit_test(answers_a_reserved_port_that_nothing_listens_on),
		cmocka_unit_test(refuses_ports_that_would_answer_back),
		cmocka_unit_test(refuses_port_zero),
		cmocka_unit_test(refuses_the_port_it_was_asked_on),
		cmocka_unit_test(refuses_addresses_that_are_not_one_host),
		cmocka_unit_test(refuses_requests_sent_to_many),
		cmocka_unit_test(answers_unix_senders_that_have_a_name),
		cmocka_unit_test(refuses_families_it_does_not_know),
		cmocka_unit_test(knows_the_ports_of_its_own_services),
		cmocka_unit_test(echo_comes_back_from_the_address_it_was_sent_to),
		cmocka_unit_test(empty_datagram_is_echoed),
		cmocka_unit_test(time_answers_whatever_was_asked),
		cmocka_unit_test(nothing_is_sent_where_nothing_is_said),
		cmocka_unit_test(answer_that_cannot_be_sent_is_dropped),
	};
	return cmocka_run_group_tests_name("serve/responder", tests, NULL, NULL);
}
