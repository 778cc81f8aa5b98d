/* SPDX-License-Identifier: ISC */
/*
 * Receiving datagrams with both their addresses and answering from the right one. The
 * sockets of single peers are connected.c's, putting datagrams back inject.c's, telling
 * what was read mark.c's.
 */
#include "usherd/net/datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "net_internal.h"

/*
 * The kernel names as specific destination the address an answer should come from: the
 * destination itself for unicast, one of the host's for broadcast, ip(7) "IP_PKTINFO".
 */
static void note_pktinfo(struct datagram *datagram, const struct in_pktinfo *info)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_port = htons(addr_port(&datagram->local)),
		.sin_addr = info->ipi_addr,
	};

	datagram->local = (struct addr){ .length = sizeof(in), .u.in = in };
	datagram->interface = info->ipi_ifindex;
	datagram->multicast = IN_MULTICAST(ntohl(info->ipi_addr.s_addr)) ||
			      info->ipi_addr.s_addr != info->ipi_spec_dst.s_addr;
}

static bool needs_scope(const struct in6_addr *address)
{
	return IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MC_LINKLOCAL(address) ||
	       IN6_IS_ADDR_MC_NODELOCAL(address);
}

static void note_pktinfo6(struct datagram *datagram, const struct in6_pktinfo *info)
{
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(addr_port(&datagram->local)),
		.sin6_addr = info->ipi6_addr,
	};

	datagram->interface = (int)info->ipi6_ifindex;
	/* IP_PKTINFO comes along with it and says more. */
	if (IN6_IS_ADDR_V4MAPPED(&info->ipi6_addr))
		return;
	if (needs_scope(&info->ipi6_addr))
		in6.sin6_scope_id = info->ipi6_ifindex;
	datagram->local = (struct addr){ .length = sizeof(in6), .u.in6 = in6 };
	datagram->multicast = IN6_IS_ADDR_MULTICAST(&info->ipi6_addr);
}

static void note_control(struct datagram *datagram, struct msghdr *message)
{
	struct cmsghdr *entry;

	for (entry = CMSG_FIRSTHDR(message); entry != NULL;
	     entry = CMSG_NXTHDR(message, entry)) {
		if (entry->cmsg_level == IPPROTO_IP && entry->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(entry), sizeof(info));
			note_pktinfo(datagram, &info);
		} else if (entry->cmsg_level == IPPROTO_IPV6 &&
			   entry->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(entry), sizeof(info));
			note_pktinfo6(datagram, &info);
		} else if (entry->cmsg_level == SOL_SOCKET) {
			datagram->stamped = true;
		}
	}
}

void datagram_finish(struct datagram *datagram, struct msghdr *message)
{
	datagram->peer.length = message->msg_namelen;
	net_addr_finish(&datagram->peer);
	note_control(datagram, message);
	addr_normalise(&datagram->local);
}

int datagram_get(int fd, const struct addr *local, struct iovec room, int flags,
		 struct datagram *ret)
{
	struct datagram found = { .local = *local, .data = room.iov_base };
	union net_control control = { .bytes = { 0 } };
	struct msghdr message = {
		.msg_name = &found.peer.u.any,
		.msg_namelen = sizeof(found.peer.u),
		.msg_iov = &room,
		.msg_iovlen = 1,
	};
	ssize_t length;

	/* A UNIX client may send descriptors along: without room for them the kernel
	 * closes them, unix(7) "SCM_RIGHTS". */
	if (addr_family(local) == AF_INET || addr_family(local) == AF_INET6) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
	}
	length = net_receive(fd, &message, flags);
	if (length < 0)
		return (int)length;
	found.length = (size_t)length;
	datagram_finish(&found, &message);
	*ret = found;
	return 0;
}

/* Add the control message that names the sender's address. */
static void put_source(struct msghdr *message, union net_control *control,
		       const struct addr *from)
{
	struct cmsghdr *entry = &control->align;

	message->msg_control = control->bytes;
	if (addr_family(from) == AF_INET) {
		struct in_pktinfo info = { .ipi_spec_dst = from->u.in.sin_addr };

		entry->cmsg_level = IPPROTO_IP;
		entry->cmsg_type = IP_PKTINFO;
		entry->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(entry), &info, sizeof(info));
		message->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = {
			.ipi6_addr = from->u.in6.sin6_addr,
			.ipi6_ifindex = from->u.in6.sin6_scope_id,
		};

		entry->cmsg_level = IPPROTO_IPV6;
		entry->cmsg_type = IPV6_PKTINFO;
		entry->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(entry), &info, sizeof(info));
		message->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

void datagram_name_source(struct msghdr *message, union net_control *control,
			  const struct addr *from)
{
	int family = addr_family(from);

	if (!addr_is_wildcard(from) && (family == AF_INET || family == AF_INET6))
		put_source(message, control, from);
}

int datagram_send(int fd, const struct addr *to, const struct addr *from,
		  const uint8_t *data, size_t length)
{
	union net_control control = { .bytes = { 0 } };
	struct addr target = *to;
	uintptr_t bytes = (uintptr_t)data; /* iov_base lacks the const it deserves */
	struct iovec part = { .iov_base = (void *)bytes, .iov_len = length };
	struct msghdr message = {
		.msg_name = &target.u.any,
		.msg_namelen = target.length,
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	ssize_t sent;

	if (from != NULL)
		datagram_name_source(&message, &control, from);
	do {
		sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent == -1 && errno == EINTR);
	return sent == -1 ? -errno : 0;
}

int datagram_receive(int fd, const struct addr *local, uint8_t *buffer, size_t size,
		     struct datagram *ret)
{
	struct iovec room = { .iov_base = buffer, .iov_len = size };

	return datagram_get(fd, local, room, 0, ret);
}

int datagram_peek(int fd, const struct addr *local, struct datagram *ret)
{
	struct iovec room = { .iov_base = NULL, .iov_len = 0 };

	return datagram_get(fd, local, room, MSG_PEEK | MSG_TRUNC, ret);
}

void datagram_drop(int fd)
{
	struct iovec room = { .iov_base = NULL, .iov_len = 0 };
	struct msghdr message = { .msg_iov = &room, .msg_iovlen = 1 };

	(void)net_receive(fd, &message, 0);
}

/*
 * An IPv4 peer of a dual-stack socket is addressed plainly: an IPv6 socket that is not
 * IPV6_V6ONLY takes AF_INET addresses and IP_PKTINFO, see udpv6_sendmsg() in the kernel.
 */
int datagram_reply(int fd, const struct datagram *to, const uint8_t *data, size_t length)
{
	if (to->peer.length == 0)
		return -EDESTADDRREQ;
	return datagram_send(fd, &to->peer, to->multicast ? NULL : &to->local, data,
			     length);
}
