/* SPDX-License-Identifier: ISC */
/* Sockets of single peers: what the kernel gives them, and how long they are idle. */
#include "net_test.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>

#include "usherd/net/datagram.h"

static uint8_t buffer[DATAGRAM_MAX];

/* Called once, just before the next connect(2). */
static struct {
	void (*call)(void *data);
	void *data;
} before_connect;

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	void (*call)(void *data) = before_connect.call;

	before_connect.call = NULL;
	if (call != NULL)
		call(before_connect.data);
	return (int)syscall(SYS_connect, fd, address, length);
}

/* A listener with one client whose first datagram has been received. */
struct scene {
	struct endpoint endpoint;
	struct addr local;
	struct addr to;
	struct datagram first;
	int listener;
	int client;
};

static bool begin_scene(struct scene *scene, const char *bound, const char *sent_to,
			const char *client_at)
{
	struct addr from = test_addr(client_at, 0);

	*scene = (struct scene){ .endpoint = test_endpoint(TRANSPORT_UDP, bound,
							   test_port()) };
	if (listener_open(&scene->endpoint, &scene->listener, NULL) != 0)
		return false;
	scene->local = test_local(scene->listener);
	scene->to = test_addr(sent_to, addr_port(&scene->local));
	scene->client = test_sender(&from);
	return scene->client >= 0 && test_send(scene->client, &scene->to, "1", 1) &&
	       test_readable(scene->listener) &&
	       datagram_receive(scene->listener, &scene->local, buffer, sizeof(buffer),
				&scene->first) == 0;
}

static void end_scene(struct scene *scene)
{
	fd_close(&scene->listener);
	fd_close(&scene->client);
}

static ssize_t get(int fd, struct addr *ret_from)
{
	ret_from->length = sizeof(ret_from->u);
	return recvfrom(fd, buffer, sizeof(buffer), MSG_DONTWAIT, &ret_from->u.any,
			&ret_from->length);
}

static void other_transports_have_no_peer_sockets(void **state)
{
	struct endpoint tcp = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 7);
	struct endpoint node = test_endpoint(TRANSPORT_UNIX_DGRAM, "@x", 0);
	struct datagram first = { .peer = test_addr("127.0.0.1", 9),
				  .local = test_addr("127.0.0.1", 7) };
	struct error err = { 0 };
	int fd = -7;

	(void)state;
	assert_int_equal(datagram_connect(-1, &first, &tcp, &fd, &err), -EOPNOTSUPP);
	assert_int_equal(datagram_connect(-1, &first, &node, &fd, NULL), -EOPNOTSUPP);
	assert_int_equal(fd, -7);
	assert_string_equal(err.text, "only udp has a socket for each peer");
}

static void addresses_that_make_no_pair_are_refused(void **state)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "127.0.0.1", 7);
	struct datagram first = { .peer = test_addr("::1", 9),
				  .local = test_addr("127.0.0.1", 7) };
	int fd = -7;

	(void)state;
	assert_int_equal(datagram_connect(-1, &first, &endpoint, &fd, NULL), -EINVAL);
	first.peer = test_addr("127.0.0.1", 0);
	assert_int_equal(datagram_connect(-1, &first, &endpoint, &fd, NULL), -EINVAL);
	first.peer = test_addr("127.0.0.1", 9);
	addr_set_port(&first.local, 0);
	assert_int_equal(datagram_connect(-1, &first, &endpoint, &fd, NULL), -EINVAL);
	first.peer.length = 0;
	first.local.length = 0;
	assert_int_equal(datagram_connect(-1, &first, &endpoint, &fd, NULL), -EINVAL);
	assert_int_equal(fd, -7);
}

static void port_that_cannot_be_shared_is_an_error_in_words(void **state)
{
	struct addr any = test_addr("127.0.0.1", 0);
	int foreign = test_sender(&any);
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "127.0.0.1", 0);
	struct datagram first = { .peer = test_addr("127.0.0.1", 9),
				  .local = test_local(foreign) };
	struct endpoint beside = test_endpoint(TRANSPORT_UDP, "127.0.0.1", test_port());
	struct error err = { 0 };
	int listener;
	int fd = -7;

	(void)state;
	assert_int_equal(listener_open(&beside, &listener, NULL), 0);
	assert_int_equal(datagram_connect(listener, &first, &endpoint, &fd, &err),
			 -EADDRINUSE);
	assert_non_null(strstr(err.text, "with '127.0.0.1:9': Address already in use"));
	assert_int_equal(test_option(listener, SOL_SOCKET, SO_REUSEADDR), 0);
	assert_int_equal(test_option(listener, SOL_SOCKET, SO_REUSEPORT), 0);
	assert_int_equal(fd, -7);
	fd_close(&listener);
	fd_close(&foreign);
}

