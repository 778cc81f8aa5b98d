/* SPDX-License-Identifier: ISC */
/* Connections in packets, and what else could be in one. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "descriptors.h"
#include "usherd/serve/transfer.h"

struct ends {
	int supervisor;
	int worker;
	int client[2]; /* a connected pair; [0] is what is handed over */
	int open;      /* descriptors at first */
};

static int setup(void **state)
{
	struct ends *ends = calloc(1, sizeof(*ends));

	if (ends == NULL || transfer_open(&ends->supervisor, &ends->worker) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->client) == -1)
		return -1;
	ends->open = count_descriptors();
	assert_true(ends->open > 0);
	*state = ends;
	return 0;
}

/* Whatever came has been closed. */
static int teardown(void **state)
{
	struct ends *ends = *state;

	assert_int_equal(count_descriptors(), ends->open);
	(void)close(ends->supervisor);
	(void)close(ends->worker);
	(void)close(ends->client[0]);
	(void)close(ends->client[1]);
	free(ends);
	return 0;
}

/* A packet of @length bytes of @name, with the @count descriptors @fds. */
static void send_raw(int fd, const char *name, size_t length, const int *fds,
		     size_t count)
{
	char bytes[256] = "";
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} control = { .bytes = "" };
	struct iovec part = { .iov_base = bytes, .iov_len = length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	assert_true(length <= sizeof(bytes));
	memcpy(bytes, name, strlen(name));
	if (count > 0) {
		struct cmsghdr *head = &control.align;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), length);
}

static void carries_a_connection_and_a_name_both_ways(void **state)
{
	struct ends *ends = *state;
	int from[] = { ends->worker, ends->supervisor };
	int to[] = { ends->supervisor, ends->worker };
	struct transfer got;
	char byte = 0;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(transfer_send(from[i], "a service", ends->client[0]), 0);
		assert_int_equal(transfer_receive(to[i], &got), 0);
		assert_string_equal(got.service, "a service");
		assert_int_equal(got.transport, TRANSPORT_UNIX_STREAM);
		assert_int_equal(fcntl(got.connection.fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(send(ends->client[1], "x", 1, 0), 1);
		assert_int_equal(recv(got.connection.fd, &byte, 1, 0), 1);
		(void)close(got.connection.fd);
		assert_int_equal(transfer_receive(to[i], &got), -EAGAIN);
	}
}

static void long_names_are_whole(void **state)
{
	struct ends *ends = *state;
	char name[EVENT_SERVICE_SIZE];
	struct transfer got;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(transfer_send(ends->worker, name, ends->client[0]), 0);
	assert_int_equal(transfer_receive(ends->supervisor, &got), 0);
	assert_string_equal(got.service, name);
	(void)close(got.connection.fd);
}

static void refuse(struct ends *ends, const char *name, size_t length, const int *fds,
		   size_t count)
{
	struct transfer got;

	send_raw(ends->worker, name, length, fds, count);
	assert_int_equal(transfer_receive(ends->supervisor, &got), -EBADMSG);
	assert_int_equal(count_descriptors(), ends->open);
}

static void refuses_packets_of_another_form(void **state)
{
	struct ends *ends = *state;
	int fds[16];

	for (size_t i = 0; i < 16; i++)
		fds[i] = ends->client[0];
	refuse(ends, "echo", EVENT_SERVICE_SIZE, NULL, 0);
	refuse(ends, "echo", EVENT_SERVICE_SIZE, fds, 2);
	refuse(ends, "echo", EVENT_SERVICE_SIZE, fds, 4);
	refuse(ends, "echo", EVENT_SERVICE_SIZE, fds, 5);
	refuse(ends, "echo", EVENT_SERVICE_SIZE, fds, 16);
	refuse(ends, "echo", EVENT_SERVICE_SIZE - 1, fds, 1);
	refuse(ends, "echo", EVENT_SERVICE_SIZE + 1, fds, 1);
	refuse(ends, "", 0, fds, 1);
	refuse(ends, "", 0, NULL, 0);
	/* No end of the name. */
	refuse(ends,
	       "0123456789012345678901234567890123456789012345678901234567890123456789",
	       EVENT_SERVICE_SIZE + 6, fds, 1);
	refuse(ends, "0123456789012345678901234567890123456789012345678901234567890123",
	       EVENT_SERVICE_SIZE, fds, 1);
}

static void refuses_descriptors_that_are_no_client(void **state)
{
	struct ends *ends = *state;
	int fd = ends->supervisor;

	refuse(ends, "echo", EVENT_SERVICE_SIZE, &fd, 1);
	fd = STDERR_FILENO;
	refuse(ends, "echo", EVENT_SERVICE_SIZE, &fd, 1);
}

static void tells_a_shortage_from_nonsense(void **state)
{
	struct ends *ends = *state;
	struct rlimit before, none;
	struct transfer got;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(transfer_send(ends->worker, "echo", ends->client[0]), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(transfer_receive(ends->supervisor, &got), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(transfer_receive(ends->supervisor, &got), -EAGAIN);
}

static void full_socket_is_said_to_be_busy(void **state)
{
	struct ends *ends = *state;
	struct transfer got;
	size_t sent = 0;
	int r;

	while ((r = transfer_send(ends->worker, "echo", ends->client[0])) == 0)
		sent++;
	/* ETOOMANYREFS: many in flight, and few descriptors allowed. */
	assert_true(r == -EAGAIN || r == -ETOOMANYREFS);
	assert_true(sent > 10);
	for (; sent > 0; sent--) {
		assert_int_equal(transfer_receive(ends->supervisor, &got), 0);
		(void)close(got.connection.fd);
	}
	assert_int_equal(transfer_receive(ends->supervisor, &got), -EAGAIN);
}

static void sees_the_end(void **state)
{
	struct ends *ends = *state;
	struct transfer got;
	int copy = fcntl(ends->worker, F_DUPFD_CLOEXEC, 3);

	assert_int_equal(transfer_send(ends->worker, "echo", ends->client[0]), 0);
	(void)close(copy);
	(void)close(ends->worker);
	/* What was sent before comes first. */
	assert_int_equal(transfer_receive(ends->supervisor, &got), 0);
	(void)close(got.connection.fd);
	assert_int_equal(transfer_receive(ends->supervisor, &got), -EPIPE);
	assert_true(transfer_send(ends->supervisor, "echo", ends->client[0]) < 0);
	ends->worker = fcntl(ends->supervisor, F_DUPFD_CLOEXEC, 3);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(carries_a_connection_and_a_name_both_ways),
		CASE(long_names_are_whole),
		CASE(refuses_packets_of_another_form),
		CASE(refuses_descriptors_that_are_no_client),
		CASE(tells_a_shortage_from_nonsense),
		CASE(full_socket_is_said_to_be_busy),
		CASE(sees_the_end),
	};

	return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
