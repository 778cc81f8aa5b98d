/* SPDX-License-Identifier: ISC */
/* Taking clients, passing over dead ones, turning away when descriptors run out. */
#include "net_test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "usherd/net/accept.h"

/* What the next calls of accept4(2) say before they reach the kernel. */
static struct {
	int error;
	int times;
	int calls;
} script;

int accept4(int fd, struct sockaddr *address, socklen_t *restrict length, int flags)
{
	script.calls++;
	if (script.times > 0) {
		script.times--;
		errno = script.error;
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, address, length, flags);
}

static int clear_script(void **state)
{
	(void)state;
	memset(&script, 0, sizeof(script));
	return 0;
}

static void takes_tcp_clients_with_both_addresses(void **state)
{
	static const char *const texts[] = { "127.0.0.1", "::1" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct connection got = { .fd = -1 };
		struct addr from;
		int fd;
		struct endpoint endpoint = test_open_by_number(texts[i], &fd);
		int client = test_client(SOCK_STREAM, &endpoint.addr);

		assert_true(test_readable(fd));
		assert_int_equal(accept_connection(fd, NULL, &got), 0);
		from = test_local(client);
		assert_true(addr_equal(&got.peer, &from));
		assert_true(addr_equal(&got.local, &endpoint.addr));
		assert_int_equal(fcntl(got.fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(fcntl(got.fd, F_GETFL) & O_NONBLOCK, 0);
		fd_close(&got.fd);
		fd_close(&client);
		fd_close(&fd);
	}
}

/* The same as without, one system call cheaper. */
static void is_told_where_the_listener_is_bound(void **state)
{
	static const char *const texts[] = { "127.0.0.1", "0.0.0.0", "::1", "::" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct connection got = { .fd = -1 };
		int fd;
		struct endpoint endpoint = test_open_by_number(texts[i], &fd);
		struct addr to =
			test_addr(i < 2 ? "127.0.0.1" : "::1", addr_port(&endpoint.addr));
		int client = test_client(SOCK_STREAM, &to);

		assert_true(test_readable(fd));
		assert_int_equal(accept_connection(fd, &endpoint.addr, &got), 0);
		assert_true(addr_equal(&got.local, &to));
		fd_close(&got.fd);
		fd_close(&client);
		fd_close(&fd);
	}
}

static void ipv4_client_of_a_dual_stack_listener_is_plain(void **state)
{
	struct connection got;
	int fd;
	struct endpoint endpoint = test_open_by_number("::", &fd);
	struct addr to = test_addr("127.0.0.1", addr_port(&endpoint.addr));
	int client = test_client(SOCK_STREAM, &to);

	(void)state;
	assert_true(test_readable(fd));
	assert_int_equal(accept_connection(fd, NULL, &got), 0);
	assert_int_equal(addr_family(&got.peer), AF_INET);
	assert_int_equal(got.local.u.any.sa_family, AF_INET);
	assert_true(addr_equal(&got.local, &to));
	fd_close(&got.fd);
	fd_close(&client);
	fd_close(&fd);
}

static int domain_of(int fd)
{
	socklen_t length = sizeof(int);
	int domain = -1;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length), 0);
	return domain;
}

static void ipv4_client_of_a_dual_stack_listener_can_have_its_socket(void **state)
{
	int fd;
	struct endpoint endpoint = test_open_by_number("::", &fd);
	struct addr to = test_addr("127.0.0.1", addr_port(&endpoint.addr));
	int client = test_client(SOCK_STREAM, &to);
	struct connection got;
	struct connection adopted;
	enum transport transport;

	(void)state;
	assert_true(test_readable(fd));
	assert_int_equal(accept_connection(fd, &endpoint.addr, &got), 0);
	assert_true(got.mapped);
	assert_int_equal(connection_adopt(got.fd, &adopted, &transport), 0);
	assert_true(adopted.mapped);
	assert_int_equal(domain_of(got.fd), AF_INET6);
	connection_unmap(&got);
	assert_int_equal(domain_of(got.fd), AF_INET);
	assert_int_equal(connection_adopt(got.fd, &adopted, &transport), 0);
	assert_false(adopted.mapped);
	fd_close(&got.fd);
	fd_close(&client);
	fd_close(&fd);
}

