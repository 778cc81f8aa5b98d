/* SPDX-License-Identifier: ISC */
/*
 * A UDP socket for the exchange with one peer, beside the unconnected listener on the
 * same port. Which datagrams go where, and in what order, is the caller's: datagram.h
 * says how.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "net_internal.h"
#include "usherd/base/clock.h"
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
 * IPv4 peers get an IPv4 socket even beside a dual-stack listener: the kernel looks for
 * an exact local address first and for a connected socket among those, whatever the
 * family, see __udp4_lib_lookup().
 */
static int set_up(int fd, const struct datagram *first, const struct endpoint *endpoint)
{
	struct addr own = own_address(first);
	int rc = net_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (rc == 0 && addr_family(&own) == AF_INET6)
		rc = net_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (rc == 0)
		rc = net_bind_device(fd, endpoint->interface);
	if (rc == 0 && bind(fd, &own.u.any, own.length) == -1)
		rc = -errno;
	if (rc == 0 && connect(fd, &first->peer.u.any, first->peer.length) == -1)
		rc = -errno;
	return rc;
}

int datagram_connect(const struct datagram *first, const struct endpoint *endpoint,
		     int *ret_fd, struct error *err)
{
	char peer[ADDR_TEXT_SIZE];
	char local[ADDR_TEXT_SIZE];
	struct timespec none;
	int rc = check(first, endpoint, err);
	int fd;

	if (rc != 0)
		return rc;
	fd = socket(addr_family(&first->local), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	rc = fd == -1 ? -errno : set_up(fd, first, endpoint);
	if (rc != 0) {
		fd_close(&fd);
		return error_set_errno(err, rc, "cannot connect udp '%s' with '%s'",
				       addr_format(&first->local, local),
				       addr_format(&first->peer, peer));
	}
	/* The first time of asking makes the kernel take note, datagram_idle_ns(). */
	(void)ioctl(fd, SIOCGSTAMPNS_OLD, &none);
	*ret_fd = fd;
	return 0;
}

static uint64_t wall_ns(struct timespec moment)
{
	return (uint64_t)moment.tv_sec * CLOCK_NS_PER_SECOND + (uint64_t)moment.tv_nsec;
}

uint64_t datagram_idle_ns(int fd, uint64_t made_wall_ns)
{
	struct timespec now;
	struct timespec last;
	uint64_t since = made_wall_ns;

	/* ENOENT: nothing has been read yet. */
	if (ioctl(fd, SIOCGSTAMPNS_OLD, &last) == 0 && wall_ns(last) > since)
		since = wall_ns(last);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return wall_ns(now) > since ? wall_ns(now) - since : 0;
}