/* @fd is what datagram_connect() promises for @scene. */
static void assert_made_for(int fd, const struct scene *scene)
{
	struct addr peer = { .length = sizeof(peer.u) };
	struct addr own = test_local(fd);

	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(getpeername(fd, &peer.u.any, &peer.length), 0);
	assert_true(addr_equal(&peer, &scene->first.peer));
	assert_true(addr_equal(&own, &scene->to));
	assert_int_equal(own.u.any.sa_family, scene->to.u.any.sa_family);
}

/* The peer's goes to @fd and the stranger's to the listener; answers come from where the
 * client sent to. */
static void assert_delivery(int fd, const struct scene *scene, int stranger)
{
	struct addr from;

	assert_true(test_send(scene->client, &scene->to, "22", 2));
	assert_true(test_send(stranger, &scene->to, "333", 3));
	assert_true(test_readable(fd));
	assert_int_equal(get(fd, &from), 2);
	assert_int_equal(get(fd, &from), -1);
	assert_true(test_readable(scene->listener));
	assert_int_equal(get(scene->listener, &from), 3);
	assert_int_equal(get(scene->listener, &from), -1);
	assert_int_equal(send(fd, "4444", 4, 0), 4);
	assert_true(test_readable(scene->client));
	assert_int_equal(get(scene->client, &from), 4);
	assert_true(addr_equal(&from, &scene->to));
}

static void kernel_prefers_the_socket_of_the_peer(void **state)
{
	static const struct {
		const char *bound, *sent_to, *client;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1", "127.0.0.1" },
		{ "0.0.0.0", "127.0.0.1", "127.0.0.1" },
		{ "0.0.0.0", "127.1.2.3", "127.9.8.7" },
		{ "::", "127.0.0.1", "127.0.0.1" },
		{ "::", "127.1.2.3", "127.0.0.1" },
		{ "::", "::1", "::1" },
		{ "::1", "::1", "::1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr stranger_at = test_addr(cases[i].client, 0);
		int stranger = test_sender(&stranger_at);
		struct scene scene;
		int fd;

		assert_true(begin_scene(&scene, cases[i].bound, cases[i].sent_to,
					cases[i].client));
		assert_int_equal(datagram_connect(scene.listener, &scene.first,
						  &scene.endpoint, &fd, NULL),
				 0);
		assert_made_for(fd, &scene);
		assert_delivery(fd, &scene, stranger);
		fd_close(&fd);
		fd_close(&stranger);
		end_scene(&scene);
	}
}

struct intrusion {
	const struct scene *scene;
	int stranger;
};

static void intrude(void *data)
{
	const struct intrusion *intrusion = data;

	(void)test_send(intrusion->stranger, &intrusion->scene->to, "stranger", 8);
	(void)test_send(intrusion->scene->client, &intrusion->scene->to, "peer", 4);
}

struct tally {
	const struct addr *stranger_at;
	int strangers;
	int peers;
	int others;
};

/* Read @fd to its end. */
static void tally_up(struct tally *tally, int fd, const struct scene *scene)
{
	struct datagram got;

	while (datagram_receive(fd, &scene->to, buffer, sizeof(buffer), &got) == 0) {
		if (!addr_equal(&got.local, &scene->to))
			tally->others++;
		else if (addr_equal(&got.peer, tally->stranger_at))
			tally->strangers++;
		else if (addr_equal(&got.peer, &scene->first.peer))
			tally->peers++;
		else
			tally->others++;
	}
}

static void strangers_between_bind_and_connect_can_be_told_apart(void **state)
{
	static const char *const texts[] = { "0.0.0.0", "127.0.0.1", "::" };
	struct addr any = test_addr("127.0.0.5", 0);
	int stranger = test_sender(&any);
	struct addr stranger_at = test_local(stranger);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct intrusion intrusion = { .stranger = stranger };
		struct tally tally = { .stranger_at = &stranger_at };
		struct datagram got;
		struct scene scene;
		int fd;

		assert_true(begin_scene(&scene, texts[i], "127.0.0.1", "127.0.0.1"));
		intrusion.scene = &scene;
		before_connect.data = &intrusion;
		before_connect.call = intrude;
		assert_int_equal(datagram_connect(scene.listener, &scene.first,
						  &scene.endpoint, &fd, NULL),
				 0);
		/* Bound alike, either of the two may get one. */
		tally_up(&tally, scene.listener, &scene);
		tally_up(&tally, fd, &scene);
		assert_int_equal(tally.strangers, 1);
		assert_int_equal(tally.peers, 1);
		assert_int_equal(tally.others, 0);
		got = scene.first;
		/* The listener can answer the stranger as if it had come there. */
		got.peer = stranger_at;
		assert_int_equal(datagram_reply(scene.listener, &got, buffer, 1), 0);
		assert_true(test_readable(stranger));
		assert_int_equal(recv(stranger, buffer, sizeof(buffer), 0), 1);
		fd_close(&fd);
		end_scene(&scene);
	}
	fd_close(&stranger);
}

