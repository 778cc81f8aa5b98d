/* SPDX-License-Identifier: ISC */
/* TCP listeners that refuse clients for a while and keep their port. */
#include "net_test.h"

static void adjusting_does_not_resume_a_paused_listener(void **state)
{
	int fd;
	struct endpoint endpoint = test_open_by_number("127.0.0.1", &fd);

	(void)state;
	assert_int_equal(listener_pause(fd, &endpoint), 0);
	assert_int_equal(listener_adjust(fd, &endpoint, NULL), 0);
	assert_int_equal(test_client(SOCK_STREAM, &endpoint.addr), -ECONNREFUSED);
	fd_close(&fd);
}

/* A socket that was shut down once too often accepts connections that are at their end.
 */
static void assert_carries_bytes(int client, int listener)
{
	int served = accept(listener, NULL, NULL);
	char byte = 0;

	assert_true(served >= 0);
	assert_int_equal(write(client, "x", 1), 1);
	assert_true(test_readable(served));
	assert_int_equal(read(served, &byte, 1), 1);
	assert_int_equal(write(served, "y", 1), 1);
	assert_true(test_readable(client));
	assert_int_equal(read(client, &byte, 1), 1);
	assert_int_equal(byte, 'y');
	fd_close(&served);
}

static void paused_port_refuses_and_comes_back(void **state)
{
	static const char *const texts[] = { "127.0.0.1", "0.0.0.0", "::1", "::" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int fd;
		struct endpoint endpoint = test_open_by_number(texts[i], &fd);
		struct addr to = endpoint.addr;
		int client;

		assert_int_equal(listener_pause(fd, &endpoint), 0);
		assert_int_equal(listener_pause(fd, &endpoint), 0);
		assert_int_equal(test_client(SOCK_STREAM, &to), -ECONNREFUSED);
		assert_int_equal(listener_resume(fd, &endpoint), 0);
		assert_int_equal(listener_resume(fd, &endpoint), 0);
		assert_true(listener_matches(fd, &endpoint));
		client = test_client(SOCK_STREAM, &to);
		assert_true(client >= 0);
		assert_true(test_readable(fd));
		assert_carries_bytes(client, fd);
		fd_close(&client);
		fd_close(&fd);
	}
}

static void nobody_can_bind_a_paused_port(void **state)
{
	int fd;
	struct endpoint endpoint = test_open_by_number("127.0.0.1", &fd);
	struct endpoint thief;
	int stolen = -1;

	(void)state;
	assert_int_equal(listener_pause(fd, &endpoint), 0);
	thief = endpoint;
	assert_int_equal(listener_open(&thief, &stolen, NULL), -EADDRINUSE);
	thief.addr = test_addr("0.0.0.0", addr_port(&endpoint.addr));
	assert_int_equal(listener_open(&thief, &stolen, NULL), -EADDRINUSE);
	thief.addr = test_addr("::", addr_port(&endpoint.addr));
	assert_int_equal(listener_open(&thief, &stolen, NULL), -EADDRINUSE);
	assert_int_equal(listener_resume(fd, &endpoint), 0);
	fd_close(&fd);
}

static void pausing_keeps_accepted_clients_and_resets_waiting_ones(void **state)
{
	int fd;
	struct endpoint endpoint = test_open_by_number("127.0.0.1", &fd);
	struct addr to = endpoint.addr;
	char byte = 'x';
	int accepted;
	int waiting;
	int served;

	(void)state;
	served = test_client(SOCK_STREAM, &to);
	assert_true(test_readable(fd));
	accepted = accept(fd, NULL, NULL);
	waiting = test_client(SOCK_STREAM, &to);
	assert_true(test_readable(fd));
	assert_int_equal(listener_pause(fd, &endpoint), 0);
	assert_int_equal(recv(waiting, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(send(served, "y", 1, 0), 1);
	assert_int_equal(recv(accepted, &byte, 1, 0), 1);
	assert_int_equal(byte, 'y');
	/* With a connection still on the port. */
	assert_int_equal(listener_resume(fd, &endpoint), 0);
	fd_close(&accepted);
	fd_close(&served);
	fd_close(&waiting);
	fd_close(&fd);
}

static void paused_listener_hangs_up_in_poll(void **state)
{
	struct pollfd entry = { .events = POLLIN };
	struct endpoint endpoint = test_open_by_number("127.0.0.1", &entry.fd);

	(void)state;
	assert_int_equal(listener_pause(entry.fd, &endpoint), 0);
	assert_int_equal(poll(&entry, 1, 0), 1);
	assert_true((entry.revents & POLLHUP) != 0);
	assert_int_equal(accept(entry.fd, NULL, NULL), -1);
	assert_int_equal(errno, EINVAL);
	fd_close(&entry.fd);
}

static void port_of_the_kernels_choice_is_bound_anew(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 0);
	int thief;
	int fd;

	(void)state;
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	assert_int_equal(listener_pause(fd, &endpoint), -EINVAL);
	endpoint.addr = test_local(fd);
	assert_int_equal(listener_pause(fd, &endpoint), 0);
	assert_int_equal(listener_resume(fd, &endpoint), 0);
	assert_true(listener_matches(fd, &endpoint));
	fd_close(&fd);
	/* Lost, and said so. */
	endpoint.addr = test_addr("127.0.0.1", 0);
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	endpoint.addr = test_local(fd);
	assert_int_equal(listener_pause(fd, &endpoint), 0);
	assert_int_equal(listener_open(&endpoint, &thief, NULL), 0);
	assert_int_equal(listener_resume(fd, &endpoint), -EADDRINUSE);
	fd_close(&thief);
	fd_close(&fd);
}

static void pausing_leaves_datagram_sockets_alone(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "127.0.0.1", 0);
	struct addr to;
	int client;
	int fd;

	(void)state;
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	to = test_local(fd);
	assert_int_equal(listener_pause(fd, &endpoint), 0);
	client = test_client(SOCK_DGRAM, &to);
	assert_int_equal(send(client, "x", 1, 0), 1);
	assert_true(test_readable(fd));
	assert_int_equal(listener_resume(fd, &endpoint), 0);
	fd_close(&client);
	fd_close(&fd);
}

static void pausing_a_bad_descriptor_is_an_error(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 7007);

	(void)state;
	assert_int_equal(listener_pause(-1, &endpoint), -EBADF);
	assert_int_equal(listener_resume(-1, &endpoint), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adjusting_does_not_resume_a_paused_listener),
		cmocka_unit_test(paused_port_refuses_and_comes_back),
		cmocka_unit_test(nobody_can_bind_a_paused_port),
		cmocka_unit_test(pausing_keeps_accepted_clients_and_resets_waiting_ones),
		cmocka_unit_test(paused_listener_hangs_up_in_poll),
		cmocka_unit_test(port_of_the_kernels_choice_is_bound_anew),
		cmocka_unit_test(pausing_leaves_datagram_sockets_alone),
		cmocka_unit_test(pausing_a_bad_descriptor_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
