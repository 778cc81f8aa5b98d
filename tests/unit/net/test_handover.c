/* SPDX-License-Identifier: ISC */
/*
 * Many peers and many datagrams at once, handed over as datagram.h says: every datagram
 * ends exactly once in the socket of its peer, in order.
 */
#include "net_test.h"

#include <sys/syscall.h>

#include "usherd/net/datagram.h"

#define PEERS     50
#define EACH      20
#define TOTAL     (PEERS * EACH)
#define BURST_MAX 120 /* what fits a receive queue of the default size */

struct peer {
	struct addr addr;
	struct addr to;
	int client;
	int fd; /* the socket for it, -1 if it has none yet */
	uint8_t sent;
};

struct item {
	struct datagram datagram;
	uint8_t bytes[2]; /* number of the peer, number of the datagram */
	bool done;
};

static struct stage {
	struct peer peers[PEERS];
	struct item items[TOTAL]; /* the list of datagram.h */
	size_t count;
	size_t next;
	unsigned total_sent;
	unsigned strangers; /* read from the sockets of others */
	uint32_t random;
	struct endpoint endpoint;
	struct addr local;
	int listener;
	bool intruding; /* send between bind and connect */
	bool quiet;     /* nothing is sent from here */
} stage;

static uint32_t pick(uint32_t limit)
{
	stage.random = stage.random * 1664525U + 1013904223U;
	return (stage.random >> 8) % limit;
}

static bool send_next(void)
{
	struct peer *peer = &stage.peers[pick(PEERS)];
	uint8_t bytes[2] = { (uint8_t)(peer - stage.peers), peer->sent };

	if (stage.quiet || peer->sent == EACH)
		return true;
	peer->sent++;
	stage.total_sent++;
	return test_send(peer->client, &peer->to, bytes, sizeof(bytes));
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	if (stage.intruding) {
		stage.intruding = false;
		for (uint32_t i = pick(8); i > 0; i--)
			(void)send_next();
	}
	return (int)syscall(SYS_connect, fd, address, length);
}

/* Read @fd to its end into the list. */
static bool read_all(int fd, const struct addr *local, const struct peer *owner)
{
	for (;;) {
		struct item *item = &stage.items[stage.count];
		uint8_t extra[2];
		bool full = stage.count == TOTAL;
		struct datagram got;
		int rc = datagram_receive(fd, local, full ? extra : item->bytes, 2, &got);

		if (rc == -EAGAIN)
			return true;
		if (rc != 0 || full)
			return false;
		item->datagram = got;
		if (owner != NULL && !addr_equal(&owner->addr, &got.peer))
			stage.strangers++;
		stage.count++;
	}
}

static struct peer *find_peer(const struct addr *addr)
{
	for (size_t i = 0; i < PEERS; i++) {
		if (addr_equal(&stage.peers[i].addr, addr))
			return &stage.peers[i];
	}
	return NULL;
}

static bool open_peer(struct peer *peer, const struct datagram *first)
{
	struct addr local = first->local;
	int rc;

	stage.intruding = true;
	rc = datagram_connect(stage.listener, first, &stage.endpoint, &peer->fd, NULL);
	stage.intruding = false;
	return rc == 0 && read_all(stage.listener, &stage.local, NULL) &&
	       read_all(peer->fd, &local, peer);
}

static bool dispatch(void)
{
	if (!read_all(stage.listener, &stage.local, NULL))
		return false;
	for (; stage.next < stage.count; stage.next++) {
		struct item *first = &stage.items[stage.next];
		struct peer *peer = find_peer(&first->datagram.peer);

		if (peer == NULL ||
		    (peer->fd == -1 && !open_peer(peer, &first->datagram)))
			return false;
		for (size_t i = stage.next; i < stage.count; i++) {
			struct item *item = &stage.items[i];

			if (item->done || !addr_equal(&item->datagram.peer, &peer->addr))
				continue;
			item->done = true;
			if (datagram_inject(peer->fd, stage.listener, &item->datagram,
					    NULL) != 0)
				return false;
		}
		/* What comes from now on goes straight to the sockets. */
		if (pick(4) == 0 && !send_next())
			return false;
	}
	return true;
}

static bool begin_stage(const char *bound, uint32_t seed)
{
	memset(&stage, 0, sizeof(stage));
	stage.random = seed;
	stage.endpoint = test_endpoint(TRANSPORT_UDP, bound, test_port());
	if (listener_open(&stage.endpoint, &stage.listener, NULL) != 0)
		return false;
	stage.local = test_local(stage.listener);
	for (size_t i = 0; i < PEERS; i++) {
		struct peer *peer = &stage.peers[i];
		bool six = addr_family(&stage.local) == AF_INET6 && i % 3 == 0;
		bool wide = addr_is_wildcard(&stage.local) && i % 2 == 0;
		struct addr from = test_addr(six ? "::1" : "127.0.0.1", 0);

		peer->fd = -1;
		peer->client = test_sender(&from);
		if (peer->client < 0)
			return false;
		peer->addr = test_local(peer->client);
		peer->to = test_addr(six    ? "::1"
				     : wide ? "127.7.7.7"
					    : "127.0.0.1",
				     addr_port(&stage.local));
	}
	return true;
}

