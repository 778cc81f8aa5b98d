/* SPDX-License-Identifier: ISC */
/* Making, adjusting and adopting bound sockets of the internet families. */
#include "net_test.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>

#include "usherd/net/listener.h"

static int open_at(enum transport transport, const char *text)
{
	struct endpoint endpoint = test_endpoint(transport, text, 0);
	struct error err = { 0 };
	int fd = -1;

	if (listener_open(&endpoint, &fd, &err) != 0)
		print_message("%s\n", err.text);
	return fd;
}

static void opens_every_internet_transport(void **state)
{
	static const struct {
		enum transport transport;
		const char *text;
		int listens;
	} cases[] = {
		{ TRANSPORT_TCP, "127.0.0.1", 1 }, { TRANSPORT_TCP, "::1", 1 },
		{ TRANSPORT_TCP, "::", 1 },        { TRANSPORT_TCP, "0.0.0.0", 1 },
		{ TRANSPORT_UDP, "127.0.0.1", 0 }, { TRANSPORT_UDP, "::1", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = open_at(cases[i].transport, cases[i].text);

		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
		assert_int_equal(test_option(fd, SOL_SOCKET, SO_REUSEADDR),
				 cases[i].transport == TRANSPORT_TCP);
		assert_int_equal(test_option(fd, SOL_SOCKET, SO_REUSEPORT), 0);
		assert_int_equal(test_option(fd, SOL_SOCKET, SO_ACCEPTCONN),
				 cases[i].listens);
		fd_close(&fd);
	}
}

static void asks_for_destinations_of_datagrams(void **state)
{
	int plain = open_at(TRANSPORT_UDP, "127.0.0.1");
	int six = open_at(TRANSPORT_UDP, "::");
	int tcp = open_at(TRANSPORT_TCP, "127.0.0.1");

	(void)state;
	assert_int_equal(test_option(plain, IPPROTO_IP, IP_PKTINFO), 1);
	assert_int_equal(test_option(six, IPPROTO_IP, IP_PKTINFO), 1);
	assert_int_equal(test_option(six, IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
	assert_int_equal(test_option(tcp, IPPROTO_IP, IP_PKTINFO), 0);
	fd_close(&plain);
	fd_close(&six);
	fd_close(&tcp);
}

static void v6only_is_what_the_endpoint_says(void **state)
{
	(void)state;
	for (int only = 0; only < 2; only++) {
		struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "::", 0);
		struct addr to;
		int client;
		int fd;

		endpoint.v6only = only == 1;
		assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
		assert_int_equal(test_option(fd, IPPROTO_IPV6, IPV6_V6ONLY), only);
		to = test_local(fd);
		to = test_addr("127.0.0.1", addr_port(&to));
		client = test_client(SOCK_STREAM, &to);
		if (only == 1)
			assert_int_equal(client, -ECONNREFUSED);
		else
			assert_true(client >= 0);
		fd_close(&client);
		fd_close(&fd);
	}
}

static void binds_to_an_interface_by_name(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 0);
	char name[IFNAMSIZ] = "";
	socklen_t length = sizeof(name);
	int fd;

	(void)state;
	(void)snprintf(endpoint.interface, IFNAMSIZ, "lo");
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length), 0);
	assert_string_equal(name, "lo");
	fd_close(&fd);
}

static void missing_interface_is_transient_and_named(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "127.0.0.1", 7007);
	struct error err = { 0 };
	int fd = -7;
	int rc;

	(void)state;
	(void)snprintf(endpoint.interface, IFNAMSIZ, "nosuch0");
	rc = listener_open(&endpoint, &fd, &err);
	assert_int_equal(rc, -ENODEV);
	assert_true(listener_error_is_transient(rc));
	assert_int_equal(fd, -7);
	assert_non_null(strstr(err.text, "'udp 127.0.0.1:7007 nosuch0'"));
}

