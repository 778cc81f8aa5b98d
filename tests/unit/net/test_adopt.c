/* SPDX-License-Identifier: ISC */
/* Clients that another process has accepted: which descriptors are any. */
#include "net_test.h"

#include <fcntl.h>
#include <sys/eventfd.h>

#include "usherd/net/accept.h"

static void takes_what_accept_would_have_given(void **state)
{
	static const char *const texts[] = { "127.0.0.1", "::1" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct connection accepted = { .fd = -1 };
		struct connection adopted = { .fd = -1 };
		enum transport transport = TRANSPORT_UDP;
		int listener;
		struct endpoint endpoint = test_open_by_number(texts[i], &listener);
		int client = test_client(SOCK_STREAM, &endpoint.addr);

		assert_true(test_readable(listener));
		assert_int_equal(accept_connection(listener, NULL, &accepted), 0);
		assert_int_equal(connection_adopt(accepted.fd, &adopted, &transport), 0);
		assert_int_equal(adopted.fd, accepted.fd);
		assert_true(addr_equal(&adopted.peer, &accepted.peer));
		assert_true(addr_equal(&adopted.local, &accepted.local));
		assert_int_equal(transport, TRANSPORT_TCP);
		fd_close(&accepted.fd);
		fd_close(&client);
		fd_close(&listener);
	}
}

static void takes_unix_clients(void **state)
{
	struct connection adopted;
	enum transport transport;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(connection_adopt(pair[0], &adopted, &transport), 0);
	assert_int_equal(adopted.peer.length, 0);
	assert_int_equal(transport, TRANSPORT_UNIX_STREAM);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

static void refuse(int fd)
{
	struct connection adopted = { .fd = 77 };
	enum transport transport = TRANSPORT_UDP;

	assert_int_not_equal(fd, -1);
	assert_int_equal(connection_adopt(fd, &adopted, &transport), -EBADMSG);
	assert_int_equal(adopted.fd, 77);
	assert_int_equal(close(fd), 0);
}

static void refuses_everything_else(void **state)
{
	int pair[2];
	int listener;

	(void)state;
	refuse(open("/dev/null", O_RDONLY | O_CLOEXEC));
	refuse(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	refuse(eventfd(0, EFD_CLOEXEC));
	refuse(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	refuse(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	refuse(pair[0]);
	refuse(pair[1]);
	for (size_t i = 0; i < 2; i++) {
		int type = i == 0 ? SOCK_DGRAM : SOCK_SEQPACKET;

		assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
		refuse(pair[0]);
		refuse(pair[1]);
	}
	(void)test_open_by_number("127.0.0.1", &listener);
	refuse(listener);
}

static void notices_that_nobody_is_there(void **state)
{
	struct connection adopted;
	enum transport transport;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(connection_adopt(fd, &adopted, &transport), -ENOTCONN);
	fd_close(&fd);
}

/* With what the other process has asked for, close(2) would take ten seconds. */
static void closing_does_not_wait_for_the_client(void **state)
{
	static const char data[1 << 16];
	const struct linger long_wait = { .l_onoff = 1, .l_linger = 10 };
	struct connection accepted, adopted;
	enum transport transport;
	uint64_t before;
	int listener;
	struct endpoint endpoint = test_open_by_number("127.0.0.1", &listener);
	int client = test_client(SOCK_STREAM, &endpoint.addr);

	(void)state;
	assert_true(test_readable(listener));
	assert_int_equal(accept_connection(listener, NULL, &accepted), 0);
	assert_int_equal(setsockopt(accepted.fd, SOL_SOCKET, SO_LINGER, &long_wait,
				    sizeof(long_wait)),
			 0);
	while (send(accepted.fd, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	assert_int_equal(connection_adopt(accepted.fd, &adopted, &transport), 0);
	before = clock_monotonic_ns();
	fd_close(&adopted.fd);
	assert_true(clock_monotonic_ns() - before < 5 * CLOCK_NS_PER_SECOND);
	fd_close(&client);
	fd_close(&listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_accept_would_have_given),
		cmocka_unit_test(takes_unix_clients),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(notices_that_nobody_is_there),
		cmocka_unit_test(closing_does_not_wait_for_the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
