/* SPDX-License-Identifier: ISC */
/* Bound sockets: making, adopting, pausing them. */
#ifndef USHERD_NET_LISTENER_H
#define USHERD_NET_LISTENER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/error.h"
#include "usherd/model/endpoint.h"

/*
 * Create, bind and (streams) listen. The descriptor is close-on-exec and non-blocking.
 * SO_REUSEADDR on TCP, so that a restart binds at once, and never on UDP, where it would
 * let anybody share the port and take its datagrams: per-peer sockets of an earlier
 * process, see datagram_connect(), keep the port in use; IPV6_V6ONLY always set
 * explicitly; IP_PKTINFO / IPV6_RECVPKTINFO on UDP; SO_BINDTODEVICE for an interface. A
 * backlog below 1 is the system's largest.
 *
 * A UNIX path: a stale socket (nobody has it open) is replaced, one that somebody has,
 * listening or not, or another kind of file is -EADDRINUSE; when that cannot be told (no
 * right to connect) the error says so. The node gets owner, group and mode before anybody
 * can connect: until then its mode is 0. The umask is changed for a moment, so no other
 * thread may make files meanwhile. Needs /proc.
 *
 * Returns 0 or a negative errno with the reason in words.
 */
int listener_open(const struct endpoint *endpoint, int *ret_fd, struct error *err);

/* The same with a packet filter (net/filter.h) that is there before the first packet can
 * be; NULL: none. */
int listener_open_screened(const struct endpoint *endpoint,
			   const struct sock_fprog *filter, int *ret_fd,
			   struct error *err);

/* Is @error (negative, from listener_open()) worth trying again later without a change of
 * configuration: address, interface or directory not there yet, in use, out of
 * resources? */
bool listener_error_is_transient(int error);

/*
 * Apply what may differ between two endpoints of endpoint_same_socket(): backlog,
 * options, owner, group, mode. Returns 0 or a negative errno; -ENOENT when the node of
 * @fd has gone from its path, or another is there (without CAP_NET_ADMIN it cannot be
 * told from that one).
 */
int listener_adjust(int fd, const struct endpoint *endpoint, struct error *err);

/* Does the inherited descriptor @fd (LISTEN_FDS) stand for @endpoint? Compares type,
 * protocol, listening state, IPV6_V6ONLY, interface and bound address: an inherited
 * socket may not be open to more, or to fewer, than the endpoint says. */
bool listener_matches(int fd, const struct endpoint *endpoint);

/* Make an adopted descriptor like one of listener_open(). */
int listener_adopt(int fd, const struct endpoint *endpoint, struct error *err);

/* Put the filter on a socket that was without, and drop who and what has come before it.
 * Not for UNIX sockets. 0 or a negative errno. */
int listener_screen(int fd, const struct endpoint *endpoint,
		    const struct sock_fprog *filter, struct error *err);

/*
 * Have the kernel ask peers of connections to come from the TCP listener @fd whether they
 * are still there after @idle_s seconds without a byte, tcp(7) TCP_KEEPIDLE; 0: never.
 * Others have no such thing and are left alone. Best effort.
 */
void listener_keep_alive(int fd, const struct endpoint *endpoint, int idle_s);

/*
 * Pause a TCP listener so that clients are refused at once (RST) while the port stays
 * ours: shutdown(2); and listen again. Sockets of other transports are left alone.
 *
 * Clients that nobody has accepted yet are reset; accepted ones stay. Every process that
 * has the descriptor is paused with it. Meanwhile the socket is bound but closed:
 * poll(2) reports POLLHUP without end, so take it out of the loop first; accept(2) says
 * EINVAL. It lacks SO_REUSEADDR for that time, so nobody else, with or without that
 * option, can bind the port. Only a port bound by number is kept so: one that the kernel
 * chose at bind(2) is bound anew by resume, which says -EADDRINUSE if it is lost. The
 * endpoint's port is not 0 (-EINVAL). Both may be repeated without harm. Return 0 or a
 * negative errno.
 */
int listener_pause(int fd, const struct endpoint *endpoint);
int listener_resume(int fd, const struct endpoint *endpoint);

/* Remove the socket at a UNIX path, whoever has put it there; does nothing for others.
 * listener_unlink_node() is the safe way. */
void listener_unlink(const struct endpoint *endpoint);

/* Which node of a file system a UNIX socket is bound to. A value, all 0 for none. */
struct node_identity {
	uint32_t device_major;
	uint32_t device_minor;
	uint64_t inode;
	int64_t born_s; /* 0 where the file system does not say */
	uint32_t born_ns;
};

/*
 * The node of @fd, to be called right after listener_open() or listener_adopt(): without
 * CAP_NET_ADMIN it is what is at the path now. None, all 0, for other transports and the
 * abstract namespace. 0; -ENOENT when another, or none, is at the path by now; another
 * negative errno.
 */
int listener_identify(int fd, const struct endpoint *endpoint, struct node_identity *ret);

/* Remove the node of a UNIX path if it is @node still, not one that another program has
 * put there. Does nothing for others. Close the listener after, not before: a node that
 * nobody uses any more may give its number, within milliseconds its time as well, to the
 * next one. */
void listener_unlink_node(const struct endpoint *endpoint,
			  const struct node_identity *node);

#endif
