/* SPDX-License-Identifier: ISC */
/* Datagrams by the dozen: each with its own addresses, each answered from the right one.
 */
#include "net_test.h"

#include "usherd/net/batch.h"

#define CLIENTS 40

struct fixture {
	struct datagram_batch *batch;
	int listener;
	struct addr local;
	int clients[CLIENTS];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (fixture == NULL || datagram_batch_new(&fixture->batch) < 0)
		return -1;
	fixture->listener = -1;
	for (size_t i = 0; i < CLIENTS; i++)
		fixture->clients[i] = -1;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < CLIENTS; i++)
		fd_close(&fixture->clients[i]);
	fd_close(&fixture->listener);
	datagram_batch_free(fixture->batch);
	free(fixture);
	return 0;
}

static void listen_at(struct fixture *fixture, const char *bound)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, bound, test_port());

	assert_int_equal(listener_open(&endpoint, &fixture->listener, NULL), 0);
	fixture->local = test_local(fixture->listener);
}

/* Client @index, connected to @server, says its number. */
static void say(struct fixture *fixture, size_t index, const char *server)
{
	struct addr to = test_addr(server, addr_port(&fixture->local));
	char text[16];
	int length = snprintf(text, sizeof(text), "client %zu", index);

	if (fixture->clients[index] == -1)
		fixture->clients[index] = test_client(SOCK_DGRAM, &to);
	assert_true(fixture->clients[index] >= 0);
	assert_int_equal(send(fixture->clients[index], text, (size_t)length, 0), length);
}

/* A connected socket takes what comes from the address it asked only. */
static void hear(const struct fixture *fixture, size_t index, const char *expected)
{
	char text[32] = { 0 };

	assert_true(test_readable(fixture->clients[index]));
	assert_true(recv(fixture->clients[index], text, sizeof(text) - 1, MSG_DONTWAIT) >
		    0);
	assert_string_equal(text, expected);
}

static int receive(struct fixture *fixture)
{
	return datagram_batch_receive(fixture->batch, fixture->listener, &fixture->local);
}

static void answer(struct fixture *fixture, size_t index)
{
	const struct datagram *request = datagram_batch_at(fixture->batch, index);
	char *room = (char *)datagram_batch_room(fixture->batch, index);
	int length = snprintf(room, DATAGRAM_MAX, "to %.*s", (int)request->length,
			      (const char *)request->data);

	datagram_batch_answer(fixture->batch, index, (size_t)length);
}

static void takes_what_is_queued_in_order(void **state)
{
	struct fixture *fixture = *state;
	size_t heard = 0;

	listen_at(fixture, "127.0.0.1");
	for (size_t i = 0; i < CLIENTS; i++)
		say(fixture, i, "127.0.0.1");
	while (heard < CLIENTS) {
		int count = receive(fixture);

		assert_int_equal(count,
				 heard == 0 ? DATAGRAM_BATCH : CLIENTS - DATAGRAM_BATCH);
		for (size_t i = 0; i < (size_t)count; i++, heard++) {
			struct addr from = test_local(fixture->clients[heard]);
			const struct datagram *got = datagram_batch_at(fixture->batch, i);

			assert_true(addr_equal(&got->peer, &from));
			assert_true(addr_equal(&got->local, &fixture->local));
		}
	}
	assert_int_equal(receive(fixture), -EAGAIN);
}

static void answers_each_from_the_address_it_asked(void **state)
{
	static const char *const servers[] = { "127.0.0.1", "127.0.0.2", "127.9.8.7" };
	struct fixture *fixture = *state;
	char expected[32];

	listen_at(fixture, "0.0.0.0");
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 9; i++)
			say(fixture, i, servers[i % 3]);
		assert_int_equal(receive(fixture), 9);
		/* Not everybody gets one. */
		for (size_t i = 0; i < 9; i += 2)
			answer(fixture, i);
		assert_int_equal(datagram_batch_send(fixture->batch, fixture->listener),
				 5);
		for (size_t i = 0; i < 9; i++) {
			(void)snprintf(expected, sizeof(expected), "to client %zu", i);
			if (i % 2 == 0)
				hear(fixture, i, expected);
			else
				assert_int_equal(recv(fixture->clients[i], expected, 1,
						      MSG_DONTWAIT),
						 -1);
		}
	}
}

static void answers_both_families_of_a_dual_stack_socket(void **state)
{
	static const char *const servers[] = { "127.0.0.1", "::1" };
	struct fixture *fixture = *state;

	listen_at(fixture, "::");
	for (size_t i = 0; i < 2; i++)
		say(fixture, i, servers[i]);
	assert_int_equal(receive(fixture), 2);
	assert_int_equal(addr_family(&datagram_batch_at(fixture->batch, 0)->peer),
			 AF_INET);
	answer(fixture, 0);
	answer(fixture, 1);
	assert_int_equal(datagram_batch_send(fixture->batch, fixture->listener), 2);
	hear(fixture, 0, "to client 0");
	hear(fixture, 1, "to client 1");
}

static void takes_the_longest_and_the_empty_one(void **state)
{
	static uint8_t longest[65507]; /* 65535 less the headers of UDP and IPv4 */
	struct fixture *fixture = *state;

	listen_at(fixture, "127.0.0.1");
	say(fixture, 0, "127.0.0.1");
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(send(fixture->clients[0], longest, sizeof(longest), 0),
			 sizeof(longest));
	assert_int_equal(send(fixture->clients[0], longest, 0, 0), 0);
	assert_int_equal(receive(fixture), 3);
	assert_int_equal(datagram_batch_at(fixture->batch, 1)->length, sizeof(longest));
	assert_memory_equal(datagram_batch_at(fixture->batch, 1)->data, longest,
			    sizeof(longest));
	assert_int_equal(datagram_batch_at(fixture->batch, 2)->length, 0);
}

/* One answer that cannot be sent must not cost the others theirs. */
static void goes_on_after_an_answer_that_fails(void **state)
{
	struct fixture *fixture = *state;

	listen_at(fixture, "127.0.0.1");
	for (size_t i = 0; i < 3; i++)
		say(fixture, i, "127.0.0.1");
	assert_int_equal(receive(fixture), 3);
	answer(fixture, 0);
	datagram_batch_answer(fixture->batch, 1, DATAGRAM_MAX); /* EMSGSIZE */
	answer(fixture, 2);
	assert_int_equal(datagram_batch_send(fixture->batch, fixture->listener), 2);
	hear(fixture, 0, "to client 0");
	hear(fixture, 2, "to client 2");
}

static void forgets_answers_that_were_not_sent(void **state)
{
	struct fixture *fixture = *state;

	listen_at(fixture, "127.0.0.1");
	say(fixture, 0, "127.0.0.1");
	assert_int_equal(receive(fixture), 1);
	answer(fixture, 0);
	assert_int_equal(receive(fixture), -EAGAIN);
	assert_int_equal(datagram_batch_send(fixture->batch, fixture->listener), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(takes_what_is_queued_in_order),
		CASE(answers_each_from_the_address_it_asked),
		CASE(answers_both_families_of_a_dual_stack_socket),
		CASE(takes_the_longest_and_the_empty_one),
		CASE(goes_on_after_an_answer_that_fails),
		CASE(forgets_answers_that_were_not_sent),
	};

	return cmocka_run_group_tests_name("net/batch", tests, NULL, NULL);
}
