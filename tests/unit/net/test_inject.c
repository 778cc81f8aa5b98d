/* SPDX-License-Identifier: ISC */
/* Datagrams put back into the socket of their peer, with and without CAP_NET_RAW. */
#include "net_test.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>

#include "usherd/net/datagram.h"

static uint8_t buffer[DATAGRAM_MAX];
static uint8_t payload[DATAGRAM_MAX];

struct scene {
	struct endpoint endpoint;
	struct datagram first;
	int listener;
	int client;
	int fd; /* the peer's */
};

static bool begin_scene(struct scene *scene, const char *bound, const char *sent_to,
			const char *client_at)
{
	struct addr from = test_addr(client_at, 0);
	struct addr local;

	*scene = (struct scene){ .endpoint = test_endpoint(TRANSPORT_UDP, bound,
							   test_port()) };
	if (listener_open(&scene->endpoint, &scene->listener, NULL) != 0)
		return false;
	local = test_local(scene->listener);
	scene->client = test_sender(&from);
	scene->first.local = test_addr(sent_to, addr_port(&local));
	scene->first.peer = test_local(scene->client);
	scene->first.data = payload;
	return scene->client >= 0 &&
	       datagram_connect(scene->listener, &scene->first, &scene->endpoint,
				&scene->fd, NULL) == 0;
}

static void end_scene(struct scene *scene)
{
	fd_close(&scene->fd);
	fd_close(&scene->listener);
	fd_close(&scene->client);
}

static bool is_connected_to(int fd, const struct addr *peer)
{
	struct addr found = { .length = sizeof(found.u) };

	return getpeername(fd, &found.u.any, &found.length) == 0 &&
	       addr_equal(&found, peer);
}

