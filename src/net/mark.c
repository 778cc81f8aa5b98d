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

/*
 * When the first datagram of the queue came, if the socket takes note of that. With
 * SO_TIMESTAMPNS one that came unstamped is stamped when it is received, if only by
 * MSG_PEEK, and keeps that stamp in the queue, see __sock_recv_timestamp() in the kernel.
 * 0: it has gone, or there is no stamp.
 */
static uint64_t stamp_of_head(int fd)
{
	union stamp stamp = { .bytes = { 0 } };
	struct iovec room = { .iov_base = NULL, .iov_len = 0 };
	struct msghdr message = { .msg_iov = &room,
				  .msg_iovlen = 1,
				  .msg_control = stamp.bytes,
				  .msg_controllen = sizeof(stamp.bytes) };
	struct timespec moment;

	if (net_receive(fd, &message, MSG_PEEK) < 0 || CMSG_FIRSTHDR(&message) == NULL ||
	    stamp.entry.cmsg_level != SOL_SOCKET)
		return 0;
	memcpy(&moment, CMSG_DATA(&stamp.entry), sizeof(moment));
	return wall_ns(moment);
}

/* A program that shares the socket may have its own such option, which is restored. */
static uint64_t ask_for_stamp(int fd)
{
	bool in_us = net_get_option(fd, SOL_SOCKET, SO_TIMESTAMP) == 1;
	bool in_ns = net_get_option(fd, SOL_SOCKET, SO_TIMESTAMPNS) == 1;
	uint64_t stamp;

	if (!in_ns)
		(void)net_set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	stamp = stamp_of_head(fd);
	if (in_us)
		(void)net_set_option(fd, SOL_SOCKET, SO_TIMESTAMP, 1);
	else if (!in_ns)
		(void)net_set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 0);
	return stamp;
}

/*
 * The stamp of what has just been peeked at: the kernel keeps it for SIOCGSTAMPNS, unless
 * it was given along. An unstamped one leaves a gap there, which the call fills with the
 * present.
 */
static uint64_t stamp_of_peeked(int fd, const struct datagram *peeked,
				struct timespec before)
{
	uint64_t stamp = peeked->stamped ? 0 : datagram_read_mark(fd);

	return stamp != 0 && stamp < wall_ns(before) ? stamp : ask_for_stamp(fd);
}

static uint64_t hash_of(const struct datagram *datagram, uint64_t stamp)
{
	size_t kept = datagram->length < HEAD_BYTES ? datagram->length : HEAD_BYTES;
	uint64_t hash = hash_add(HASH_START, &stamp, sizeof(stamp));

	hash = hash_add(hash, &datagram->peer.u, datagram->peer.length);
	hash = hash_add(hash, &datagram->length, sizeof(datagram->length));
	hash = hash_add(hash, datagram->data, kept);
	return hash == 0 ? 1 : hash;
}

int datagram_peek_marked(int fd, const struct addr *local, struct datagram *ret,
			 uint64_t *ret_mark)
{
	uint8_t data[HEAD_BYTES];
	struct iovec room = { .iov_base = data, .iov_len = sizeof(data) };
	struct timespec before;
	int r = datagram_get(fd, local, room, MSG_PEEK | MSG_TRUNC, ret);

	if (r < 0)
		return r;
	(void)clock_gettime(CLOCK_REALTIME, &before);
	*ret_mark = hash_of(ret, stamp_of_peeked(fd, ret, before));
	ret->data = NULL;
	return 0;
}