static void socket_of_the_peer_is_bound_to_the_same_interface(void **state)
{
	char name[IFNAMSIZ] = "";
	socklen_t length = sizeof(name);
	struct scene scene;
	int fd;

	(void)state;
	assert_true(begin_scene(&scene, "127.0.0.1", "127.0.0.1", "127.0.0.1"));
	(void)snprintf(scene.endpoint.interface, IFNAMSIZ, "lo");
	assert_int_equal(datagram_connect(scene.listener, &scene.first, &scene.endpoint,
					  &fd, NULL),
			 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length), 0);
	assert_string_equal(name, "lo");
	fd_close(&fd);
	(void)snprintf(scene.endpoint.interface, IFNAMSIZ, "nosuch0");
	assert_int_equal(datagram_connect(scene.listener, &scene.first, &scene.endpoint,
					  &fd, NULL),
			 -ENODEV);
	end_scene(&scene);
}

static void after_a_broadcast_the_kernel_chooses_the_address(void **state)
{
	static const struct {
		const char *bound, *sent_to, *peer;
	} cases[] = {
		{ "0.0.0.0", "127.255.255.255", "127.0.0.1" },
		{ "::", "127.255.255.255", "127.0.0.1" },
		{ "::", "ff01::1", "::1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;
		struct addr expected;
		struct addr own;
		int fd;

		assert_true(begin_scene(&scene, cases[i].bound, cases[i].peer,
					cases[i].peer));
		expected = scene.to;
		scene.first.local = test_addr(cases[i].sent_to, addr_port(&scene.to));
		scene.first.multicast = true;
		assert_int_equal(datagram_connect(scene.listener, &scene.first,
						  &scene.endpoint, &fd, NULL),
				 0);
		own = test_local(fd);
		assert_true(addr_equal(&own, &expected));
		fd_close(&fd);
		end_scene(&scene);
	}
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static void spin_until(uint64_t moment_ns)
{
	while (wall_ns() < moment_ns)
		continue;
}

#define AGO_NS (100 * CLOCK_NS_PER_SECOND)

static void idleness_counts_from_the_making_until_something_is_read(void **state)
{
	struct scene scene;
	uint64_t made;
	int fd;

	(void)state;
	assert_true(begin_scene(&scene, "127.0.0.1", "127.0.0.1", "127.0.0.1"));
	assert_int_equal(datagram_connect(scene.listener, &scene.first, &scene.endpoint,
					  &fd, NULL),
			 0);
	made = wall_ns();
	assert_in_range(datagram_idle_ns(fd, made - AGO_NS), AGO_NS, 2 * AGO_NS);
	assert_int_equal(datagram_idle_ns(fd, made + AGO_NS), 0);
	/* Neither an unread datagram nor an answer counts. */
	assert_true(test_send(scene.client, &scene.to, "2", 1));
	assert_true(test_readable(fd));
	assert_int_equal(send(fd, "3", 1, 0), 1);
	assert_true(datagram_idle_ns(fd, made - AGO_NS) >= AGO_NS);
	fd_close(&fd);
	end_scene(&scene);
}

/* How much longer @fd is idle than its last datagram is old: below 0 if the kernel does
 * not stamp yet. */
static int64_t idle_beyond_arrival(const struct scene *scene, int fd, uint64_t made)
{
	struct addr from;
	uint64_t before;
	uint64_t sent;
	uint64_t idle;

	assert_true(test_send(scene->client, &scene->to, "2", 1));
	assert_true(test_readable(fd));
	sent = wall_ns();
	spin_until(sent + 2 * CLOCK_NS_PER_MS);
	assert_int_equal(get(fd, &from), 1);
	before = wall_ns();
	idle = datagram_idle_ns(fd, made);
	assert_true(idle < AGO_NS);
	return (int64_t)idle - (int64_t)(before - sent);
}

static void idleness_counts_from_the_arrival_of_the_last_one_read(void **state)
{
	struct scene scene;
	uint64_t made = wall_ns() - AGO_NS;
	uint64_t deadline_ns = wall_ns() + TEST_TIMEOUT_MS * CLOCK_NS_PER_MS;
	int fd;

	(void)state;
	assert_true(begin_scene(&scene, "127.0.0.1", "127.0.0.1", "127.0.0.1"));
	assert_int_equal(datagram_connect(scene.listener, &scene.first, &scene.endpoint,
					  &fd, NULL),
			 0);
	while (idle_beyond_arrival(&scene, fd, made) < 0)
		assert_true(wall_ns() < deadline_ns);
	fd_close(&fd);
	end_scene(&scene);
}

static int read_one(void *data)
{
	int fd = *(int *)data;
	struct addr from;

	return test_readable(fd) && get(fd, &from) == 1 ? 0 : 1;
}

static void reading_by_another_process_counts(void **state)
{
	struct scene scene;
	uint64_t made;
	int fd;

	(void)state;
	assert_true(begin_scene(&scene, "::1", "::1", "::1"));
	assert_int_equal(datagram_connect(scene.listener, &scene.first, &scene.endpoint,
					  &fd, NULL),
			 0);
	made = wall_ns() - AGO_NS;
	assert_true(datagram_idle_ns(fd, made) >= AGO_NS);
	assert_true(test_send(scene.client, &scene.to, "2", 1));
	assert_int_equal(test_in_child(read_one, &fd), 0);
	assert_true(datagram_idle_ns(fd, made) < AGO_NS);
	fd_close(&fd);
	end_scene(&scene);
}

static void first_call_for_another_socket_arms(void **state)
{
	struct scene scene;
	struct addr from;
	uint64_t made = wall_ns() - AGO_NS;

	(void)state;
	assert_true(begin_scene(&scene, "127.0.0.1", "127.0.0.1", "127.0.0.1"));
	/* One has been read: that counts as now. */
	assert_true(datagram_idle_ns(scene.listener, made) < AGO_NS);
	assert_true(test_send(scene.client, &scene.to, "2", 1));
	assert_true(test_readable(scene.listener));
	assert_int_equal(get(scene.listener, &from), 1);
	assert_true(datagram_idle_ns(scene.listener, made) < AGO_NS);
	assert_int_equal(datagram_idle_ns(-1, wall_ns() + AGO_NS), 0);
	end_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_transports_have_no_peer_sockets),
		cmocka_unit_test(addresses_that_make_no_pair_are_refused),
		cmocka_unit_test(port_that_cannot_be_shared_is_an_error_in_words),
		cmocka_unit_test(kernel_prefers_the_socket_of_the_peer),
		cmocka_unit_test(strangers_between_bind_and_connect_can_be_told_apart),
		cmocka_unit_test(socket_of_the_peer_is_bound_to_the_same_interface),
		cmocka_unit_test(after_a_broadcast_the_kernel_chooses_the_address),
		cmocka_unit_test(idleness_counts_from_the_making_until_something_is_read),
		cmocka_unit_test(idleness_counts_from_the_arrival_of_the_last_one_read),
		cmocka_unit_test(reading_by_another_process_counts),
		cmocka_unit_test(first_call_for_another_socket_arms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
