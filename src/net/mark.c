/* SPDX-License-Identifier: ISC */
/*
 * What the kernel knows about a datagram socket that other processes read from: when the
 * last datagram read had come, and which is the next. What follows from that is decided
 * elsewhere.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "net_internal.h"
#include "usherd/base/clock.h"
#include "usherd/base/hash.h"
#include "usherd/net/datagram.h"

#define HEAD_BYTES 512

/* Room for the time stamp, which the kernel puts first, and for nothing else: descriptors
 * that a UNIX client sent along are not received. */
union stamp {
	struct cmsghdr entry;
	uint8_t bytes[CMSG_SPACE(sizeof(struct timespec))];
};

static uint64_t wall_ns(struct timespec moment)
{
	return (uint64_t)moment.tv_sec * CLOCK_NS_PER_SECOND + (uint64_t)moment.tv_nsec;
}

uint64_t datagram_read_mark(int fd)
{
	struct timespec last;

	/* ENOENT: nothing has been read yet. UNIX sockets lack the call. */
	return ioctl(fd, SIOCGSTAMPNS_OLD, &last) == 0 ? wall_ns(last) : 0;
}

uint64_t datagram_idle_ns(int fd, uint64_t made_wall_ns)
{
	struct timespec now;
	uint64_t last = datagram_read_mark(fd);
	uint64_t since = last > made_wall_ns ? last : made_wall_ns;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return wall_ns(now) > since ? wall_ns(now) - since : 0;
}

/* 0 when there is none. */
static uint64_t hash_head(int fd)
{
	uint8_t data[HEAD_BYTES];
	struct addr peer = { 0 };
	union stamp stamp = { .bytes = { 0 } };
	struct iovec room = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr message = {
		.msg_name = &peer.u.any,
		.msg_namelen = sizeof(peer.u),
		.msg_iov = &room,
		.msg_iovlen = 1,
		.msg_control = stamp.bytes,
		.msg_controllen = sizeof(stamp.bytes),
	};
	ssize_t length = net_receive(fd, &message, MSG_PEEK | MSG_TRUNC);
	size_t kept = length < HEAD_BYTES ? (size_t)length : HEAD_BYTES;
	uint64_t hash = HASH_START;

	if (length < 0)
		return 0;
	hash = hash_add(hash, stamp.bytes, sizeof(stamp.bytes));
	hash = hash_add(hash, &peer.u, sizeof(peer.u));
	hash = hash_add(hash, &length, sizeof(length));
	hash = hash_add(hash, data, kept);
	return hash == 0 ? 1 : hash;
}

/*
 * With SO_TIMESTAMPNS a datagram that came unstamped is stamped when it is received, if
 * only by MSG_PEEK, and keeps that stamp in the queue, see __sock_recv_timestamp(): so
 * equal ones can be told apart on every socket, and SIOCGSTAMPNS does not change. A
 * program that shares the socket may have its own such option, which is restored.
 */
uint64_t datagram_head_mark(int fd)
{
	bool in_us = net_get_option(fd, SOL_SOCKET, SO_TIMESTAMP) == 1;
	bool in_ns = net_get_option(fd, SOL_SOCKET, SO_TIMESTAMPNS) == 1;
	uint64_t mark;

	if (!in_ns)
		(void)net_set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	mark = hash_head(fd);
	if (in_us)
		(void)net_set_option(fd, SOL_SOCKET, SO_TIMESTAMP, 1);
	else if (!in_ns)
		(void)net_set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 0);
	return mark;
}
