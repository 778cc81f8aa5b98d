/* SPDX-License-Identifier: ISC */
/*
 * Bound sockets: making, adopting, adjusting, pausing. The file system's side of UNIX
 * sockets is in unix_listener.c; who takes clients from them is not known here.
 */
#include "usherd/net/listener.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "net_internal.h"
#include "usherd/base/fd.h"
#include "usherd/net/filter.h"

/* Datagrams in the queue of a socket that is taken over. */
#define DROP_MAX (1024 * 1024)

/* Options of a new or adopted socket, for those endpoints where `applies` says so. */
struct preparation {
	bool (*applies)(const struct endpoint *endpoint);
	int level;
	int name;
	int value;
	const char *text;
};

static bool is_tcp(const struct endpoint *endpoint)
{
	return endpoint->transport == TRANSPORT_TCP;
}

static bool is_inet(const struct endpoint *endpoint)
{
	return !transport_is_unix(endpoint->transport);
}

static bool is_udp(const struct endpoint *endpoint)
{
	return endpoint->transport == TRANSPORT_UDP;
}

static bool is_ip_dgram(const struct endpoint *endpoint)
{
	return is_udp(endpoint) || endpoint->transport == TRANSPORT_IP_DGRAM ||
	       endpoint->transport == TRANSPORT_IP_RAW;
}

static bool is_other_stream(const struct endpoint *endpoint)
{
	return transport_is_ip_other(endpoint->transport) &&
	       transport_is_stream(endpoint->transport);
}

static bool is_in6(const struct endpoint *endpoint)
{
	return addr_family(&endpoint->addr) == AF_INET6;
}

static bool is_udp6(const struct endpoint *endpoint)
{
	return is_udp(endpoint) && is_in6(endpoint);
}

/*
 * SO_REUSEADDR lets a restart bind a TCP port at once. For UDP it would let anybody bind
 * the port as well, and take its datagrams; an inherited socket may have it.
 *
 * IP_PKTINFO on IPv6 sockets too: an IPv4 datagram to a dual-stack socket then tells its
 * kind of destination (ipi_spec_dst), which IPV6_PKTINFO does not.
 */
