/* SPDX-License-Identifier: ISC */
/* Packet filters on sockets: from the first packet on, replaced, taken off. */
#include "net_test.h"
#include "usherd/net/datagram.h"
#include "usherd/net/filter.h"

static struct sock_filter pass_code[] = { BPF_STMT(BPF_RET | BPF_K, UINT32_MAX) };
static struct sock_filter drop_code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
static const struct sock_fprog pass = { .len = 1, .filter = pass_code };
static const struct sock_fprog drop = { .len = 1, .filter = drop_code };

static struct endpoint endpoint_of(enum transport transport)
{
	return (struct endpoint){ .transport = transport,
				  .addr = test_addr("127.0.0.1", test_port()) };
}

static void send_to(const struct endpoint *endpoint, char byte)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(
		sendto(fd, &byte, 1, 0, &endpoint->addr.u.any, endpoint->addr.length), 1);
	fd_close(&fd);
}

/* What comes first is @byte. */
static void assert_hears(int fd, char byte)
{
	char got = 0;

	assert_true(test_readable(fd));
	assert_int_equal(recv(fd, &got, 1, 0), 1);
	assert_int_equal(got, byte);
}

static void a_filter_is_replaced_and_taken_off(void **state)
{
	struct endpoint endpoint = endpoint_of(TRANSPORT_UDP);
	int fd;

	(void)state;
	assert_int_equal(listener_open_screened(&endpoint, &drop, &fd, NULL), 0);
	send_to(&endpoint, 'a');
	assert_int_equal(filter_put(fd, &pass), 0);
	send_to(&endpoint, 'b');
	assert_int_equal(filter_put(fd, &drop), 0);
	send_to(&endpoint, 'c');
	assert_int_equal(filter_take_off(fd), 0);
	assert_int_equal(filter_take_off(fd), 0);
	send_to(&endpoint, 'd');
	assert_hears(fd, 'b');
	assert_hears(fd, 'd');
	fd_close(&fd);
}

static void what_is_no_socket_or_program_is_an_error(void **state)
{
	static const struct sock_fprog none = { .len = 0, .filter = pass_code };
	struct endpoint endpoint = endpoint_of(TRANSPORT_UDP);
	struct error err = { 0 };
	int fd = -1;

	(void)state;
	assert_int_equal(filter_put(-1, &pass), -EBADF);
	assert_int_equal(filter_take_off(-1), -EBADF);
	assert_int_equal(listener_open_screened(&endpoint, &none, &fd, &err), -EINVAL);
	assert_int_equal(fd, -1);
	assert_non_null(strstr(err.text, "cannot screen 'udp 127.0.0.1:"));
}

static void datagrams_that_came_before_a_filter_are_dropped(void **state)
{
	struct endpoint endpoint = endpoint_of(TRANSPORT_UDP);
	int fd;

	(void)state;
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	for (int i = 0; i < 10; i++)
		send_to(&endpoint, 'a');
	assert_true(test_readable(fd));
	assert_int_equal(listener_screen(fd, &endpoint, &pass, NULL), 0);
	send_to(&endpoint, 'x');
	assert_hears(fd, 'x');
	fd_close(&fd);
}

static void connections_that_came_before_a_filter_are_reset(void **state)
{
	struct endpoint endpoint = endpoint_of(TRANSPORT_TCP);
	int fd, early, late;
	char byte;

	(void)state;
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	/* Some kernels, as Linux 6.18.44, want CAP_NET_ADMIN for TCP. */
	if (filter_put(fd, &pass) == -EPERM && geteuid() != 0) {
		print_message("skipped: no filter for TCP without CAP_NET_ADMIN\n");
		fd_close(&fd);
		skip();
	}
	early = test_client(SOCK_STREAM, &endpoint.addr);
	assert_true(early >= 0);
	assert_int_equal(listener_screen(fd, &endpoint, &pass, NULL), 0);
	assert_true(test_readable(early));
	assert_int_equal(recv(early, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	late = test_client(SOCK_STREAM, &endpoint.addr);
	assert_true(late >= 0);
	assert_true(test_readable(fd));
	fd_close(&early);
	fd_close(&late);
	fd_close(&fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_is_replaced_and_taken_off),
		cmocka_unit_test(what_is_no_socket_or_program_is_an_error),
		cmocka_unit_test(datagrams_that_came_before_a_filter_are_dropped),
		cmocka_unit_test(connections_that_came_before_a_filter_are_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
