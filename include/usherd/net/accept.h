/* SPDX-License-Identifier: ISC */
/* Taking one client from a stream listener. */
#ifndef USHERD_NET_ACCEPT_H
#define USHERD_NET_ACCEPT_H

#include "usherd/base/addr.h"

struct connection {
	int fd;            /* close-on-exec, blocking */
	struct addr peer;  /* normalised; length 0 for an unnamed UNIX client */
	struct addr local; /* normalised */
};

/*
 * Never blocks if @listener does not. Clients that went away again and network errors
 * already pending on the new socket, see accept(2) "Error handling", are passed over, a
 * bounded number in one call. Returns 0; -EAGAIN when nobody (else) waits; other negative
 * errno (-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM) when resources are short.
 */
int accept_connection(int listener, struct connection *ret);

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
