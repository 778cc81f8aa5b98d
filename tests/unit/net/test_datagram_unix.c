/* SPDX-License-Identifier: ISC */
/* Datagrams of UNIX sockets: with and without a sender's name, with descriptors. */
#include "net_test.h"

#include <sys/uio.h>

#include "usherd/net/datagram.h"

static uint8_t buffer[DATAGRAM_MAX];

struct unix_pair {
	int listener;
	int client;
	struct addr local;
};

static struct unix_pair open_unix(void)
{
	struct unix_pair pair;
	struct endpoint endpoint;
	char name[64];

	(void)snprintf(name, sizeof(name), "@usherd-datagram-%d", (int)getpid());
	endpoint = test_endpoint(TRANSPORT_UNIX_DGRAM, name, 0);
	assert_int_equal(listener_open(&endpoint, &pair.listener, NULL), 0);
	pair.local = endpoint.addr;
	pair.client = test_client(SOCK_DGRAM, &endpoint.addr);
	assert_true(pair.client >= 0);
	return pair;
}

static void unnamed_unix_sender_cannot_be_answered(void **state)
{
	struct unix_pair pair = open_unix();
	struct datagram got;

	(void)state;
	assert_int_equal(send(pair.client, "hi", 2, 0), 2);
	assert_int_equal(datagram_receive(pair.listener, &pair.local, buffer,
					  sizeof(buffer), &got),
			 0);
	assert_int_equal(got.peer.length, 0);
	assert_int_equal(got.length, 2);
	assert_true(addr_equal(&got.local, &pair.local));
	assert_int_equal(datagram_reply(pair.listener, &got, buffer, 1), -EDESTADDRREQ);
	fd_close(&pair.client);
	fd_close(&pair.listener);
}

static void named_unix_sender_is_answered(void **state)
{
	struct unix_pair pair = open_unix();
	struct datagram got;
	struct addr own;
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@usherd-client-%d", (int)getpid());
	own = test_addr(name, 0);
	assert_int_equal(bind(pair.client, &own.u.any, own.length), 0);
	assert_int_equal(send(pair.client, "hi", 2, 0), 2);
	assert_int_equal(datagram_receive(pair.listener, &pair.local, buffer,
					  sizeof(buffer), &got),
			 0);
	assert_true(addr_equal(&got.peer, &own));
	assert_int_equal(datagram_reply(pair.listener, &got, buffer, 1), 0);
	assert_int_equal(recv(pair.client, buffer, sizeof(buffer), 0), 1);
	fd_close(&pair.client);
	assert_int_equal(datagram_reply(pair.listener, &got, buffer, 1), -ECONNREFUSED);
	fd_close(&pair.listener);
}

static void descriptors_sent_along_do_not_stay(void **state)
{
	struct unix_pair pair = open_unix();
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = buffer, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct datagram got;
	int before = dup(0);
	int after;

	(void)state;
	control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.align), &pair.client, sizeof(int));
	assert_int_equal(sendmsg(pair.client, &message, 0), 1);
	assert_int_equal(datagram_receive(pair.listener, &pair.local, buffer,
					  sizeof(buffer), &got),
			 0);
	after = dup(0);
	assert_int_equal(after, before + 1);
	fd_close(&after);
	fd_close(&before);
	fd_close(&pair.client);
	fd_close(&pair.listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unnamed_unix_sender_cannot_be_answered),
		cmocka_unit_test(named_unix_sender_is_answered),
		cmocka_unit_test(descriptors_sent_along_do_not_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