static const struct preparation preparations[] = {
	{ is_tcp, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR" },
	{ is_other_stream, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR" },
	{ is_ip_dgram, SOL_SOCKET, SO_REUSEADDR, 0, "SO_REUSEADDR" },
	{ is_ip_dgram, SOL_SOCKET, SO_REUSEPORT, 0, "SO_REUSEPORT" },
	{ is_udp, IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO" },
	{ is_udp6, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO" },
};

static const int transient_errors[] = {
	EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EMFILE, ENETDOWN, ENETUNREACH, ENFILE,
	ENOBUFS,    ENODEV,        ENOENT, ENOMEM, ENOSPC,   ENXIO,
};

static int refuse(const struct endpoint *endpoint, int code, const char *what,
		  struct error *err)
{
	char name[ENDPOINT_TEXT_SIZE];

	return error_set_errno(err, code, "cannot %s '%s'", what,
			       endpoint_format(endpoint, name));
}

static int prepare(int fd, const struct endpoint *endpoint, struct error *err)
{
	for (size_t i = 0; i < sizeof(preparations) / sizeof(preparations[0]); i++) {
		const struct preparation *entry = &preparations[i];
		int rc = entry->applies(endpoint)
				 ? net_set_option(fd, entry->level, entry->name,
						  entry->value)
				 : 0;

		if (rc != 0) {
			(void)refuse(endpoint, rc, "prepare", err);
			error_prefix(err, "%s", entry->text);
			return rc;
		}
	}
	if (is_ip_dgram(endpoint))
		net_start_stamps(fd);
	return 0;
}

static int bind_inet(int fd, const struct endpoint *endpoint, struct error *err)
{
	int rc = 0;

	/* Explicit both ways: the default is a sysctl, ipv6(7) "bindv6only". */
	if (is_in6(endpoint))
		rc = net_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, endpoint->v6only);
	if (rc != 0)
		return refuse(endpoint, rc, "set IPV6_V6ONLY of", err);
	rc = net_bind_device(fd, endpoint->interface);
	if (rc != 0)
		return refuse(endpoint, rc, "bind to the interface of", err);
	if (bind(fd, &endpoint->addr.u.any, endpoint->addr.length) == -1)
		return refuse(endpoint, -errno, "bind", err);
	return 0;
}

/* Set both ways: a socket may come from somewhere else. */
static int set_options(int fd, const struct endpoint *endpoint, struct error *err)
{
	int rc;

	if (!is_tcp(endpoint))
		return 0;
	rc = net_set_option(fd, IPPROTO_TCP, TCP_NODELAY, endpoint->nodelay);
	if (rc == 0)
		rc = net_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, endpoint->keepalive);
	return rc == 0 ? 0 : refuse(endpoint, rc, "set the options of", err);
}

static int start_listening(int fd, const struct endpoint *endpoint)
{
	int backlog = endpoint->backlog > 0 ? endpoint->backlog : SOMAXCONN;

	return listen(fd, backlog) == -1 ? -errno : 0;
}

static int set_up(int fd, const struct endpoint *endpoint, struct error *err)
{
	bool is_unix = transport_is_unix(endpoint->transport);
	int rc = prepare(fd, endpoint, err);

	if (rc == 0)
		rc = is_unix ? unix_listener_bind(fd, endpoint, err)
			     : bind_inet(fd, endpoint, err);
	if (rc != 0 || !transport_is_stream(endpoint->transport))
		return rc;
	if (endpoint->nodelay || endpoint->keepalive)
		rc = set_options(fd, endpoint, err);
	if (rc == 0)
		rc = start_listening(fd, endpoint);
	if (rc != 0) {
		(void)refuse(endpoint, rc, "listen on", err);
		unix_listener_unbind(fd, endpoint);
	}
	return rc;
}

int listener_open(const struct endpoint *endpoint, int *ret_fd, struct error *err)
{
	return listener_open_screened(endpoint, NULL, ret_fd, err);
}

int listener_open_screened(const struct endpoint *endpoint,
			   const struct sock_fprog *filter, int *ret_fd,
			   struct error *err)
{
	int type =
		transport_socket_type(endpoint->transport) | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(addr_family(&endpoint->addr), type, endpoint->protocol);
	int rc;

	if (fd == -1)
		return refuse(endpoint, -errno, "make a socket for", err);
	rc = filter != NULL ? filter_put(fd, filter) : 0;
	rc = rc != 0 ? refuse(endpoint, rc, "screen", err) : set_up(fd, endpoint, err);
	if (rc != 0) {
		fd_close(&fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

bool listener_error_is_transient(int error)
{
	for (size_t i = 0; i < sizeof(transient_errors) / sizeof(transient_errors[0]);
	     i++) {
		if (transient_errors[i] == -error)
			return true;
	}
	return false;
}

int listener_adjust(int fd, const struct endpoint *endpoint, struct error *err)
{
	int rc = set_options(fd, endpoint, err);

	if (rc != 0)
		return rc;

	/* A paused listener takes its backlog when it is resumed: listen(2) now would
	 * resume it. */
	if (transport_is_stream(endpoint->transport) &&
	    net_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1) {
		rc = start_listening(fd, endpoint);
		if (rc != 0)
			return refuse(endpoint, rc, "set the backlog of", err);
	}
	return unix_listener_apply(fd, endpoint, err);
}

static bool same_interface(int fd, const struct endpoint *endpoint)
{
	char name[IFNAMSIZ] = "";
	socklen_t length = sizeof(name);

	if (!is_inet(endpoint))
		return true;
	/* The scope of a link-local address binds as well, see __inet6_bind(): then a
	 * name here is no narrower than what was asked for. */
	if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == -1)
		return false;
	if (endpoint->interface[0] == '\0' && is_in6(endpoint) &&
	    endpoint->addr.u.in6.sin6_scope_id != 0)
		return if_nametoindex(name) == endpoint->addr.u.in6.sin6_scope_id;
	return strncmp(name, endpoint->interface, sizeof(name)) == 0;
}

static bool same_address(int fd, const struct endpoint *endpoint)
{
	struct addr bound;

	if (net_local_addr(fd, &bound) != 0)
		return false;
	/* Bound to a device, a link-local address shows that one's scope even if it was
	 * given none. */
	if (is_in6(endpoint) && addr_family(&bound) == AF_INET6 &&
	    endpoint->addr.u.in6.sin6_scope_id == 0)
		bound.u.in6.sin6_scope_id = 0;
	/* raw(7): a raw socket shows its protocol there. */
	if (endpoint->transport == TRANSPORT_IP_RAW)
		addr_set_port(&bound, 0);
	return addr_equal(&bound, &endpoint->addr);
}

static bool same_protocol(int fd, const struct endpoint *endpoint)
{
	int protocol = endpoint->protocol;

	if (is_tcp(endpoint))
		protocol = IPPROTO_TCP;
	if (is_udp(endpoint))
		protocol = IPPROTO_UDP;
	return net_get_option(fd, SOL_SOCKET, SO_PROTOCOL) == protocol;
}

/* Bound to one IPv6 address a socket is IPV6_V6ONLY whatever was asked for. */
static bool same_families(int fd, const struct endpoint *endpoint)
{
	return !is_in6(endpoint) || !addr_is_wildcard(&endpoint->addr) ||
	       net_get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) ==
		       (endpoint->v6only ? 1 : 0);
}

bool listener_matches(int fd, const struct endpoint *endpoint)
{
	bool stream = transport_is_stream(endpoint->transport);

	return net_get_option(fd, SOL_SOCKET, SO_TYPE) ==
		       transport_socket_type(endpoint->transport) &&
	       net_get_option(fd, SOL_SOCKET, SO_DOMAIN) ==
		       addr_family(&endpoint->addr) &&
	       same_protocol(fd, endpoint) &&
	       net_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == (stream ? 1 : 0) &&
	       same_families(fd, endpoint) && same_interface(fd, endpoint) &&
	       same_address(fd, endpoint);
}

int listener_adopt(int fd, const struct endpoint *endpoint, struct error *err)
{
	int rc = fd_set_cloexec(fd, true);

	if (rc == 0)
		rc = fd_set_nonblock(fd, true);
	if (rc != 0)
		return refuse(endpoint, rc, "adopt", err);
	rc = prepare(fd, endpoint, err);
	return rc == 0 ? listener_adjust(fd, endpoint, err) : rc;
}

/* What is left after so many is not what was there at first. */
static int drop_queue(int fd)
{
	const struct addr nowhere = { .length = 0 };
	struct datagram first;
	int rc = -EBUSY;

	for (size_t i = 0; i < DROP_MAX; i++) {
		rc = datagram_peek(fd, &nowhere, &first);
		if (rc < 0)
			break;
		datagram_drop(fd);
	}
	return rc == -EAGAIN ? 0 : rc;
}

int listener_screen(int fd, const struct endpoint *endpoint,
		    const struct sock_fprog *filter, struct error *err)
{
	int rc = filter_put(fd, filter);

	if (rc == 0 && !transport_is_stream(endpoint->transport))
		rc = drop_queue(fd);
	if (rc == 0 && is_tcp(endpoint))
		rc = listener_pause(fd, endpoint);
	if (rc == 0 && is_tcp(endpoint))
		rc = listener_resume(fd, endpoint);
	/* Who waits on another listener cannot be sent away. */
	if (rc == 0 && is_other_stream(endpoint))
		rc = -EOPNOTSUPP;
	return rc == 0 ? 0 : refuse(endpoint, rc, "screen", err);
}

void listener_keep_alive(int fd, const struct endpoint *endpoint, int idle_s)
{
	if (!is_tcp(endpoint))
		return;
	(void)net_set_option(fd, SOL_SOCKET, SO_KEEPALIVE,
			     idle_s > 0 || endpoint->keepalive);
	if (idle_s > 0)
		(void)net_set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
}

int listener_pause(int fd, const struct endpoint *endpoint)
{
	int rc;

	if (endpoint->transport != TRANSPORT_TCP)
		return 0;
	if (addr_port(&endpoint->addr) == 0)
		return -EINVAL;
	/* Shut down twice, it would pass that on to each connection it accepts when it
	 * listens again (inet_shutdown(), Linux 6.18). */
	rc = net_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN);
	if (rc != 1)
		return rc;
	/* A closed socket with SO_REUSEADDR lets others with it bind the port, and
	 * listen(2) would then fail when the pause is over. */
	rc = net_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 0);
	if (rc == 0 && shutdown(fd, SHUT_RDWR) == -1 && errno != ENOTCONN)
		rc = -errno;
	return rc;
}

/*
 * A port that was not bound by number (SOCK_BINDPORT_LOCK) does not outlive shutdown(2),
 * and listen(2) would choose another: an inherited socket may be such a one. It cannot be
 * seen, getsockname(2) still shows the old port; but bind(2) says EINVAL if it is kept.
 */
static int keep_port(int fd, const struct endpoint *endpoint)
{
	if (bind(fd, &endpoint->addr.u.any, endpoint->addr.length) == -1 &&
	    errno != EINVAL)
		return -errno;
	return 0;
}

int listener_resume(int fd, const struct endpoint *endpoint)
{
	int rc;

	if (endpoint->transport != TRANSPORT_TCP)
		return 0;
	/* Needed again: connections taken before the pause still use the port. */
	rc = net_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rc == 0)
		rc = keep_port(fd, endpoint);
	return rc == 0 ? start_listening(fd, endpoint) : rc;
}
