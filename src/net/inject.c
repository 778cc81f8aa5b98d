/* SPDX-License-Identifier: ISC */
/*
 * Putting a datagram into the receive queue of a peer's socket: as a packet of our own
 * making over the loopback device, or sent from the listener. Which datagrams, and when,
 * is the caller's.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "net_internal.h"
#include "usherd/base/fd.h"
#include "usherd/net/datagram.h"

#define HEADER_MAX   48 /* IPv6 and UDP */
#define UDP_HEADER   8
#define IPV4_HEADER  20
#define IPV6_HEADER  40
#define TIME_TO_LIVE 64
#define UDP_PAYLOAD  (UINT16_MAX - UDP_HEADER)
#define CHECKSUM_AT  6 /* in the UDP header */

struct packet {
	uint8_t header[HEADER_MAX];
	size_t ip_length;
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* RFC 1071. @sum holds 65535 bytes and more without overflow. */
static uint32_t add_words(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (length % 2 == 1)
		sum += (uint32_t)bytes[length - 1] << 8;
	return sum;
}

static uint32_t finish_sum(uint32_t sum)
{
	while (sum > UINT16_MAX)
		sum = (sum & UINT16_MAX) + (sum >> 16);
	/* Zero would mean "no checksum", RFC 768. */
	return sum == UINT16_MAX ? UINT16_MAX : UINT16_MAX - sum;
}

/* Length, identification and checksum of the header are the kernel's, raw(7). */
static uint32_t put_ipv4(struct packet *packet, const struct addr *from,
			 const struct addr *to)
{
	uint8_t *ip = packet->header;

	packet->ip_length = IPV4_HEADER;
	ip[0] = 4 << 4 | IPV4_HEADER / 4;
	ip[8] = TIME_TO_LIVE;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, &from->u.in.sin_addr, 4);
	memcpy(ip + 16, &to->u.in.sin_addr, 4);
	return add_words(0, ip + 12, 8);
}

static uint32_t put_ipv6(struct packet *packet, const struct addr *from,
			 const struct addr *to, size_t udp_length)
{
	uint8_t *ip = packet->header;

	packet->ip_length = IPV6_HEADER;
	ip[0] = 6 << 4;
	put16(ip + 4, (uint32_t)udp_length);
	ip[6] = IPPROTO_UDP;
	ip[7] = TIME_TO_LIVE;
	memcpy(ip + 8, &from->u.in6.sin6_addr, 16);
	memcpy(ip + 24, &to->u.in6.sin6_addr, 16);
	return add_words(0, ip + 8, 32);
}

/* Headers as RFC 768, RFC 791 and RFC 8200 have them; the sum covers a pseudo-header of
 * addresses, protocol and length. */
static void put_headers(struct packet *packet, const struct datagram *datagram,
			const struct addr *to)
{
	size_t udp_length = UDP_HEADER + datagram->length;
	uint32_t sum;
	uint8_t *udp;

	*packet = (struct packet){ .ip_length = 0 };
	sum = addr_family(to) == AF_INET
		      ? put_ipv4(packet, &datagram->peer, to)
		      : put_ipv6(packet, &datagram->peer, to, udp_length);
	udp = packet->header + packet->ip_length;
	put16(udp, addr_port(&datagram->peer));
	put16(udp + 2, addr_port(to));
	put16(udp + 4, (uint32_t)udp_length);
	sum += IPPROTO_UDP + (uint32_t)udp_length;
	sum = add_words(sum, udp, UDP_HEADER);
	sum = add_words(sum, datagram->data, datagram->length);
	put16(udp + CHECKSUM_AT, finish_sum(sum));
}

/*
 * What is sent to an address of this host counts as come in by the interface that has the
 * address (FIB_RES_OIF() in ip_route_output_key_hash_rcu()), which need not be the one
 * that @fd is bound to. So @fd takes from all of them for this moment. By index, as that
 * can be set back even if the interface has gone (SO_BINDTOIFINDEX, Linux 5.0).
 */
static int send_to_any_interface(int fd, int raw, const struct msghdr *message)
{
	int interface = net_get_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX);
	int rc = 0;
	int back = 0;

	if (interface > 0)
		rc = net_set_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, 0);
	if (rc != 0)
		return rc;
	if (sendmsg(raw, message, MSG_DONTWAIT) == -1)
		rc = -errno;
	if (interface > 0)
		back = net_set_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, interface);
	return back != 0 ? back : rc;
}

static int send_raw(int fd, const struct datagram *datagram, const struct addr *to)
{
	struct packet packet;
	struct addr target = *to;
	struct iovec parts[2];
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	int raw = socket(addr_family(to), SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	int rc;

	if (raw == -1)
		return -errno;
	put_headers(&packet, datagram, to);
	parts[0].iov_base = packet.header;
	parts[0].iov_len = packet.ip_length + UDP_HEADER;
	parts[1].iov_base = datagram->data;
	parts[1].iov_len = datagram->length;
	/* A raw IPv6 socket takes the port for a protocol, ipv6(7). */
	addr_set_port(&target, 0);
	message.msg_name = &target.u.any;
	message.msg_namelen = target.length;
	rc = send_to_any_interface(fd, raw, &message);
	fd_close(&raw);
	return rc;
}

/*
 * The listener has the same port, so its datagram comes from the very address @own that
 * @fd is bound to: connected to that, @fd is the best match for it. What the peer sends
 * in that moment goes to the listener and finds its way as any late datagram does.
 */
static int send_from_listener(int fd, int listener, const struct datagram *datagram,
			      const struct addr *own)
{
	int rc = 0;

	if (connect(fd, &own->u.any, own->length) == -1)
		return -errno;
	rc = datagram_send(listener, own, own, datagram->data, datagram->length);
	if (connect(fd, &datagram->peer.u.any, datagram->peer.length) == -1 && rc == 0)
		rc = -errno;
	return rc;
}

int datagram_inject(int fd, int listener, const struct datagram *datagram,
		    struct error *err)
{
	char peer[ADDR_TEXT_SIZE];
	struct addr own;
	int rc = net_local_addr(fd, &own);

	if (rc == 0 && addr_family(&own) != addr_family(&datagram->peer))
		rc = -EAFNOSUPPORT;
	if (rc == 0 && datagram->length > UDP_PAYLOAD)
		rc = -EMSGSIZE;
	if (rc == 0) {
		rc = send_raw(fd, datagram, &own);
		/* No right to, or longer than the loopback device carries at once. */
		if (rc != 0)
			rc = send_from_listener(fd, listener, datagram, &own);
	}
	if (rc != 0)
		return error_set_errno(err, rc, "cannot hand over a datagram of udp '%s'",
				       addr_format(&datagram->peer, peer));
	return 0;
}
