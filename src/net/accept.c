/* SPDX-License-Identifier: ISC */
/*
 * Taking one client from a stream listener, and turning one away when descriptors have
 * run out. Whether the client is wanted is decided elsewhere.
 */
#include "usherd/net/accept.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "net_internal.h"
#include "usherd/base/fd.h"

/*
 * The descriptor of one client and its address, or a negative errno. Goes on to the next
 * client a bounded number of times, so that a row of dead ones cannot hold the caller.
 */
static int take(int listener, struct addr *ret_peer)
{
	for (int i = 0; i < NET_TRIES; i++) {
		struct addr peer = { .length = sizeof(peer.u) };
		int fd = accept4(listener, &peer.u.any, &peer.length, SOCK_CLOEXEC);

		if (fd == -1 && net_error_is_passing(errno))
			continue;
		if (fd == -1)
			return -errno;
		net_addr_finish(&peer);
		*ret_peer = peer;
		return fd;
	}
	return -EAGAIN;
}

int accept_connection(int listener, const struct addr *bound, struct connection *ret)
{
	struct connection found = { .fd = -1 };
	int rc = 0;

	found.fd = take(listener, &found.peer);
	if (found.fd < 0)
		return found.fd;
	if (bound != NULL && !addr_is_wildcard(bound))
		found.local = *bound;
	else
		rc = net_local_addr(found.fd, &found.local);
	if (rc != 0) {
		fd_close(&found.fd);
		return rc;
	}
	found.mapped = bound != NULL && addr_family(bound) == AF_INET6 &&
		       addr_family(&found.peer) == AF_INET;
	*ret = found;
	return 0;
}

static bool is_client(int fd, int domain)
{
	if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
		return false;
	return net_get_option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
	       net_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 0 &&
	       (domain == AF_UNIX ||
		net_get_option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP);
}

int connection_adopt(int fd, struct connection *ret, enum transport *ret_transport)
{
	/* With it close(2) could wait for the client, socket(7) SO_LINGER. */
	const struct linger none = { 0 };
	struct connection found = { .fd = fd, .peer.length = sizeof(found.peer.u) };
	int domain = net_get_option(fd, SOL_SOCKET, SO_DOMAIN);

	if (domain < 0 || !is_client(fd, domain) ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == -1)
		return -EBADMSG;
	if (getpeername(fd, &found.peer.u.any, &found.peer.length) == -1 ||
	    net_local_addr(fd, &found.local) != 0)
		return -ENOTCONN;
	net_addr_finish(&found.peer);
	found.mapped = domain == AF_INET6 && addr_family(&found.peer) == AF_INET;
	*ret = found;
	*ret_transport = domain == AF_UNIX ? TRANSPORT_UNIX_STREAM : TRANSPORT_TCP;
	return 0;
}

void connection_unmap(const struct connection *connection)
{
	const int family = AF_INET;

	if (connection->mapped)
		(void)setsockopt(connection->fd, IPPROTO_IPV6, IPV6_ADDRFORM, &family,
				 sizeof(family));
}

int reserve_open(struct reserve *reserve)
{
	/* Of all descriptors the one that needs no file system. */
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd == -1)
		return -errno;
	reserve->fd = fd;
	return 0;
}

int reserve_refuse(struct reserve *reserve, int listener, struct addr *ret_peer)
{
	int fd;
	int rc;

	fd_close(&reserve->fd);
	fd = take(listener, ret_peer);
	rc = fd < 0 ? fd : 0;
	fd_close(&fd);
	/* Fails if another took the descriptor meanwhile: the next call tries again. */
	(void)reserve_open(reserve);
	return rc;
}

void reserve_close(struct reserve *reserve)
{
	fd_close(&reserve->fd);
}
