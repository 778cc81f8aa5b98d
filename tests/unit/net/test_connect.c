/* SPDX-License-Identifier: ISC */
/* Connecting without waiting: what is known at once, what is not, what went wrong. */
#include "net_test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "usherd/net/connect.h"

/* A listener on a port of the kernel's choice. */
static int listen_on(const char *text, int backlog, struct addr *ret_at)
{
	struct addr at = test_addr(text, 0);
	int fd = socket(addr_family(&at), SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	if (bind(fd, &at.u.any, at.length) == -1 || listen(fd, backlog) == -1) {
		fd_close(&fd);
		return -1;
	}
	at.length = sizeof(at.u);
	assert_int_equal(getsockname(fd, &at.u.any, &at.length), 0);
	*ret_at = at;
	return fd;
}

static void assert_connects_at_once(const char *text)
{
	struct addr to;
	int listener = listen_on(text, 1, &to);
	int fd = -1;
	int peer;
	char byte = 0;

	/* No IPv6 here. */
	if (listener == -1)
		return;
	assert_int_equal(connect_begin(&to, -1, SOCK_STREAM, &fd), 0);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(recv(peer, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
	close(peer);
	close(fd);
	close(listener);
}

static void targets_on_this_host_are_connected_at_once(void **state)
{
	(void)state;
	assert_connects_at_once("127.0.0.1");
	assert_connects_at_once("::1");
}

static void socket_neither_blocks_nor_lives_on_after_exec(void **state)
{
	struct addr to;
	int listener = listen_on("127.0.0.1", 1, &to);
	int fd = -1;
	char byte;

	(void)state;
	assert_int_equal(connect_begin(&to, -1, SOCK_STREAM, &fd), 0);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	close(listener);
}

static void refusal_leaves_no_socket(void **state)
{
	struct addr to;
	int listener = listen_on("127.0.0.1", 1, &to);
	int fd = -1;
	int r;

	(void)state;
	close(listener);
	r = connect_begin(&to, -1, SOCK_STREAM, &fd);
	/* Where the kernel has not been told yet. */
	if (r == -EINPROGRESS) {
		struct pollfd entry = { .fd = fd, .events = POLLOUT };

		assert_int_equal(poll(&entry, 1, TEST_TIMEOUT_MS), 1);
		r = connect_result(fd);
		fd_close(&fd);
	}
	assert_int_equal(r, -ECONNREFUSED);
	assert_int_equal(fd, -1);
}

/* The queue is full: the kernel drops what would open one more. */
static void listener_without_room_is_still_on_its_way(void **state)
{
	struct addr to;
	int listener = listen_on("127.0.0.1", 0, &to);
	int fds[16];
	int count = 0;
	int r = 0;

	(void)state;
	while (r == 0 && count < 16)
		r = connect_begin(&to, -1, SOCK_STREAM, &fds[count++]);
	assert_int_equal(r, -EINPROGRESS);
	assert_int_equal(connect_result(fds[count - 1]), 0);
	while (count > 0)
		close(fds[--count]);
	close(listener);
}

static void full_unix_queue_is_to_be_tried_again(void **state)
{
	struct addr to;
	int listener;
	int fds[16];
	int count = 0;
	int r = 0;
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@usherd-test-connect-%d", (int)getpid());
	to = test_addr(name, 0);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, &to.u.any, to.length), 0);
	assert_int_equal(listen(listener, 0), 0);
	while (r == 0 && count < 16) {
		r = connect_begin(&to, -1, SOCK_STREAM, &fds[count]);
		count += r == 0;
	}
	assert_int_equal(r, -EAGAIN);
	assert_in_range(count, 1, 15);
	while (count > 0)
		close(fds[--count]);
	close(listener);
}

static void datagram_sockets_have_nothing_to_wait_for(void **state)
{
	struct addr to = test_addr("127.0.0.1", 9);
	int fd = -1;

	(void)state;
	assert_int_equal(connect_begin(&to, -1, SOCK_DGRAM, &fd), 0);
	close(fd);
}

static void shortage_of_our_own_is_told_from_the_targets_fault(void **state)
{
	(void)state;
	assert_true(connect_error_is_ours(-EMFILE));
	assert_true(connect_error_is_ours(-ENOBUFS));
	assert_false(connect_error_is_ours(-ECONNREFUSED));
	assert_false(connect_error_is_ours(-ETIMEDOUT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_on_this_host_are_connected_at_once),
		cmocka_unit_test(socket_neither_blocks_nor_lives_on_after_exec),
		cmocka_unit_test(refusal_leaves_no_socket),
		cmocka_unit_test(listener_without_room_is_still_on_its_way),
		cmocka_unit_test(full_unix_queue_is_to_be_tried_again),
		cmocka_unit_test(datagram_sockets_have_nothing_to_wait_for),
		cmocka_unit_test(shortage_of_our_own_is_told_from_the_targets_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