static void end_stage(void)
{
	fd_close(&stage.listener);
	for (size_t i = 0; i < PEERS; i++) {
		fd_close(&stage.peers[i].client);
		fd_close(&stage.peers[i].fd);
	}
}

/* Each socket holds what its peer sent, all of it, once, in order. */
static bool everything_is_in_place(void)
{
	uint8_t bytes[2];

	for (size_t i = 0; i < PEERS; i++) {
		for (uint8_t k = 0; k < EACH; k++) {
			if (recv(stage.peers[i].fd, bytes, 2, MSG_DONTWAIT) != 2 ||
			    bytes[0] != i || bytes[1] != k) {
				(void)fprintf(stderr, "peer %zu: %u of %u at %u\n", i,
					      bytes[1], bytes[0], k);
				return false;
			}
		}
		if (recv(stage.peers[i].fd, bytes, 2, MSG_DONTWAIT) != -1)
			return false;
	}
	return recv(stage.listener, bytes, 2, MSG_DONTWAIT) == -1;
}

static bool play(const char *bound, uint32_t seed)
{
	bool right = begin_stage(bound, seed);

	while (right && stage.total_sent < TOTAL) {
		for (uint32_t i = pick(BURST_MAX); right && i > 0; i--)
			right = send_next();
		right = right && dispatch();
	}
	right = right && dispatch() && everything_is_in_place();
	end_stage();
	return right;
}

static const char *const listeners[] = { "0.0.0.0", "127.0.0.1", "::" };

static void every_datagram_ends_once_and_in_order(void **state)
{
	unsigned strangers = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		for (uint32_t seed = 1; seed <= 10; seed++) {
			assert_true(play(listeners[i], seed));
			strangers += stage.strangers;
		}
	}
	/* Else it would not have tested what it is for. */
	assert_in_range(strangers, 10, TOTAL * 30);
}

static int play_without_rights(void *data)
{
	(void)data;
	REQUIRE(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		for (uint32_t seed = 11; seed <= 20; seed++)
			REQUIRE(play(listeners[i], seed));
	}
	return 0;
}

static void the_same_without_rights(void **state)
{
	(void)state;
	SKIP_UNLESS_ROOT();
	assert_int_equal(test_in_child(play_without_rights, NULL), 0);
}

/* All of it from another process while this one is at work. */
static int send_everything(void *data)
{
	(void)data;
	while (stage.total_sent < TOTAL)
		REQUIRE(send_next());
	return 0;
}

/* Count what the sockets hold; false for anything of a stranger or held twice. */
static bool count_everything(bool seen[PEERS][EACH], unsigned *ret_count)
{
	uint8_t bytes[2];

	for (size_t i = 0; i < PEERS; i++) {
		while (stage.peers[i].fd != -1 &&
		       recv(stage.peers[i].fd, bytes, 2, MSG_DONTWAIT) == 2) {
			if (bytes[0] != i || bytes[1] >= EACH || seen[i][bytes[1]])
				return false;
			seen[i][bytes[1]] = true;
			(*ret_count)++;
		}
	}
	return true;
}

static void senders_at_the_same_time_lose_nothing(void **state)
{
	int room = 1 << 24;

	(void)state;
	SKIP_UNLESS_ROOT();
	for (uint32_t round = 0; round < 5; round++) {
		bool seen[PEERS][EACH] = { 0 };
		uint64_t deadline_ns =
			clock_monotonic_ns() + TEST_TIMEOUT_MS * CLOCK_NS_PER_MS;
		unsigned count = 0;
		int status = -1;
		pid_t pid;

		assert_true(begin_stage(listeners[round % 3], round + 21));
		assert_int_equal(setsockopt(stage.listener, SOL_SOCKET, SO_RCVBUFFORCE,
					    &room, sizeof(room)),
				 0);
		pid = fork();
		if (pid == 0)
			_exit(send_everything(NULL));
		stage.quiet = true;
		while (count < TOTAL && clock_monotonic_ns() < deadline_ns) {
			assert_true(dispatch());
			assert_true(count_everything(seen, &count));
		}
		assert_int_equal(count, TOTAL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		end_stage();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_datagram_ends_once_and_in_order),
		cmocka_unit_test(the_same_without_rights),
		cmocka_unit_test(senders_at_the_same_time_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
