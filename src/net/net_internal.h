/* SPDX-License-Identifier: ISC */
/* What the modules of this floor share among themselves. */
#ifndef USHERD_NET_INTERNAL_H
#define USHERD_NET_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "usherd/base/addr.h"
#include "usherd/base/error.h"
#include "usherd/model/endpoint.h"
#include "usherd/net/datagram.h"

/* How often one call goes on after errors that concern somebody else. */
#define NET_TRIES 16

/* An address as a system call has just filled it in: unnamed becomes length 0, a length
 * past the structure is cut, mapped becomes plain. */
void net_addr_finish(struct addr *addr);

/* The address @fd is bound to. 0 or a negative errno. */
int net_local_addr(int fd, struct addr *ret);

/* Set an int option. 0 or a negative errno. */
int net_set_option(int fd, int level, int name, int value);

/* An int option's value, or a negative errno. */
int net_get_option(int fd, int level, int name);

/* recvmsg(2) without blocking, past the errors that old answers have left on the socket.
 * The length, or a negative errno. */
ssize_t net_receive(int fd, struct msghdr *message, int flags);

/* Have the kernel note when datagrams come in, datagram_idle_ns(). */
void net_start_stamps(int fd);

/* Bind @fd to the device; nothing for an empty name. 0 or a negative errno. */
int net_bind_device(int fd, const char *interface);

/* Is @error (positive) about one client or an old packet rather than about the socket it
 * was reported on, so that the same call may simply be tried again? */
bool net_error_is_passing(int error);

/* Bind the UNIX socket @fd, replacing a stale node. The new node has owner, group and
 * mode of @endpoint and was closed to everybody until then. 0 or a negative errno. */
int unix_listener_bind(int fd, const struct endpoint *endpoint, struct error *err);

/* Remove the node of the bound UNIX socket @fd; nothing for others. */
void unix_listener_unbind(int fd, const struct endpoint *endpoint);

/* Give the node of the path that @fd is bound to owner, group and mode; never more open
 * on the way than before or after. Nothing for the abstract namespace. 0 or a negative
 * errno. */
int unix_listener_apply(int fd, const struct endpoint *endpoint, struct error *err);

/* Room for the addresses that go along with a datagram. */
union net_control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) +
		      CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* As datagram_receive(), with @flags of recvmsg(2) and any @room. */
int datagram_get(int fd, const struct addr *local, struct iovec room, int flags,
		 struct datagram *ret);

/* Complete the addresses of @datagram, whose local is the socket's so far and whose
 * peer.u the kernel has filled in, from @message as it was received. */
void datagram_finish(struct datagram *datagram, struct msghdr *message);

/* Have @message leave from @from, if that is a unicast IPv4 or IPv6 address. */
void datagram_name_source(struct msghdr *message, union net_control *control,
			  const struct addr *from);

/* Send one datagram to @to, without blocking; from @from if that is a unicast IPv4 or
 * IPv6 address of this host (else, or NULL: the kernel chooses). 0 or a negative errno.
 */
int datagram_send(int fd, const struct addr *to, const struct addr *from,
		  const uint8_t *data, size_t length);

#endif