/* Inject @length bytes and read them back. The sender recvfrom(2) shows is @ret_from. */
static bool round_trip(struct scene *scene, size_t length, struct addr *ret_from)
{
	struct error err = { 0 };

	for (size_t i = 0; i < length; i++)
		payload[i] = (uint8_t)(i * 7 + length);
	scene->first.length = length;
	if (datagram_inject(scene->fd, scene->listener, &scene->first, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return false;
	}
	ret_from->length = sizeof(ret_from->u);
	return test_readable(scene->fd) &&
	       recvfrom(scene->fd, buffer, sizeof(buffer), MSG_DONTWAIT, &ret_from->u.any,
			&ret_from->length) == (ssize_t)length &&
	       memcmp(buffer, payload, length) == 0 &&
	       recv(scene->listener, buffer, 1, MSG_DONTWAIT) == -1 &&
	       is_connected_to(scene->fd, &scene->first.peer);
}

static const struct {
	const char *bound, *sent_to, *client;
} cases[] = {
	{ "127.0.0.1", "127.0.0.1", "127.0.0.1" },
	{ "0.0.0.0", "127.1.2.3", "127.9.8.7" },
	{ "::", "127.0.0.1", "127.0.0.1" },
	{ "::", "::1", "::1" },
	{ "::1", "::1", "::1" },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void looks_as_if_it_came_from_the_peer(void **state)
{
	static const size_t lengths[] = {
		0, 1, 2, 3, 512, 1471, 1472, 9001, 65506, 65507
	};

	(void)state;
	SKIP_UNLESS_ROOT();
	for (size_t i = 0; i < CASES; i++) {
		struct scene scene;

		assert_true(begin_scene(&scene, cases[i].bound, cases[i].sent_to,
					cases[i].client));
		for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			bool fits = addr_family(&scene.first.local) == AF_INET ||
				    lengths[k] < 65480;
			struct addr from;

			assert_true(round_trip(&scene, lengths[k], &from));
			/* What the loopback device cannot carry comes the other way. */
			assert_int_equal(addr_equal(&from, &scene.first.peer), fits);
		}
		end_scene(&scene);
	}
}

static void any_content_has_a_valid_checksum(void **state)
{
	struct scene scene;
	struct addr from;

	(void)state;
	SKIP_UNLESS_ROOT();
	assert_true(begin_scene(&scene, "::", "::1", "::1"));
	/* All sums there are, the one that would be written as zero among them. */
	scene.first.length = 2;
	for (unsigned value = 0; value <= UINT16_MAX; value += 1) {
		payload[0] = (uint8_t)(value >> 8);
		payload[1] = (uint8_t)value;
		assert_int_equal(
			datagram_inject(scene.fd, scene.listener, &scene.first, NULL), 0);
		assert_int_equal(recv(scene.fd, buffer, sizeof(buffer), 0), 2);
		assert_memory_equal(buffer, payload, 2);
	}
	assert_true(round_trip(&scene, 2, &from));
	end_scene(&scene);
}

static void what_is_too_long_for_udp_is_refused(void **state)
{
	struct scene scene;
	struct error err = { 0 };

	(void)state;
	assert_true(begin_scene(&scene, "127.0.0.1", "127.0.0.1", "127.0.0.1"));
	scene.first.length = 65528;
	assert_int_equal(datagram_inject(scene.fd, scene.listener, &scene.first, &err),
			 -EMSGSIZE);
	assert_non_null(
		strstr(err.text, "cannot hand over a datagram of udp '127.0.0.1:"));
	scene.first.length = 1;
	scene.first.peer = test_addr("::1", 9);
	assert_int_equal(datagram_inject(scene.fd, scene.listener, &scene.first, &err),
			 -EAFNOSUPPORT);
	assert_int_equal(datagram_inject(-1, scene.listener, &scene.first, &err), -EBADF);
	end_scene(&scene);
}

static int inject_without_rights(void *data)
{
	static const size_t lengths[] = { 0, 1, 1472, 65507 };

	(void)data;
	REQUIRE(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	for (size_t i = 0; i < CASES; i++) {
		struct addr from;
		struct scene scene;

		REQUIRE(begin_scene(&scene, cases[i].bound, cases[i].sent_to,
				    cases[i].client));
		for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			REQUIRE(round_trip(&scene, lengths[k], &from));
			REQUIRE(addr_equal(&from, &scene.first.local));
		}
		/* And what comes from the peer itself still does. */
		REQUIRE(test_send(scene.client, &scene.first.local, "direct", 6));
		REQUIRE(test_readable(scene.fd));
		from.length = sizeof(from.u);
		REQUIRE(recvfrom(scene.fd, buffer, sizeof(buffer), 0, &from.u.any,
				 &from.length) == 6);
		REQUIRE(addr_equal(&from, &scene.first.peer));
		/* What it sends in return goes to the peer. */
		REQUIRE(send(scene.fd, "answer", 6, 0) == 6);
		REQUIRE(test_readable(scene.client));
		REQUIRE(recv(scene.client, buffer, sizeof(buffer), 0) == 6);
		end_scene(&scene);
	}
	return 0;
}

static void without_rights_it_comes_from_the_listener(void **state)
{
	(void)state;
	SKIP_UNLESS_ROOT();
	assert_int_equal(test_in_child(inject_without_rights, NULL), 0);
}

static int inject_link_local(void *data)
{
	struct addr from;
	struct scene scene;

	(void)data;
	if (unshare(CLONE_NEWNET) == -1)
		return 77;
	REQUIRE(test_loopback_up());
	REQUIRE(test_add_link_local("fe80::1%lo"));
	REQUIRE(test_add_link_local("fe80::2%lo"));
	for (int i = 0; i < 2; i++) {
		REQUIRE(begin_scene(&scene, "::", "fe80::1%lo", "fe80::2%lo"));
		REQUIRE(round_trip(&scene, 100, &from));
		REQUIRE(addr_equal(&from,
				   i == 0 ? &scene.first.peer : &scene.first.local));
		end_scene(&scene);
		if (i == 0)
			REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	}
	return 0;
}

static void link_local_peers_get_theirs(void **state)
{
	int status;

	(void)state;
	SKIP_UNLESS_ROOT();
	status = test_in_child(inject_link_local, NULL);
	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

/* A network of our own behind the interface usherd0, 192.0.2.1/24: what is written to
 * the descriptor comes in by it. */
static int open_network(void)
{
	struct ifreq request = { .ifr_name = "usherd0" };
	struct addr own = test_addr("192.0.2.1", 0);
	struct addr mask = test_addr("255.255.255.0", 0);
	int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool done;

	request.ifr_flags = IFF_TUN | IFF_NO_PI;
	done = tun != -1 && fd != -1 && ioctl(tun, TUNSETIFF, &request) == 0;
	memcpy(&request.ifr_addr, &own.u.in, sizeof(own.u.in));
	done = done && ioctl(fd, SIOCSIFADDR, &request) == 0;
	memcpy(&request.ifr_netmask, &mask.u.in, sizeof(mask.u.in));
	done = done && ioctl(fd, SIOCSIFNETMASK, &request) == 0;
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	done = done && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	fd_close(&fd);
	if (!done)
		fd_close(&tun);
	return tun;
}

static uint16_t sum_of(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum > UINT16_MAX)
		sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)~sum;
}

