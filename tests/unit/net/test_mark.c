/* SPDX-License-Identifier: ISC */
/* Telling which datagram is next and whether anybody has read one. */
#include "net_test.h"

#include "usherd/net/datagram.h"

static uint8_t buffer[DATAGRAM_MAX];

struct pair {
	struct addr to;
	int fd;
	int client;
};

static bool begin_at(struct pair *pair, enum transport transport, const char *text)
{
	uint16_t port = test_port();
	struct endpoint endpoint = test_endpoint(transport, text, port);
	struct addr from = test_addr(transport == TRANSPORT_UDP ? text : "@", 0);

	/* Bound to nothing but its family, a UNIX socket gets a name of its own. */
	if (transport != TRANSPORT_UDP)
		from = (struct addr){ .length = sizeof(sa_family_t),
				      .u.any.sa_family = AF_UNIX };
	pair->to = endpoint.addr;
	pair->client = test_sender(&from);
	return pair->client >= 0 && listener_open(&endpoint, &pair->fd, NULL) == 0;
}

/* The kind of socket is @number's: UDP, UDP over IPv6, UNIX. */
static bool begin(struct pair *pair, int number)
{
	static const char *const addresses[] = { "127.0.0.1", "::1", NULL };
	char name[64];

	if (addresses[number] != NULL)
		return begin_at(pair, TRANSPORT_UDP, addresses[number]);
	(void)snprintf(name, sizeof(name), "@usherd-mark-%ld", (long)getpid());
	return begin_at(pair, TRANSPORT_UNIX_DGRAM, name);
}

#define KINDS 3
#define UDPS  2

static void end(struct pair *pair)
{
	fd_close(&pair->fd);
	fd_close(&pair->client);
}

static bool say(const struct pair *pair, const char *text)
{
	return test_send(pair->client, &pair->to, text, strlen(text));
}

static bool hear(int fd)
{
	return recv(fd, buffer, sizeof(buffer), 0) >= 0;
}

static int hear_in_child(void *data)
{
	const int *fd = data;

	REQUIRE(hear(*fd));
	return 0;
}

/* 0: there is none. */
static uint64_t head_mark(int fd)
{
	struct addr local = test_local(fd);
	struct datagram first;
	uint64_t mark = 0;
	int r = datagram_peek_marked(fd, &local, &first, &mark);

	REQUIRE(r == 0 || r == -EAGAIN);
	REQUIRE((r == 0) == (mark != 0));
	return mark;
}

static void an_empty_queue_has_no_head(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct pair pair;

		assert_true(begin(&pair, kind));
		assert_int_equal(head_mark(pair.fd), 0);
		assert_true(say(&pair, "x"));
		assert_true(test_readable(pair.fd));
		assert_int_not_equal(head_mark(pair.fd), 0);
		assert_true(hear(pair.fd));
		assert_int_equal(head_mark(pair.fd), 0);
		end(&pair);
	}
}

static void the_same_head_keeps_its_mark(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct pair pair;
		uint64_t mark;

		assert_true(begin(&pair, kind));
		assert_true(say(&pair, "one"));
		assert_true(test_readable(pair.fd));
		mark = head_mark(pair.fd);
		assert_int_equal(head_mark(pair.fd), mark);
		assert_true(say(&pair, "two"));
		assert_int_equal(head_mark(pair.fd), mark);
		assert_true(recv(pair.fd, buffer, sizeof(buffer), MSG_PEEK) == 3);
		assert_int_equal(head_mark(pair.fd), mark);
		end(&pair);
	}
}

static void equal_datagrams_have_marks_of_their_own(void **state)
{
	static const char *const texts[] = { "same", "" };

	(void)state;
	for (int i = 0; i < KINDS * 2; i++) {
		const char *text = texts[i % 2];
		struct pair pair;
		uint64_t first;
		uint64_t second;

		assert_true(begin(&pair, i / 2));
		assert_true(say(&pair, text) && say(&pair, text));
		first = head_mark(pair.fd);
		assert_true(hear(pair.fd));
		second = head_mark(pair.fd);
		assert_int_not_equal(second, first);
		assert_int_equal(head_mark(pair.fd), second);
		assert_true(hear(pair.fd));
		assert_true(say(&pair, text));
		assert_true(test_readable(pair.fd));
		assert_int_not_equal(head_mark(pair.fd), first);
		assert_int_not_equal(head_mark(pair.fd), second);
		end(&pair);
	}
}