static void missing_address_is_transient(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "192.0.2.1", 7007);
	struct error err = { 0 };
	int fd = -7;
	int rc = listener_open(&endpoint, &fd, &err);

	(void)state;
	assert_int_equal(rc, -EADDRNOTAVAIL);
	assert_int_equal(err.code, rc);
	assert_true(listener_error_is_transient(rc));
	assert_int_equal(fd, -7);
	assert_string_equal(err.text, "cannot bind 'tcp 192.0.2.1:7007': "
				      "Cannot assign requested address");
}

static int open_before_and_after_the_address(void *data)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "192.0.2.1", 7007);
	int fd = -1;

	(void)data;
	if (unshare(CLONE_NEWNET) == -1)
		return 77;
	REQUIRE(test_loopback_up());
	REQUIRE(listener_open(&endpoint, &fd, NULL) == -EADDRNOTAVAIL);
	REQUIRE(test_add_ipv4("lo:1", "192.0.2.1"));
	REQUIRE(listener_open(&endpoint, &fd, NULL) == 0);
	return 0;
}

static void address_that_appears_later_can_be_bound(void **state)
{
	int status;

	(void)state;
	SKIP_UNLESS_ROOT();
	status = test_in_child(open_before_and_after_the_address, NULL);
	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

static void port_in_use_is_named(void **state)
{
	int first = open_at(TRANSPORT_TCP, "127.0.0.1");
	struct addr taken = test_local(first);
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 0);
	char expected[ENDPOINT_TEXT_SIZE + 64];
	char name[ENDPOINT_TEXT_SIZE];
	struct error err = { 0 };
	int fd = -7;

	(void)state;
	endpoint.addr = taken;
	assert_int_equal(listener_open(&endpoint, &fd, &err), -EADDRINUSE);
	(void)snprintf(expected, sizeof(expected),
		       "cannot bind '%s': Address already in use",
		       endpoint_format(&endpoint, name));
	assert_string_equal(err.text, expected);
	assert_true(listener_error_is_transient(-EADDRINUSE));
	assert_int_equal(fd, -7);
	fd_close(&first);
}

static void udp_port_of_a_foreign_socket_is_in_use(void **state)
{
	struct addr any = test_addr("127.0.0.1", 0);
	int foreign = test_sender(&any);
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "127.0.0.1", 0);
	int fd;

	(void)state;
	endpoint.addr = test_local(foreign);
	assert_int_equal(listener_open(&endpoint, &fd, NULL), -EADDRINUSE);
	fd_close(&foreign);
}

static void endpoint_without_a_family_is_refused(void **state)
{
	struct endpoint endpoint = { .transport = TRANSPORT_TCP };
	struct error err = { 0 };
	int fd = -7;

	(void)state;
	assert_int_equal(listener_open(&endpoint, &fd, &err), -EAFNOSUPPORT);
	assert_false(listener_error_is_transient(-EAFNOSUPPORT));
	assert_non_null(strstr(err.text, "cannot make a socket for"));
}

static void mistakes_are_not_transient(void **state)
{
	(void)state;
	assert_false(listener_error_is_transient(-EACCES));
	assert_false(listener_error_is_transient(-EINVAL));
	assert_false(listener_error_is_transient(0));
	assert_true(listener_error_is_transient(-EMFILE));
}

static unsigned backlog_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
	return info.tcpi_sacked; /* of a listening socket, see tcp_get_info() */
}

static void backlog_can_be_adjusted(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 0);
	int fd;

	(void)state;
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	assert_int_equal(backlog_of(fd), 16);
	endpoint.backlog = 9;
	assert_int_equal(listener_adjust(fd, &endpoint, NULL), 0);
	assert_int_equal(backlog_of(fd), 9);
	endpoint.backlog = 0;
	assert_int_equal(listener_adjust(fd, &endpoint, NULL), 0);
	assert_true(backlog_of(fd) > 16);
	fd_close(&fd);
}

