/* SPDX-License-Identifier: ISC */
/* Who may bind the port of a UDP listener: the sockets of its peers, nobody else. */
#include "net_test.h"

#include <sys/fsuid.h>
#include <sys/syscall.h>

#include "usherd/net/datagram.h"

#define PEERS 40

static uint8_t buffer[DATAGRAM_MAX];

/* Called once, just before the next bind(2). */
static struct {
	bool (*call)(const struct addr *addr);
	bool result;
	struct addr addr;
} before_bind;

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	bool (*call)(const struct addr *addr) = before_bind.call;

	before_bind.call = NULL;
	if (call != NULL)
		before_bind.result = call(&before_bind.addr);
	return (int)syscall(SYS_bind, fd, address, length);
}

/* A socket of another program at @addr that shares its port with @option, or -1. */
static int foreign(const struct addr *addr, int option)
{
	int one = 1;
	int fd = socket(addr->u.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (setsockopt(fd, SOL_SOCKET, option, &one, sizeof(one)) == -1 ||
	    bind(fd, &addr->u.any, addr->length) == -1)
		fd_close(&fd);
	return fd;
}

static bool is_refused(const struct addr *addr, int option)
{
	int fd = foreign(addr, option);
	bool refused = fd == -1 && errno == EADDRINUSE;

	fd_close(&fd);
	return refused;
}

static int try_as_nobody(void *data)
{
	const struct addr *addr = data;

	REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(is_refused(addr, SO_REUSEADDR));
	REQUIRE(is_refused(addr, SO_REUSEPORT));
	return 0;
}

static bool is_refused_to_nobody(const struct addr *addr)
{
	struct addr copy = *addr;

	return test_in_child(try_as_nobody, &copy) == 0;
}

struct scene {
	struct endpoint endpoint;
	struct addr to;
	int listener;
	int clients[PEERS];
	int fds[PEERS];
};

static bool begin_scene(struct scene *scene, const char *bound, const char *sent_to)
{
	struct addr from = test_addr(sent_to, 0);
	uint16_t port = test_port();

	*scene = (struct scene){ .endpoint = test_endpoint(TRANSPORT_UDP, bound, port),
				 .to = test_addr(sent_to, port) };
	if (listener_open(&scene->endpoint, &scene->listener, NULL) != 0)
		return false;
	for (int i = 0; i < PEERS; i++) {
		scene->fds[i] = -1;
		scene->clients[i] = test_sender(&from);
		if (scene->clients[i] < 0)
			return false;
	}
	return true;
}

static int connect_peer(struct scene *scene, int i)
{
	struct datagram first = { .peer = test_local(scene->clients[i]),
				  .local = scene->to };

	return datagram_connect(scene->listener, &first, &scene->endpoint, &scene->fds[i],
				NULL);
}

static void end_scene(struct scene *scene)
{
	for (int i = 0; i < PEERS; i++) {
		fd_close(&scene->fds[i]);
		fd_close(&scene->clients[i]);
	}
	fd_close(&scene->listener);
}

static const struct {
	const char *bound, *sent_to;
} cases[] = {
	{ "127.0.0.1", "127.0.0.1" },
	{ "0.0.0.0", "127.0.0.1" },
	{ "::", "127.0.0.1" },
	{ "::", "::1" },
	{ "::1", "::1" },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void nobody_else_can_bind_the_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct scene scene;

		assert_true(begin_scene(&scene, cases[i].bound, cases[i].sent_to));
		for (int peer = 0; peer < PEERS; peer++) {
			assert_true(is_refused(&scene.to, SO_REUSEADDR));
			assert_int_equal(connect_peer(&scene, peer), 0);
			assert_int_equal(
				test_option(scene.listener, SOL_SOCKET, SO_REUSEADDR), 0);
			assert_int_equal(
				test_option(scene.listener, SOL_SOCKET, SO_REUSEPORT), 0);
		}
		assert_true(is_refused(&scene.to, SO_REUSEADDR));
		end_scene(&scene);
	}
}

static void not_even_while_a_peer_is_connected(void **state)
{
	(void)state;
	SKIP_UNLESS_ROOT();
	for (size_t i = 0; i < CASES; i++) {
		struct scene scene;

		assert_true(begin_scene(&scene, cases[i].bound, cases[i].sent_to));
		for (int peer = 0; peer < 3; peer++) {
			before_bind.addr = scene.to;
			before_bind.result = false;
			before_bind.call = is_refused_to_nobody;
			assert_int_equal(connect_peer(&scene, peer), 0);
			assert_true(before_bind.result);
			assert_true(is_refused_to_nobody(&scene.to));
		}
		end_scene(&scene);
	}
}

static void peers_alone_keep_others_out_when_the_listener_has_gone(void **state)
{
	struct scene scene;
	struct error err = { 0 };
	int fd = -7;

	(void)state;
	SKIP_UNLESS_ROOT();
	assert_true(begin_scene(&scene, "127.0.0.1", "127.0.0.1"));
	assert_int_equal(connect_peer(&scene, 0), 0);
	fd_close(&scene.listener);
	assert_true(is_refused_to_nobody(&scene.to));
	assert_int_equal(listener_open(&scene.endpoint, &fd, &err), -EADDRINUSE);
	assert_int_equal(fd, -7);
	end_scene(&scene);
}