/* Nothing has asked for time stamps when it came. */
static void unstamped_head_has_a_mark_that_stays(void **state)
{
	struct addr at = test_addr("127.0.0.1", 0);
	struct pair pair = { .fd = test_sender(&at), .client = test_sender(&at) };
	uint64_t mark;

	(void)state;
	pair.to = test_local(pair.fd);
	assert_true(say(&pair, "same") && say(&pair, "same"));
	mark = head_mark(pair.fd);
	assert_int_not_equal(mark, 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(head_mark(pair.fd), mark);
	assert_true(hear(pair.fd));
	assert_int_not_equal(head_mark(pair.fd), mark);
	end(&pair);
}

static void asking_for_the_head_changes_no_option(void **state)
{
	static const struct {
		int option;
		int us;
		int ns;
	} cases[] = {
		{ 0, 0, 0 },
		{ SO_TIMESTAMP, 1, 0 },
		{ SO_TIMESTAMPNS, 0, 1 },
	};
	int one = 1;

	(void)state;
	for (size_t i = 0; i < KINDS * 3; i++) {
		int option = cases[i % 3].option;
		struct pair pair;
		uint64_t mark;

		assert_true(begin(&pair, (int)i / 3));
		assert_true(say(&pair, "x"));
		mark = head_mark(pair.fd);
		if (option != 0)
			assert_int_equal(setsockopt(pair.fd, SOL_SOCKET, option, &one,
						    sizeof(one)),
					 0);
		assert_int_equal(head_mark(pair.fd), mark);
		assert_int_equal(test_option(pair.fd, SOL_SOCKET, SO_TIMESTAMP),
				 cases[i % 3].us);
		assert_int_equal(test_option(pair.fd, SOL_SOCKET, SO_TIMESTAMPNS),
				 cases[i % 3].ns);
		end(&pair);
	}
}

static bool send_descriptor(const struct pair *pair, int fd)
{
	union {
		struct cmsghdr entry;
		uint8_t bytes[CMSG_SPACE(sizeof(fd))];
	} control = { .bytes = { 0 } };
	struct addr to = pair->to;
	struct msghdr message = {
		.msg_name = &to.u.any,
		.msg_namelen = to.length,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};

	control.entry.cmsg_level = SOL_SOCKET;
	control.entry.cmsg_type = SCM_RIGHTS;
	control.entry.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&control.entry), &fd, sizeof(fd));
	return sendmsg(pair->client, &message, 0) == 0;
}

static void descriptors_sent_along_are_not_received(void **state)
{
	struct pair pair;
	int before;
	int after;

	(void)state;
	assert_true(begin(&pair, 2));
	assert_true(send_descriptor(&pair, pair.client));
	before = dup(0);
	(void)close(before);
	assert_int_not_equal(head_mark(pair.fd), 0);
	after = dup(0);
	assert_int_equal(after, before);
	fd_close(&after);
	end(&pair);
}

static void only_reading_changes_the_read_mark(void **state)
{
	(void)state;
	for (int kind = 0; kind < UDPS; kind++) {
		struct pair pair;
		uint64_t mark;

		assert_true(begin(&pair, kind));
		assert_int_equal(datagram_read_mark(pair.fd), 0);
		assert_true(say(&pair, "1") && say(&pair, "2") && say(&pair, "3"));
		assert_int_equal(datagram_read_mark(pair.fd), 0);
		assert_true(hear(pair.fd));
		mark = datagram_read_mark(pair.fd);
		assert_int_not_equal(mark, 0);
		assert_true(say(&pair, "4"));
		assert_int_equal(datagram_read_mark(pair.fd), mark);
		assert_int_equal(test_in_child(hear_in_child, &pair.fd), 0);
		assert_int_not_equal(datagram_read_mark(pair.fd), mark);
		end(&pair);
	}
	assert_int_equal(datagram_read_mark(-1), 0);
}

static void reading_unstamped_datagrams_changes_the_read_mark(void **state)
{
	struct addr at = test_addr("127.0.0.1", 0);
	struct pair pair = { .fd = test_sender(&at), .client = test_sender(&at) };
	uint64_t mark;

	(void)state;
	pair.to = test_local(pair.fd);
	assert_true(say(&pair, "1") && say(&pair, "2"));
	assert_true(hear(pair.fd));
	mark = datagram_read_mark(pair.fd);
	assert_int_not_equal(mark, 0);
	assert_int_equal(datagram_read_mark(pair.fd), mark);
	assert_true(hear(pair.fd));
	assert_int_not_equal(datagram_read_mark(pair.fd), mark);
	end(&pair);
}

static void unix_sockets_have_no_read_mark(void **state)
{
	struct pair pair;

	(void)state;
	assert_true(begin(&pair, 2));
	assert_true(say(&pair, "1"));
	assert_true(hear(pair.fd));
	assert_int_equal(datagram_read_mark(pair.fd), 0);
	end(&pair);
}

static void a_socket_of_a_peer_has_marks(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "127.0.0.1", test_port());
	struct addr any = test_addr("127.0.0.1", 0);
	struct pair pair = { .to = endpoint.addr, .client = test_sender(&any) };
	struct datagram first = { .local = endpoint.addr };
	uint64_t mark;
	int listener;

	(void)state;
	first.peer = test_local(pair.client);
	assert_int_equal(listener_open(&endpoint, &listener, NULL), 0);
	assert_int_equal(datagram_connect(listener, &first, &endpoint, &pair.fd, NULL),
			 0);
	assert_int_equal(datagram_read_mark(pair.fd), 0);
	assert_true(say(&pair, "same") && say(&pair, "same"));
	mark = head_mark(pair.fd);
	assert_true(hear(pair.fd));
	assert_int_not_equal(datagram_read_mark(pair.fd), 0);
	assert_int_not_equal(head_mark(pair.fd), mark);
	fd_close(&listener);
	end(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_queue_has_no_head),
		cmocka_unit_test(the_same_head_keeps_its_mark),
		cmocka_unit_test(equal_datagrams_have_marks_of_their_own),
		cmocka_unit_test(unstamped_head_has_a_mark_that_stays),
		cmocka_unit_test(asking_for_the_head_changes_no_option),
		cmocka_unit_test(descriptors_sent_along_are_not_received),
		cmocka_unit_test(only_reading_changes_the_read_mark),
		cmocka_unit_test(reading_unstamped_datagrams_changes_the_read_mark),
		cmocka_unit_test(unix_sockets_have_no_read_mark),
		cmocka_unit_test(a_socket_of_a_peer_has_marks),
	};

	return cmocka_run_group_tests_name("net/mark", tests, NULL, NULL);
}
