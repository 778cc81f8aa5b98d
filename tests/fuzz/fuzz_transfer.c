/* SPDX-License-Identifier: ISC */
/*
 * What a worker in wrong hands could send in place of a connection. The first byte says
 * how many descriptors go along (0 to 7) and of which kind; the rest is the packet,
 * filled up to the right size if the top bit is set. Checks that only a packet of the one
 * form is taken, and that no descriptor stays behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "usherd/serve/transfer.h"

#define PACKET_MAX      512
#define DESCRIPTORS_MAX 7
#define KINDS           4

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The first is a client. */
static void open_kinds(int kinds[KINDS], int *ret_other)
{
	int pair[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	kinds[0] = pair[0];
	*ret_other = pair[1];
	kinds[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	kinds[2] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	kinds[3] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void send_packet(int fd, const uint8_t *packet, size_t length, const int *fds,
			size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control = { .bytes = "" };
	struct iovec part = { .iov_base = (void *)(uintptr_t)packet, .iov_len = length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, count * sizeof(int));
	}
	require(sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)length);
}

static int lowest_free(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	(void)close(fd);
	return fd;
}

static void check(const struct transfer *got, const uint8_t *packet, size_t length)
{
	require(length == EVENT_SERVICE_SIZE && packet[length - 1] == '\0');
	require(memcmp(got->service, packet, length) == 0);
	require(got->transport == TRANSPORT_UNIX_STREAM);
	require((fcntl(got->connection.fd, F_GETFD) & FD_CLOEXEC) != 0);
	(void)close(got->connection.fd);
}

static void deliver(int supervisor, int worker, const uint8_t *packet, size_t length,
		    unsigned choice)
{
	int kinds[KINDS], fds[DESCRIPTORS_MAX];
	size_t count = choice % (DESCRIPTORS_MAX + 1);
	int other, before;
	struct transfer got;

	open_kinds(kinds, &other);
	for (size_t i = 0; i < DESCRIPTORS_MAX; i++)
		fds[i] = kinds[(choice / 8 + i) % KINDS];
	before = lowest_free();
	send_packet(worker, packet, length, fds, count);
	int r = transfer_receive(supervisor, &got);
	if (r == 0) {
		require(count == 1 && fds[0] == kinds[0]);
		check(&got, packet, length);
	} else {
		require(r == -EBADMSG || (r == -ENOTCONN && fds[0] == kinds[2]));
	}
	require(transfer_receive(supervisor, &got) == -EAGAIN);
	require(lowest_free() == before);
	for (size_t i = 0; i < KINDS; i++)
		(void)close(kinds[i]);
	(void)close(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t packet[PACKET_MAX] = { 0 };
	int supervisor, worker;
	size_t length;

	if (size < 1 || size > sizeof(packet) || transfer_open(&supervisor, &worker) < 0)
		return 0;
	memcpy(packet, data + 1, size - 1);
	length = (data[0] & 0x80) != 0 ? EVENT_SERVICE_SIZE : size - 1;
	deliver(supervisor, worker, packet, length, data[0] & 0x7f);
	(void)close(worker);
	(void)close(supervisor);
	return 0;
}