/* One byte comes in from @from to @to by the interface behind @tun. */
static bool arrive(int tun, const struct addr *from, const struct addr *to)
{
	uint8_t packet[29] = { 0x45, 0, 0, 29, 0, 0, 0, 0, 64, IPPROTO_UDP };
	uint16_t sum;

	memcpy(packet + 12, &from->u.in.sin_addr, 4);
	memcpy(packet + 16, &to->u.in.sin_addr, 4);
	sum = sum_of(packet, 20);
	packet[10] = (uint8_t)(sum >> 8);
	packet[11] = (uint8_t)sum;
	memcpy(packet + 20, &from->u.in.sin_port, 2);
	memcpy(packet + 22, &to->u.in.sin_port, 2);
	packet[25] = 9; /* and no checksum, RFC 768 */
	packet[28] = 'x';
	return write(tun, packet, sizeof(packet)) == (ssize_t)sizeof(packet);
}

/* What a case of a far peer is about. */
struct far {
	const char *interface; /* the endpoint's */
	const char *to;        /* an address of usherd0 or of lo */
	bool without_rights;
};

static bool begin_far_scene(struct scene *scene, const struct far *far, int tun)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_UDP, "0.0.0.0", test_port());
	struct addr from = test_addr("192.0.2.9", 4711);
	struct addr local;

	*scene = (struct scene){ .client = -1 };
	(void)snprintf(endpoint.interface, IFNAMSIZ, "%s", far->interface);
	if (listener_open(&endpoint, &scene->listener, NULL) != 0)
		return false;
	local = test_local(scene->listener);
	local = test_addr(far->to, addr_port(&local));
	return arrive(tun, &from, &local) && test_readable(scene->listener) &&
	       datagram_receive(scene->listener, &local, buffer, sizeof(buffer),
				&scene->first) == 0 &&
	       addr_equal(&scene->first.peer, &from) &&
	       addr_equal(&scene->first.local, &local) &&
	       datagram_connect(scene->listener, &scene->first, &endpoint, &scene->fd,
				NULL) == 0;
}

/* The peer is far away: its address is none of this host's. */
static int inject_for_a_far_peer(void *data)
{
	const struct far *far = data;
	char name[IFNAMSIZ] = "";
	socklen_t length = sizeof(name);
	struct scene scene;
	struct addr from;
	int tun;

	if (unshare(CLONE_NEWNET) == -1 || !test_loopback_up())
		return 77;
	tun = open_network();
	if (tun == -1)
		return 77;
	REQUIRE(test_add_ipv4("lo:1", "198.51.100.1"));
	REQUIRE(begin_far_scene(&scene, far, tun));
	if (far->without_rights)
		REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	scene.first.data = payload;
	REQUIRE(round_trip(&scene, 1000, &from));
	REQUIRE(addr_equal(&from,
			   far->without_rights ? &scene.first.local : &scene.first.peer));
	REQUIRE(getsockopt(scene.fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0);
	REQUIRE(strcmp(name, far->interface) == 0);
	REQUIRE(arrive(tun, &scene.first.peer, &scene.first.local));
	REQUIRE(test_readable(scene.fd));
	REQUIRE(recv(scene.fd, buffer, sizeof(buffer), MSG_DONTWAIT) == 1);
	return 0;
}

static void far_peers_get_theirs_even_on_one_interface_only(void **state)
{
	static struct far fars[] = {
		{ "", "192.0.2.1", false },        { "", "198.51.100.1", false },
		{ "", "192.0.2.1", true },         { "", "198.51.100.1", true },
		{ "usherd0", "192.0.2.1", false }, { "usherd0", "198.51.100.1", false },
		{ "usherd0", "192.0.2.1", true },
	};

	(void)state;
	SKIP_UNLESS_ROOT();
	for (size_t i = 0; i < sizeof(fars) / sizeof(fars[0]); i++) {
		int status = test_in_child(inject_for_a_far_peer, &fars[i]);

		if (status == 77)
			skip();
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_as_if_it_came_from_the_peer),
		cmocka_unit_test(any_content_has_a_valid_checksum),
		cmocka_unit_test(what_is_too_long_for_udp_is_refused),
		cmocka_unit_test(without_rights_it_comes_from_the_listener),
		cmocka_unit_test(link_local_peers_get_theirs),
		cmocka_unit_test(far_peers_get_theirs_even_on_one_interface_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
