/* SPDX-License-Identifier: ISC */
/* Sessions on real sockets and the real loop, and their clients in the same process. */
#ifndef USHERD_TEST_SESSION_CLIENTS_H
#define USHERD_TEST_SESSION_CLIENTS_H

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/internal/internal.h"

#define MEGABYTE 1048576

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEAP_IS_MEASURABLE false
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HEAP_IS_MEASURABLE false
#endif
#ifndef HEAP_IS_MEASURABLE
#define HEAP_IS_MEASURABLE true
#endif

struct fixture {
	struct loop *loop;
	struct sessions *sessions;
	struct session_owner owner;
	size_t ended;
	uint64_t bytes_in; /* of the sessions that ended */
	uint64_t bytes_out;
};

static inline void count_end(void *data, uint64_t bytes_in, uint64_t bytes_out)
{
	struct fixture *fixture = data;

	fixture->ended++;
	fixture->bytes_in += bytes_in;
	fixture->bytes_out += bytes_out;
}

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (fixture == NULL || loop_new(&fixture->loop, NULL) != 0 ||
	    sessions_new(fixture->loop, &fixture->sessions, NULL) != 0)
		return -1;
	fixture->owner.ended = count_end;
	fixture->owner.data = fixture;
	*state = fixture;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;

	sessions_free(fixture->sessions);
	loop_free(fixture->loop);
	free(fixture);
	return 0;
}

static inline void start(struct fixture *fixture, const char *name, int fd,
			 uint64_t idle_ns)
{
	assert_int_equal(session_start(fixture->sessions, internal_find(name)->builtin,
				       fd, idle_ns, &fixture->owner, NULL),
			 0);
}

/* The client's end of a new session over a UNIX socket pair; it does not block. */
static inline int connect_pair(struct fixture *fixture, const char *name)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fd_set_nonblock(pair[0], true), 0);
	start(fixture, name, pair[1], 0);
	return pair[0];
}

/* The same over TCP on loopback, with buffers of about @size at both ends if not 0. */
static inline int connect_tcp(struct fixture *fixture, const char *name, int size)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_not_equal(listener, -1);
	assert_int_not_equal(client, -1);
	if (size > 0)
		assert_int_equal(
			setsockopt(client, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)),
			0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &length), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&at, length), 0);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_not_equal(fd, -1);
	close(listener);
	if (size > 0)
		assert_int_equal(
			setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_int_equal(fd_set_nonblock(client, true), 0);
	start(fixture, name, fd, 0);
	return client;
}

/* Close so that the other end sees a reset. */
static inline void reset(int fd)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)),
			 0);
	close(fd);
}

static inline void run_until_ended(struct fixture *fixture, size_t count)
{
	while (fixture->ended < count)
		assert_true(loop_turn(fixture->loop, -1) >= 0);
}

/* Read what there is, at most @size; the loop turns until the client can read. -1 for an
 * error, 0 at the end. */
static inline ssize_t client_read(struct fixture *fixture, int fd, void *buffer,
				  size_t size)
{
	ssize_t count;

	while ((count = recv(fd, buffer, size, MSG_DONTWAIT)) == -1 && errno == EAGAIN)
		assert_true(loop_turn(fixture->loop, -1) >= 0);
	return count;
}

static inline size_t client_read_all(struct fixture *fixture, int fd, char *buffer,
				     size_t size)
{
	size_t done = 0;
	ssize_t count = 1;

	while (count > 0 && done < size) {
		count = client_read(fixture, fd, buffer + done, size - done);
		assert_int_not_equal(count, -1);
		done += (size_t)count;
	}
	return done;
}

static inline void assert_all_taken_back(struct fixture *fixture, size_t ended)
{
	assert_int_equal(fixture->ended, ended);
	assert_int_equal(sessions_count(fixture->sessions), 0);
	assert_int_equal(loop_watch_count(fixture->loop), 0);
}

/* As much as fits into the kernel and the session, until neither takes more. */
static inline size_t stuff(struct fixture *fixture, int fd)
{
	static const char data[65536];
	size_t total = 0;
	ssize_t count;

	for (int refused = 0; refused < 10;) {
		count = send(fd, data, sizeof(data), MSG_NOSIGNAL | MSG_DONTWAIT);
		refused = count == -1 ? refused + 1 : 0;
		total += count > 0 ? (size_t)count : 0;
		assert_true(loop_turn(fixture->loop, 0) >= 0);
	}
	return total;
}

/* False where the limit on descriptors is too low for @count of them. */
static inline bool allow_descriptors(rlim_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return false;
	if (limit.rlim_cur >= count)
		return true;
	if (limit.rlim_max < count)
		return false;
	limit.rlim_cur = count;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