static void two_listeners_of_one_port_notice_each_other(void **state)
{
	struct scene scene;
	int fd = -7;

	(void)state;
	assert_true(begin_scene(&scene, "127.0.0.1", "127.0.0.1"));
	assert_int_equal(listener_open(&scene.endpoint, &fd, NULL), -EADDRINUSE);
	assert_int_equal(connect_peer(&scene, 0), 0);
	assert_int_equal(listener_open(&scene.endpoint, &fd, NULL), -EADDRINUSE);
	assert_int_equal(fd, -7);
	end_scene(&scene);
}

static void listener_does_not_join_a_foreign_socket(void **state)
{
	static const int options[] = { SO_REUSEADDR, SO_REUSEPORT };
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "127.0.0.1", test_port());

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int other = foreign(&endpoint.addr, options[i]);
		int fd = -7;

		assert_true(other >= 0);
		assert_int_equal(listener_open(&endpoint, &fd, NULL), -EADDRINUSE);
		fd_close(&other);
	}
}

static void adopted_listener_stops_sharing(void **state)
{
	static const int options[] = { SO_REUSEADDR, SO_REUSEPORT };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct endpoint endpoint =
			test_endpoint(TRANSPORT_UDP, "127.0.0.1", test_port());
		int fd = foreign(&endpoint.addr, options[i]);
		int other = foreign(&endpoint.addr, options[i]);

		assert_true(fd >= 0 && other >= 0);
		fd_close(&other);
		assert_int_equal(listener_adopt(fd, &endpoint, NULL), 0);
		assert_true(is_refused(&endpoint.addr, options[i]));
		fd_close(&fd);
	}
}

/* The number of a datagram that waits on @fd, alone; -1 if that is not so. */
static int get_only(int fd)
{
	struct addr local = test_local(fd);
	struct datagram got;
	int number;

	if (!test_readable(fd) ||
	    datagram_receive(fd, &local, buffer, sizeof(buffer), &got) != 0)
		return -1;
	number = buffer[0];
	return datagram_receive(fd, &local, buffer, sizeof(buffer), &got) == -EAGAIN
		       ? number
		       : -1;
}

static void each_of_many_peers_has_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct addr from = test_addr(cases[i].sent_to, 0);
		int stranger = test_sender(&from);
		struct scene scene;

		assert_true(begin_scene(&scene, cases[i].bound, cases[i].sent_to));
		for (int peer = 0; peer < PEERS; peer++)
			assert_int_equal(connect_peer(&scene, peer), 0);
		for (int peer = 0; peer < PEERS; peer++) {
			uint8_t number = (uint8_t)peer;

			assert_true(
				test_send(scene.clients[peer], &scene.to, &number, 1));
		}
		assert_true(test_send(stranger, &scene.to, "s", 1));
		for (int peer = 0; peer < PEERS; peer++)
			assert_int_equal(get_only(scene.fds[peer]), peer);
		assert_int_equal(get_only(scene.listener), 's');
		fd_close(&stranger);
		end_scene(&scene);
	}
}

/* The listener was inherited from somebody else. */
static int connect_as_nobody(void *data)
{
	struct scene *scene = data;

	(void)setfsuid(NOBODY);
	REQUIRE(connect_peer(scene, 0) == 0);
	REQUIRE(connect_peer(scene, 1) == 0);
	REQUIRE(test_option(scene->listener, SOL_SOCKET, SO_REUSEADDR) == 0);
	REQUIRE(test_option(scene->listener, SOL_SOCKET, SO_REUSEPORT) == 0);
	REQUIRE(is_refused(&scene->to, SO_REUSEADDR));
	REQUIRE(is_refused(&scene->to, SO_REUSEPORT));
	REQUIRE(test_send(scene->clients[1], &scene->to, "1", 1));
	REQUIRE(get_only(scene->fds[1]) == '1');
	return 0;
}

static void listener_of_another_user_has_peers_too(void **state)
{
	(void)state;
	SKIP_UNLESS_ROOT();
	for (size_t i = 0; i < CASES; i++) {
		struct scene scene;

		assert_true(begin_scene(&scene, cases[i].bound, cases[i].sent_to));
		assert_int_equal(test_in_child(connect_as_nobody, &scene), 0);
		end_scene(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_else_can_bind_the_port),
		cmocka_unit_test(not_even_while_a_peer_is_connected),
		cmocka_unit_test(peers_alone_keep_others_out_when_the_listener_has_gone),
		cmocka_unit_test(two_listeners_of_one_port_notice_each_other),
		cmocka_unit_test(listener_does_not_join_a_foreign_socket),
		cmocka_unit_test(adopted_listener_stops_sharing),
		cmocka_unit_test(each_of_many_peers_has_its_own),
		cmocka_unit_test(listener_of_another_user_has_peers_too),
	};

	return cmocka_run_group_tests_name("net/port_sharing", tests, NULL, NULL);
}
