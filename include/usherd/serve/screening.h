/* SPDX-License-Identifier: ISC */
/*
 * flags = INTERCEPT: the packet filter that keeps out whom the lists of a service do,
 * also while its program has the socket. It is on the socket from before the first
 * packet, so that what waits there for the program has passed it as well; at a reload the
 * new lists take the place of the old ones, and what waits then has passed those.
 */
#ifndef USHERD_SERVE_SCREENING_H
#define USHERD_SERVE_SCREENING_H

#include "usherd/serve/duty.h"

/* What its service wants on each socket, borrowed; NULL: no filter. */
const struct sock_fprog *screening_filter(const struct listener *listener);

/*
 * Put it on the open socket, or take off the one that is there. Done anew before each
 * start of a program: the one before may have taken it off. 0 or a negative errno.
 */
int screening_put(struct listener *listener);

/*
 * The same for a socket that its service had under other lists, wherever it is. False:
 * that has failed, was reported, and the socket is shut, to be bound anew. One that a
 * program has stays as it is, or lets nobody in.
 */
bool screening_renew(struct listener *listener);

/* listener_adopt(), and for services with a filter nothing that came before it is left.
 * 0 or a negative errno. */
int screening_adopt(struct listener *listener, int fd, struct error *err);

#endif