static void matches_the_endpoint_it_was_made_for_only(void **state)
{
	struct endpoint tcp = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 0);
	struct endpoint other;
	int fd;

	(void)state;
	assert_int_equal(listener_open(&tcp, &fd, NULL), 0);
	tcp.addr = test_local(fd);
	assert_true(listener_matches(fd, &tcp));
	other = tcp;
	other.transport = TRANSPORT_UDP;
	assert_false(listener_matches(fd, &other));
	other = tcp;
	addr_set_port(&other.addr, 1);
	assert_false(listener_matches(fd, &other));
	other.addr = test_addr("127.0.0.2", addr_port(&tcp.addr));
	assert_false(listener_matches(fd, &other));
	other.addr = test_addr("::", addr_port(&tcp.addr));
	assert_false(listener_matches(fd, &other));
	other = tcp;
	(void)snprintf(other.interface, IFNAMSIZ, "lo");
	assert_false(listener_matches(fd, &other));
	assert_int_equal(listener_pause(fd, &tcp), 0);
	assert_false(listener_matches(fd, &tcp));
	fd_close(&fd);
	assert_false(listener_matches(fd, &tcp));
}

static void matching_compares_v6only_and_interface(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "::", 0);
	int fd;

	(void)state;
	(void)snprintf(endpoint.interface, IFNAMSIZ, "lo");
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	endpoint.addr = test_local(fd);
	assert_true(listener_matches(fd, &endpoint));
	endpoint.v6only = true;
	assert_false(listener_matches(fd, &endpoint));
	endpoint.v6only = false;
	endpoint.interface[0] = '\0';
	assert_false(listener_matches(fd, &endpoint));
	fd_close(&fd);
}

static void adopted_descriptor_is_like_an_opened_one(void **state)
{
	struct addr any = test_addr("127.0.0.1", 0);
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "127.0.0.1", 0);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int one = 1;

	(void)state;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, &any.u.any, any.length), 0);
	endpoint.addr = test_local(fd);
	assert_true(listener_matches(fd, &endpoint));
	assert_int_equal(listener_adopt(fd, &endpoint, NULL), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(test_option(fd, SOL_SOCKET, SO_REUSEADDR), 0);
	assert_int_equal(test_option(fd, IPPROTO_IP, IP_PKTINFO), 1);
	fd_close(&fd);
}

static void adopting_sets_the_backlog_of_streams(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "::1", 0);
	int fd;

	(void)state;
	endpoint.backlog = 3;
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	endpoint.addr = test_local(fd);
	endpoint.backlog = 5;
	assert_true(listener_matches(fd, &endpoint));
	assert_int_equal(listener_adopt(fd, &endpoint, NULL), 0);
	assert_int_equal(backlog_of(fd), 5);
	fd_close(&fd);
}

static void adopting_what_is_no_socket_fails_in_words(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 7007);
	struct error err = { 0 };
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(listener_adopt(pipes[0], &endpoint, &err), -ENOTSOCK);
	assert_string_equal(err.text, "SO_REUSEADDR: cannot prepare "
				      "'tcp 127.0.0.1:7007': "
				      "Socket operation on non-socket");
	fd_close(&pipes[0]);
	assert_int_equal(listener_adopt(-1, &endpoint, &err), -EBADF);
	fd_close(&pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_every_internet_transport),
		cmocka_unit_test(asks_for_destinations_of_datagrams),
		cmocka_unit_test(v6only_is_what_the_endpoint_says),
		cmocka_unit_test(binds_to_an_interface_by_name),
		cmocka_unit_test(missing_interface_is_transient_and_named),
		cmocka_unit_test(missing_address_is_transient),
		cmocka_unit_test(address_that_appears_later_can_be_bound),
		cmocka_unit_test(port_in_use_is_named),
		cmocka_unit_test(udp_port_of_a_foreign_socket_is_in_use),
		cmocka_unit_test(endpoint_without_a_family_is_refused),
		cmocka_unit_test(mistakes_are_not_transient),
		cmocka_unit_test(backlog_can_be_adjusted),
		cmocka_unit_test(matches_the_endpoint_it_was_made_for_only),
		cmocka_unit_test(matching_compares_v6only_and_interface),
		cmocka_unit_test(adopted_descriptor_is_like_an_opened_one),
		cmocka_unit_test(adopting_sets_the_backlog_of_streams),
		cmocka_unit_test(adopting_what_is_no_socket_fails_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
