/* SPDX-License-Identifier: ISC */
/*
 * Connections on their way from one process to another: a pair of connected
 * SOCK_SEQPACKET sockets beside the channel, one connection a packet, unix(7)
 * "SCM_RIGHTS". A worker has one only if it gives away clients or is given some.
 *
 * What arrives is checked like any input: a packet names a service and carries one
 * descriptor, that of a connected stream socket. Who the client is, is asked of the
 * socket.
 */
#ifndef USHERD_SERVE_TRANSFER_H
#define USHERD_SERVE_TRANSFER_H

#include "usherd/log/event.h"
#include "usherd/model/endpoint.h"
#include "usherd/net/accept.h"

struct transfer {
	char service[EVENT_SERVICE_SIZE]; /* id, NUL-terminated; a claim */
	struct connection connection;     /* as from accept_connection() */
	enum transport transport;
};

/* Both ends, close-on-exec and non-blocking. 0 or a negative errno. */
int transfer_open(int *ret_supervisor, int *ret_worker);

/*
 * Send a copy of the descriptor @connection for @service, whose id it is. Never blocks.
 * 0; -EAGAIN when the other end is too busy; another negative errno.
 */
int transfer_send(int fd, const char *service, int connection);

/*
 * Take one. 0 with a connection that is the caller's; -EAGAIN: none; -EPIPE: the other
 * end is closed; -EMFILE: one was lost for want of descriptors; -ENOTCONN: one whose
 * client has gone; -EBADMSG: nonsense. Whatever else a packet carried is closed.
 */
int transfer_receive(int fd, struct transfer *ret);

#endif
