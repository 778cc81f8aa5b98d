/* SPDX-License-Identifier: ISC */
/* Datagrams with both their addresses, and sockets of one peer. */
#ifndef USHERD_NET_DATAGRAM_H
#define USHERD_NET_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/addr.h"
#include "usherd/base/error.h"
#include "usherd/model/endpoint.h"

#define DATAGRAM_MAX 65536

struct datagram {
	struct addr peer;  /* normalised; length 0 for an unnamed UNIX sender */
	struct addr local; /* the address it was sent to, with the port; normalised */
	int interface;     /* index it came in by, 0 if unknown */
	bool multicast; /* sent to a multicast or broadcast address: local is that one */
	bool stamped;   /* somebody has asked for time stamps on the socket */
	uint8_t *data;  /* the caller's buffer */
	size_t length;
};

/*
 * Receive one into @buffer of @size bytes without blocking; what does not fit is lost.
 * @local is the bound address of the socket, as getsockname(2) has it: its port completes
 * datagram.local, and it is all of that where the kernel does not say (UNIX, a socket
 * without IP_PKTINFO). Link-local addresses carry their scope. Descriptors that a UNIX
 * client sent along are closed unseen. Returns 0; -EAGAIN when there is none; another
 * negative errno. Pending ICMP errors are eaten (-EAGAIN or the next one).
 */
int datagram_receive(int fd, const struct addr *local, uint8_t *buffer, size_t size,
		     struct datagram *ret);

/* Addresses and length of the first queued datagram, which stays queued; data is NULL.
 * 0, -EAGAIN, negative errno. */
int datagram_peek(int fd, const struct addr *local, struct datagram *ret);

/* Remove the first queued datagram unread. */
void datagram_drop(int fd);

/*
 * Answer @to from the address it was sent to (from one of the kernel's choice if that was
 * a multicast or broadcast address), without blocking. IPv4 peers of a dual-stack socket
 * as well. 0; -EDESTADDRREQ for an unnamed sender; another negative errno.
 */
int datagram_reply(int fd, const struct datagram *to, const uint8_t *data, size_t length);

/*
 * A UDP socket of its own for the exchange between first->local and first->peer: bound
 * to the same port as @listener, whose endpoint is @endpoint, and to the endpoint's
 * interface if it names one, connected to the peer, so that the kernel gives it all
 * further datagrams of that peer and nobody else's. IPv4 peers of a dual-stack listener
 * get an IPv4 socket. After a multicast or broadcast datagram the kernel chooses the own
 * address. Non-blocking, close-on-exec. A port below 1024 needs CAP_NET_BIND_SERVICE.
 * UDP only (-EOPNOTSUPP); a peer without a port has no socket (-EINVAL).
 *
 * The listener has SO_REUSEPORT, which lets sockets of the same user in, during the
 * bind(2) in this call and at no other time, so that nobody else can bind the port. (If
 * it was made by another user it has SO_REUSEADDR, which lets everybody in, instead.) The
 * peers' sockets keep theirs, for the next of them.
 *
 * Order and completeness. Until it was bound, the peer's datagrams went to the listener;
 * between bind and connect it may have got anybody's, because a more specific one wins,
 * and either of two alike. So the caller
 *   1. reads the listener to its end and keeps what it read, in order, as a list;
 *   2. takes the first of the list; if its peer has no socket yet: makes one here, then
 *      reads the listener to its end again and appends that to the list, then reads the
 *      new socket to its end (datagram_receive() until -EAGAIN) and appends that too:
 *      the peer's own are now all in the list in the order they came, and strangers' in
 *      it are treated as if they had come to the listener;
 *   3. hands over all of the list's that are of this peer, in order, datagram_inject();
 *   4. goes on with 2 until the list is empty.
 * Every datagram then ends once in the socket of its peer, in the order of arrival but
 * for those that come while 2 and 3 are going on (microseconds): one may overtake.
 */
int datagram_connect(int listener, const struct datagram *first,
		     const struct endpoint *endpoint, int *ret_fd, struct error *err);

/*
 * Put @datagram, whose peer @fd is connected to, at the end of the receive queue of @fd
 * as if it had just come from that peer: sent over the loopback device with a raw socket
 * (CAP_NET_RAW). If @fd is bound to an interface, it takes the peer's datagrams from all
 * of them for that moment; it is bound to it again on return.
 *
 * Without that right, or when it is longer than the loopback device's MTU allows, the
 * socket is connected to @listener's own address for a moment and the datagram sent from
 * there: content and order are kept, but recvfrom(2) shows the server's own address for
 * it; getpeername(2) and read(2) are right in both cases. What somebody else sends on @fd
 * in that moment comes back to @fd: without CAP_NET_RAW inject before the program has the
 * socket. A socket bound to an interface gets it only if the own address is that one's.
 *
 * @listener: the one @fd shares its port with. Full queues drop, as for all datagrams.
 * Never blocks. Returns 0 or a negative errno.
 */
int datagram_inject(int fd, int listener, const struct datagram *datagram,
		    struct error *err);

/*
 * How long ago, in ns, the datagram came in that was last read (or peeked at) from the
 * socket @fd of datagram_connect(), by whatever process; since @made_wall_ns
 * (CLOCK_REALTIME when the socket was made) if that is later or none was read. It is the
 * time of arrival that counts, not of reading; sending does not count, and neither do
 * reads of a program that asked for SO_TIMESTAMP itself. From SIOCGSTAMPNS, whose first
 * use arms the time stamps: datagram_connect() does that; for any other socket the first
 * call does. A datagram that came before the kernel's stamps were running (armed, and a
 * moment later when no other socket of the system had been) counts as having come at the
 * first call after it was read. Both ends are wall time, so a step of the clock changes
 * the result by as much, never below 0.
 */
uint64_t datagram_idle_ns(int fd, uint64_t made_wall_ns);

/*
 * A value that is another one when somebody, in whatever process, has read a datagram
 * from the UDP socket @fd since, and the same one otherwise: to tell whether a program
 * has read anything. 0 while nothing was ever read. Peeking counts as reading; a
 * program's reads do not count while SO_TIMESTAMP or its kin is set on the socket. Always
 * 0 for UNIX sockets: the kernel keeps nothing about them, so compare the marks of
 * datagram_peek_marked().
 */
uint64_t datagram_read_mark(int fd);

/*
 * As datagram_peek(), for a UDP or UNIX datagram socket, with a mark that identifies what
 * was found: the same value as long as that one is the first, another when a different
 * one is, even one of equal content. Never 0. For UNIX sockets, and the few datagrams
 * that came before the kernel's stamps were running, time stamps are asked for meanwhile:
 * whoever reads @fd in that moment may get one along as control data.
 */
int datagram_peek_marked(int fd, const struct addr *local, struct datagram *ret,
			 uint64_t *ret_mark);

#endif
