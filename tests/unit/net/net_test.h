/* SPDX-License-Identifier: ISC */
/* What the suites of this floor share: endpoints from text, clients, children. */
#ifndef USHERD_NET_TEST_H
#define USHERD_NET_TEST_H

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/model/endpoint.h"
#include "usherd/net/listener.h"

#define TEST_TIMEOUT_MS 5000
#define NOBODY          65534

static inline struct addr test_addr(const char *text, uint16_t port)
{
	struct addr addr = { 0 };

	if (text[0] == '/' || text[0] == '@')
		(void)addr_parse_unix(text, &addr, NULL);
	else
		(void)addr_parse_ip(text, port, &addr, NULL);
	return addr;
}

/* Does nobody have the UDP port, on whatever address? */
static inline bool test_port_is_free(uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* Without IPv6 it cannot be asked so. */
	bool is_free =
		fd == -1 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0;

	(void)close(fd);
	return is_free;
}

/*
 * A port for a listener: nobody has it now, though several tests may run, and the kernel
 * gives it to no client (ip_local_port_range). Left to choose, the kernel may give the
 * same one to two UDP sockets with SO_REUSEADDR.
 */
static inline uint16_t test_port(void)
{
	static unsigned count;

	for (;;) {
		unsigned place = (unsigned)getpid() % 1000 * 10 + count++;
		uint16_t port = (uint16_t)(20000 + place % 10000);

		if (test_port_is_free(port))
			return port;
	}
}

static inline struct endpoint test_endpoint(enum transport transport, const char *text,
					    uint16_t port)
{
	return (struct endpoint){
		.transport = transport,
		.addr = test_addr(text, port),
		.backlog = 16,
		.owner = (uid_t)-1,
		.group = (gid_t)-1,
		.mode = 0666,
	};
}

static inline struct addr test_local(int fd)
{
	struct addr addr = { .length = sizeof(addr.u) };

	if (getsockname(fd, &addr.u.any, &addr.length) == -1)
		addr.length = 0;
	return addr;
}

static inline int test_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	return getsockopt(fd, level, name, &value, &length) == -1 ? -1 : value;
}

/* Wait until @fd can be read. False after TEST_TIMEOUT_MS. */
static inline bool test_readable(int fd)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	return poll(&entry, 1, TEST_TIMEOUT_MS) == 1;
}

/* A blocking socket connected to @to, or a negative errno. */
static inline int test_client(int type, const struct addr *to)
{
	int fd = socket(to->u.any.sa_family, type | SOCK_CLOEXEC, 0);

	if (fd != -1 && connect(fd, &to->u.any, to->length) == -1) {
		int code = -errno;

		(void)close(fd);
		return code;
	}
	return fd == -1 ? -errno : fd;
}

/* A datagram socket bound to @from, not connected; or a negative errno. */
static inline int test_sender(const struct addr *from)
{
	int fd = socket(from->u.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd != -1 && bind(fd, &from->u.any, from->length) == -1) {
		int code = -errno;

		(void)close(fd);
		return code;
	}
	return fd == -1 ? -errno : fd;
}

static inline bool test_send(int fd, const struct addr *to, const void *data, size_t size)
{
	return sendto(fd, data, size, 0, &to->u.any, to->length) == (ssize_t)size;
}

/* Run @body in a child; the exit status it returned, 0 is success, 200 a crash. */
static inline int test_in_child(int (*body)(void *data), void *data)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body(data));
	if (pid == -1 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 200;
	return WEXITSTATUS(status);
}

/* In a child: fail with the line's number, folded into an exit status. */
#define REQUIRE(condition)                                                               \
	do {                                                                             \
		if (!(condition)) {                                                      \
			(void)fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, \
				      strerror(errno));                                  \
			return 1;                                                        \
		}                                                                        \
	} while (0)

#define SKIP_UNLESS_ROOT()                                                               \
	do {                                                                             \
		if (geteuid() != 0)                                                      \
			skip();                                                          \
	} while (0)

static inline bool test_loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool done;

	request.ifr_flags = IFF_UP | IFF_RUNNING;
	done = fd != -1 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	fd_close(&fd);
	return done;
}

/* A TCP listener whose port is bound by number, as a configuration would. */
static inline struct endpoint test_open_by_number(const char *text, int *ret_fd)
{
	struct endpoint endpoint = test_endpoint(TRANSPORT_TCP, text, test_port());

	assert_int_equal(listener_open(&endpoint, ret_fd, NULL), 0);
	return endpoint;
}

/* Give an interface an IPv4 address. */
static inline bool test_add_ipv4(const char *interface, const char *text)
{
	struct ifreq request = { .ifr_flags = 0 };
	struct addr addr = test_addr(text, 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool done;

	(void)snprintf(request.ifr_name, IFNAMSIZ, "%s", interface);
	memcpy(&request.ifr_addr, &addr.u.in, sizeof(addr.u.in));
	done = fd != -1 && ioctl(fd, SIOCSIFADDR, &request) == 0;
	fd_close(&fd);
	return done;
}

/* struct in6_ifreq, whose header does not go with netinet/in.h. */
struct test_in6_request {
	struct in6_addr address;
	uint32_t prefix;
	int index;
};

/* Give an interface the IPv6 address @text with its scope, and wait until it can be bound
 * and reached: the kernel makes it valid, and its route, a moment later. */
static inline bool test_add_link_local(const char *text)
{
	struct addr own = test_addr(text, 0);
	struct test_in6_request request = { .address = own.u.in6.sin6_addr,
					    .prefix = 64,
					    .index = (int)own.u.in6.sin6_scope_id };
	uint64_t deadline_ns = clock_monotonic_ns() + TEST_TIMEOUT_MS * CLOCK_NS_PER_MS;
	struct pollfd entry = { .fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0),
				.events = POLLIN };
	bool done = entry.fd != -1 && ioctl(entry.fd, SIOCSIFADDR, &request) == 0;

	while (done && bind(entry.fd, &own.u.any, own.length) == -1)
		done = errno == EADDRNOTAVAIL && clock_monotonic_ns() < deadline_ns;
	own = test_local(entry.fd);
	while (done && test_send(entry.fd, &own, "", 0) && poll(&entry, 1, 1) == 0)
		done = clock_monotonic_ns() < deadline_ns;
	fd_close(&entry.fd);
	return done;
}

#endif
