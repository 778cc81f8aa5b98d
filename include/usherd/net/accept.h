/* SPDX-License-Identifier: ISC */
/* Taking one client from a stream listener. */
#ifndef USHERD_NET_ACCEPT_H
#define USHERD_NET_ACCEPT_H

#include "usherd/base/addr.h"
#include "usherd/model/endpoint.h"

struct connection {
	int fd;            /* close-on-exec, blocking */
	struct addr peer;  /* normalised; length 0 for an unnamed UNIX client */
	struct addr local; /* normalised */
	bool mapped;       /* an IPv4 client of an IPv6 socket */
};

/*
 * @bound: the address that @listener is bound to, which unless it is a wildcard is what
 * getsockname(2) would say of each connection; or NULL. Never blocks if @listener does
 * not. Clients that went away again and network errors already pending on the new socket,
 * see accept(2) "Error handling", are passed over, a bounded number in one call. Returns
 * 0; -EAGAIN when nobody (else) waits; other negative errno (-EMFILE, -ENFILE, -ENOBUFS,
 * -ENOMEM) when resources are short.
 */
int accept_connection(int listener, const struct addr *bound, struct connection *ret);

/*
 * The same for a client that another process has accepted and handed over: @fd, a
 * stranger until now, is looked at. It stays the caller's on failure: -EBADMSG for
 * anything but a connected stream socket (TCP or UNIX), -ENOTCONN when its client has
 * gone. Closing it does not wait for the client, whatever the other process has asked
 * for.
 */
int connection_adopt(int fd, struct connection *ret, enum transport *ret_transport);

/* Make the socket of a client that is mapped one of IPv4, for a program that asks who its
 * client is. One whose client has sent all it had stays as it is, ipv6(7) IPV6_ADDRFORM.
 */
void connection_unmap(const struct connection *connection);

/*
 * The reserve: one descriptor kept for the day when there is none left, so that waiting
 * clients can be taken and turned away instead of hanging.
 */
struct reserve {
	int fd;
};
int reserve_open(struct reserve *reserve);
/* Give the reserve up, accept one client with it, close that client, take the reserve
 * back (at the next call, if somebody else was quicker). Returns 0 with the client's
 * address, -EAGAIN if none waits, another negative errno as accept_connection(). */
int reserve_refuse(struct reserve *reserve, int listener, struct addr *ret_peer);
void reserve_close(struct reserve *reserve);

#endif