static void unnamed_unix_client_has_no_address(void **state)
{
	char name[64];
	char client_name[80];
	struct endpoint endpoint;
	struct addr from;
	struct connection got;
	int client;
	int fd;

	(void)state;
	(void)snprintf(name, sizeof(name), "@usherd-accept-%d", (int)getpid());
	(void)snprintf(client_name, sizeof(client_name), "%s-client", name);
	endpoint = test_endpoint(TRANSPORT_UNIX_STREAM, name, 0);
	from = test_addr(client_name, 0);
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	client = test_client(SOCK_STREAM, &endpoint.addr);
	assert_int_equal(accept_connection(fd, NULL, &got), 0);
	assert_int_equal(got.peer.length, 0);
	assert_true(addr_equal(&got.local, &endpoint.addr));
	fd_close(&got.fd);
	fd_close(&client);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(client, &from.u.any, from.length), 0);
	assert_int_equal(connect(client, &endpoint.addr.u.any, endpoint.addr.length), 0);
	assert_int_equal(accept_connection(fd, NULL, &got), 0);
	assert_true(addr_equal(&got.peer, &from));
	fd_close(&got.fd);
	fd_close(&client);
	fd_close(&fd);
}

static void nobody_waiting_is_eagain(void **state)
{
	struct connection got = { .fd = -7 };
	int fd;

	(void)state;
	(void)test_open_by_number("127.0.0.1", &fd);
	assert_int_equal(accept_connection(fd, NULL, &got), -EAGAIN);
	assert_int_equal(got.fd, -7);
	fd_close(&fd);
}

static void dead_clients_are_passed_over(void **state)
{
	static const int errors[] = {
		ECONNABORTED, EPROTO,    ENETDOWN, EHOSTUNREACH,
		ENETUNREACH,  EHOSTDOWN, ENONET,   ENOPROTOOPT,
		EOPNOTSUPP,   EPERM,     EINTR,
	};
	int fd;
	struct endpoint endpoint = test_open_by_number("127.0.0.1", &fd);

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		int client = test_client(SOCK_STREAM, &endpoint.addr);
		struct connection got;

		assert_true(test_readable(fd));
		script.error = errors[i];
		script.times = 3;
		assert_int_equal(accept_connection(fd, NULL, &got), 0);
		fd_close(&got.fd);
		fd_close(&client);
	}
	fd_close(&fd);
}

static void row_of_dead_clients_is_bounded(void **state)
{
	struct connection got;

	(void)state;
	script.error = ECONNABORTED;
	script.times = 1000000;
	assert_int_equal(accept_connection(-1, NULL, &got), -EAGAIN);
	assert_in_range(script.calls, 2, 100);
}

static void shortage_is_reported(void **state)
{
	static const int errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };
	struct connection got;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		script.error = errors[i];
		script.times = 1;
		assert_int_equal(accept_connection(-1, NULL, &got), -errors[i]);
	}
	assert_int_equal(accept_connection(-1, NULL, &got), -EBADF);
}

static void client_that_reset_at_once_does_no_harm(void **state)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	int fd;
	struct endpoint endpoint = test_open_by_number("127.0.0.1", &fd);
	int client = test_client(SOCK_STREAM, &endpoint.addr);
	struct connection got = { .fd = -1 };
	int rc;

	(void)state;
	assert_true(test_readable(fd));
	assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)),
			 0);
	fd_close(&client);
	rc = accept_connection(fd, NULL, &got);
	assert_true(rc == 0 || rc == -EAGAIN);
	fd_close(&got.fd);
	fd_close(&fd);
}

/* Leave this process not a single free descriptor. */
static bool use_up_descriptors(void)
{
	int fd = dup(0);
	struct rlimit limit = { .rlim_cur = (rlim_t)fd + 8, .rlim_max = (rlim_t)fd + 8 };

	if (fd == -1 || setrlimit(RLIMIT_NOFILE, &limit) == -1)
		return false;
	while (fd != -1)
		fd = dup(0);
	return errno == EMFILE;
}

