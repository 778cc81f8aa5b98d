/* SPDX-License-Identifier: ISC */
/* What a worker is told, and what else could come that way. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "descriptors.h"
#include "usherd/base/fd.h"
#include "usherd/serve/order.h"

struct ends {
	int supervisor;
	int worker;
	int open; /* descriptors at first */
};

static int setup(void **state)
{
	struct ends *ends = calloc(1, sizeof(*ends));
	int pair[2];

	if (ends == NULL ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	ends->supervisor = pair[0];
	ends->worker = pair[1];
	ends->open = count_descriptors();
	assert_true(ends->open > 0);
	*state = ends;
	return 0;
}

static int teardown(void **state)
{
	struct ends *ends = *state;

	fd_close(&ends->supervisor);
	fd_close(&ends->worker);
	free(ends);
	return 0;
}

/* An address, a name that is two addresses, and two paths. */
struct example {
	struct target targets[4];
	struct target_list list;
};

static void make_example(struct example *example)
{
	struct target *targets = example->targets;

	memset(example, 0, sizeof(*example));
	example->list = (struct target_list){ .items = targets, .count = 4 };
	assert_int_equal(
		addr_parse_ip("192.0.2.1", 80, &targets[0].at.addresses[0], NULL), 0);
	assert_int_equal(
		addr_parse_ip("192.0.2.2", 81, &targets[1].at.addresses[0], NULL), 0);
	assert_int_equal(
		addr_parse_ip("2001:db8::2", 81, &targets[1].at.addresses[1], NULL), 0);
	assert_int_equal(addr_parse_unix("/run/a", &targets[2].at.addresses[0], NULL), 0);
	assert_int_equal(addr_parse_unix("/srv/b", &targets[3].at.addresses[0], NULL), 0);
	for (size_t i = 0; i < 4; i++)
		targets[i].at.count = i == 1 ? 2 : 1;
}

static void assert_same_hosts(const struct example *example, const struct order *order)
{
	assert_int_equal(order->host_count, example->list.count);
	for (size_t i = 0; i < order->host_count; i++) {
		const struct host *sent = &example->targets[i].at;

		assert_int_equal(order->hosts[i].count, sent->count);
		for (size_t j = 0; j < sent->count; j++)
			assert_true(addr_equal(&order->hosts[i].addresses[j],
					       &sent->addresses[j]));
	}
}

static void close_directories(struct order *order)
{
	for (size_t i = 0; i < order->directory_count; i++)
		fd_close(&order->directories[i]);
}

static void drain_arrives(void **state)
{
	struct ends *ends = *state;
	struct order order;

	assert_int_equal(order_drain(ends->supervisor), 0);
	assert_int_equal(order_receive(ends->worker, &order), 0);
	assert_int_equal(order.kind, ORDER_DRAIN);
	assert_int_equal(order_receive(ends->worker, &order), -EAGAIN);
}

static void new_targets_arrive_with_the_directories_of_their_paths(void **state)
{
	struct ends *ends = *state;
	struct example example;
	struct order order;
	int directories[2] = { -1, open("/", O_PATH | O_CLOEXEC) };

	make_example(&example);
	assert_int_equal(
		order_retarget(ends->supervisor, "relay", &example.list, directories, 2),
		0);
	assert_int_equal(order_receive(ends->worker, &order), 0);
	assert_int_equal(order.kind, ORDER_RETARGET);
	assert_string_equal(order.service, "relay");
	assert_same_hosts(&example, &order);
	/* Each at its place: the first has none. */
	assert_int_equal(order.directory_count, 2);
	assert_int_equal(order.directories[0], -1);
	assert_int_equal(fcntl(order.directories[1], F_GETFD), FD_CLOEXEC);
	close_directories(&order);
	fd_close(&directories[1]);
	assert_int_equal(count_descriptors(), ends->open);
}

static void as_many_targets_as_there_may_be_arrive(void **state)
{
	struct ends *ends = *state;
	struct target targets[TARGETS_MAX];
	struct target_list list = { .items = targets, .count = TARGETS_MAX };
	struct order order;

	memset(targets, 0, sizeof(targets));
	for (size_t i = 0; i < TARGETS_MAX; i++) {
		targets[i].at.count = HOST_ADDRESSES_MAX;
		for (size_t j = 0; j < HOST_ADDRESSES_MAX; j++)
			assert_int_equal(addr_parse_ip("192.0.2.1",
						       (uint16_t)(i * 100 + j + 1),
						       &targets[i].at.addresses[j], NULL),
					 0);
	}
	assert_int_equal(order_retarget(ends->supervisor, "relay", &list, NULL, 0), 0);
	assert_int_equal(order_receive(ends->worker, &order), 0);
	assert_int_equal(order.host_count, TARGETS_MAX);
	for (size_t i = 0; i < TARGETS_MAX; i++)
		assert_int_equal(addr_port(&order.hosts[i].addresses[7]), i * 100 + 8);
}

static void closed_channel_is_told_from_a_silent_one(void **state)
{
	struct ends *ends = *state;
	struct order order;

	assert_int_equal(order_receive(ends->worker, &order), -EAGAIN);
	fd_close(&ends->supervisor);
	assert_int_equal(order_receive(ends->worker, &order), -EPIPE);
	assert_int_equal(order_drain(ends->worker), -EPIPE);
}

static void worker_that_takes_no_orders_does_not_stop_the_supervisor(void **state)
{
	struct ends *ends = *state;
	int r = 0;

	for (int i = 0; i < 1000000 && r == 0; i++)
		r = order_drain(ends->supervisor);
	assert_int_equal(r, -EAGAIN);
}

/* The bytes of a good order. */
static size_t good_packet(const struct ends *ends, uint8_t *buffer, size_t size)
{
	struct example example;
	ssize_t length;

	make_example(&example);
	assert_int_equal(
		order_retarget(ends->supervisor, "relay", &example.list, NULL, 0), 0);
	length = recv(ends->worker, buffer, size, 0);
	assert_in_range(length, 2, size);
	return (size_t)length;
}

static int receive_bytes(const struct ends *ends, const uint8_t *bytes, size_t length,
			 struct order *ret)
{
	assert_int_equal(send(ends->supervisor, bytes, length, MSG_NOSIGNAL), length);
	return order_receive(ends->worker, ret);
}

static void cut_order_is_none(void **state)
{
	struct ends *ends = *state;
	static uint8_t packet[65536];
	size_t length = good_packet(ends, packet, sizeof(packet));
	struct order order;

	assert_int_equal(receive_bytes(ends, packet, length, &order), 0);
	for (size_t cut = 1; cut < length; cut++)
		assert_int_equal(receive_bytes(ends, packet, cut, &order), -EAGAIN);
	assert_int_equal(receive_bytes(ends, packet, length + 1, &order), -EAGAIN);
}

/* Whatever a byte is: it is an order of sound parts, or none. */
static void order_with_a_wrong_byte_does_no_harm(void **state)
{
	static const uint8_t values[] = { 0, 1, 9, 0x7f, 0x80, 0xff };
	struct ends *ends = *state;
	static uint8_t packet[65536];
	size_t length = good_packet(ends, packet, sizeof(packet));
	struct order order;

	for (size_t i = 0; i < length; i++) {
		uint8_t right = packet[i];

		for (size_t j = 0; j < sizeof(values); j++) {
			packet[i] = values[j];
			if (receive_bytes(ends, packet, length, &order) != 0)
				continue;
			assert_true(order.host_count <= TARGETS_MAX);
			assert_true(strnlen(order.service, sizeof(order.service)) <
				    sizeof(order.service));
			for (size_t k = 0; k < order.host_count; k++)
				assert_true(order.hosts[k].count <= HOST_ADDRESSES_MAX);
			close_directories(&order);
		}
		packet[i] = right;
	}
	assert_int_equal(count_descriptors(), ends->open);
}

static void descriptors_that_belong_to_nothing_are_closed(void **state)
{
	struct ends *ends = *state;
	static uint8_t packet[65536];
	size_t length = good_packet(ends, packet, sizeof(packet));
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = { .align = { .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS,
				 .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec part = { .iov_base = packet, .iov_len = length };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct order order;

	memcpy(CMSG_DATA(&control.align), &ends->worker, sizeof(int));
	assert_int_equal(sendmsg(ends->supervisor, &message, MSG_NOSIGNAL), length);
	assert_int_equal(order_receive(ends->worker, &order), -EAGAIN);
	assert_int_equal(count_descriptors(), ends->open);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(drain_arrives),
		CASE(new_targets_arrive_with_the_directories_of_their_paths),
		CASE(as_many_targets_as_there_may_be_arrive),
		CASE(closed_channel_is_told_from_a_silent_one),
		CASE(worker_that_takes_no_orders_does_not_stop_the_supervisor),
		CASE(cut_order_is_none),
		CASE(order_with_a_wrong_byte_does_no_harm),
		CASE(descriptors_that_belong_to_nothing_are_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
