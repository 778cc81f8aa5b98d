/* SPDX-License-Identifier: ISC */
/*
 * A UDP socket for the exchange with one peer, beside the unconnected listener on the
 * same port. Which datagrams go where, and in what order, is the caller's: datagram.h
 * says how.
 */
#include <errno.h>
#include <sys/stat.h>

#include "net_internal.h"
#include "usherd/base/fd.h"
#include "usherd/net/datagram.h"

/*
 * What the peer's socket is bound to: where the datagram was sent. Nothing can be sent
 * from a multicast or broadcast address, so there the kernel chooses one at connect(2).
 */
static struct addr own_address(const struct datagram *first)
{
	struct addr own = first->local;

	if (!first->multicast)
		return own;
	if (addr_family(&own) == AF_INET) {
		own.u.in.sin_addr.s_addr = htonl(INADDR_ANY);
	} else {
		own.u.in6.sin6_addr = in6addr_any;
		own.u.in6.sin6_scope_id = 0;
	}
	return own;
}

/* A connected socket of port 0 would be no different from an unconnected one. */
static int check(const struct datagram *first, const struct endpoint *endpoint,
		 struct error *err)
{
	int family = addr_family(&first->local);

	if (endpoint->transport != TRANSPORT_UDP)
		return error_set(err, -EOPNOTSUPP, "only udp has a socket for each peer");
	if ((family != AF_INET && family != AF_INET6) ||
	    family != addr_family(&first->peer))
		return error_set(err, -EINVAL,
				 "the two addresses of a datagram are not of one family");
	if (addr_port(&first->peer) == 0 || addr_port(&first->local) == 0)
		return error_set(err, -EINVAL, "a datagram without a port has no answer");
	return 0;
}

/*
 * Two sockets of one port must both have SO_REUSEPORT when the later is bound, and be of
 * one user; or SO_REUSEADDR, whoever has the other (udp_lib_lport_inuse() in the kernel).
 * So that is for a listener inherited from another user only.
 */
static int sharing_option(int fd, int listener)
{
	struct stat own;
	struct stat shared;

	if (fstat(fd, &own) == -1 || fstat(listener, &shared) == -1)
		return -errno;
	return own.st_uid == shared.st_uid ? SO_REUSEPORT : SO_REUSEADDR;
}

/*
 * The sockets of earlier peers have kept the option, @fd will too. The listener has it
 * for this moment only: its address covers theirs, so without it nobody else can bind
 * the port.
 */
static int bind_beside(int fd, int listener, const struct addr *own)
{
	int option = sharing_option(fd, listener);
	int rc = option < 0 ? option : net_set_option(fd, SOL_SOCKET, option, 1);
	int back;

	if (rc == 0)
		rc = net_set_option(listener, SOL_SOCKET, option, 1);
	if (rc != 0)
		return rc;
	if (bind(fd, &own->u.any, own->length) == -1)
		rc = -errno;
	back = net_set_option(listener, SOL_SOCKET, option, 0);
	return rc != 0 ? rc : back;
}

/*
 * IPv4 peers get an IPv4 socket even beside a dual-stack listener: the kernel looks for
 * an exact local address first and for a connected socket among those, whatever the
 * family, see __udp4_lib_lookup().
 */
static int set_up(int fd, int listener, const struct datagram *first,
		  const struct endpoint *endpoint)
{
	struct addr own = own_address(first);
	int rc = 0;

	if (addr_family(&own) == AF_INET6)
		rc = net_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (rc == 0)
		rc = net_bind_device(fd, endpoint->interface);
	if (rc == 0)
		rc = bind_beside(fd, listener, &own);
	if (rc == 0 && connect(fd, &first->peer.u.any, first->peer.length) == -1)
		rc = -errno;
	return rc;
}

int datagram_connect(int listener, const struct datagram *first,
		     const struct endpoint *endpoint, int *ret_fd, struct error *err)
{
	char peer[ADDR_TEXT_SIZE];
	char local[ADDR_TEXT_SIZE];
	int rc = check(first, endpoint, err);
	int fd;

	if (rc != 0)
		return rc;
	fd = socket(addr_family(&first->local), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	rc = fd == -1 ? -errno : set_up(fd, listener, first, endpoint);
	if (rc != 0) {
		fd_close(&fd);
		return error_set_errno(err, rc, "cannot connect udp '%s' with '%s'",
				       addr_format(&first->local, local),
				       addr_format(&first->peer, peer));
	}
	net_start_stamps(fd);
	*ret_fd = fd;
	return 0;
}