static int refuse_when_full(void *data)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 0);
	struct reserve reserve = { .fd = -1 };
	struct connection got;
	struct addr peer;
	struct addr own;
	struct addr to;
	char byte;
	int client;
	int fd;

	(void)data;
	REQUIRE(listener_open(&endpoint, &fd, NULL) == 0);
	to = test_local(fd);
	REQUIRE(reserve_open(&reserve) == 0);
	client = test_client(SOCK_STREAM, &to);
	own = test_local(client);
	REQUIRE(use_up_descriptors());
	REQUIRE(test_readable(fd));
	REQUIRE(accept_connection(fd, NULL, &got) == -EMFILE);
	REQUIRE(reserve_refuse(&reserve, fd, &peer) == 0);
	REQUIRE(addr_equal(&peer, &own));
	REQUIRE(reserve.fd >= 0);
	REQUIRE(recv(client, &byte, 1, 0) == 0);
	REQUIRE(reserve_refuse(&reserve, fd, &peer) == -EAGAIN);
	REQUIRE(reserve.fd >= 0);
	reserve_close(&reserve);
	REQUIRE(reserve.fd == -1);
	return 0;
}

static void reserve_turns_a_client_away_when_descriptors_run_out(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(refuse_when_full, NULL), 0);
}

static void reserve_turns_away_without_shortage_as_well(void **state)
{
	struct reserve reserve = { .fd = -1 };
	int fd;
	struct endpoint endpoint = test_open_by_number("::1", &fd);
	int client = test_client(SOCK_STREAM, &endpoint.addr);
	struct addr own = test_local(client);
	struct addr peer;
	char byte;

	(void)state;
	assert_true(test_readable(fd));
	assert_int_equal(reserve_refuse(&reserve, fd, &peer), 0);
	assert_true(addr_equal(&peer, &own));
	assert_int_equal(recv(client, &byte, 1, 0), 0);
	assert_int_equal(fcntl(reserve.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(reserve_refuse(&reserve, fd, &peer), -EAGAIN);
	reserve_close(&reserve);
	assert_int_equal(reserve.fd, -1);
	reserve_close(&reserve);
	fd_close(&client);
	fd_close(&fd);
}

static int lose_the_reserve(void *data)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 0);
	struct reserve reserve = { .fd = -1 };
	struct addr peer;
	struct addr to;
	int clients[2];
	int fd;

	(void)data;
	REQUIRE(listener_open(&endpoint, &fd, NULL) == 0);
	to = test_local(fd);
	for (size_t i = 0; i < 2; i++)
		clients[i] = test_client(SOCK_STREAM, &to);
	REQUIRE(test_readable(fd));
	REQUIRE(use_up_descriptors());
	REQUIRE(reserve_open(&reserve) == -EMFILE);
	REQUIRE(reserve.fd == -1);
	REQUIRE(reserve_refuse(&reserve, fd, &peer) == -EMFILE);
	fd_close(&clients[0]);
	REQUIRE(reserve_refuse(&reserve, fd, &peer) == 0);
	REQUIRE(reserve.fd >= 0);
	return 0;
}

static void lost_reserve_is_taken_back_when_there_is_room(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(lose_the_reserve, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_tcp_clients_with_both_addresses),
		cmocka_unit_test(is_told_where_the_listener_is_bound),
		cmocka_unit_test(ipv4_client_of_a_dual_stack_listener_is_plain),
		cmocka_unit_test(
			ipv4_client_of_a_dual_stack_listener_can_have_its_socket),
		cmocka_unit_test(unnamed_unix_client_has_no_address),
		cmocka_unit_test(nobody_waiting_is_eagain),
		cmocka_unit_test_setup(dead_clients_are_passed_over, clear_script),
		cmocka_unit_test_setup(row_of_dead_clients_is_bounded, clear_script),
		cmocka_unit_test_setup(shortage_is_reported, clear_script),
		cmocka_unit_test_setup(client_that_reset_at_once_does_no_harm,
				       clear_script),
		cmocka_unit_test(reserve_turns_a_client_away_when_descriptors_run_out),
		cmocka_unit_test(reserve_turns_away_without_shortage_as_well),
		cmocka_unit_test(lost_reserve_is_taken_back_when_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
