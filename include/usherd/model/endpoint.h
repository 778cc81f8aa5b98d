/* SPDX-License-Identifier: ISC */
/* Where a service is reached: one socket to be bound. A value. */
#ifndef USHERD_MODEL_ENDPOINT_H
#define USHERD_MODEL_ENDPOINT_H

#include <net/if.h>
#include <stdbool.h>
#include <sys/types.h>

#include "usherd/base/addr.h"

enum transport {
	TRANSPORT_TCP,
	TRANSPORT_UDP,
	TRANSPORT_UNIX_STREAM,
	TRANSPORT_UNIX_DGRAM,
	/* From here on for programs alone, with workers that never have them. */
	TRANSPORT_UNIX_SEQPACKET,
	TRANSPORT_IP_STREAM, /* of another protocol than TCP, and so on */
	TRANSPORT_IP_SEQPACKET,
	TRANSPORT_IP_DGRAM,
	TRANSPORT_IP_RAW,
};

struct endpoint {
	enum transport transport;
	int protocol;             /* with TRANSPORT_IP_*: of socket(2); else 0 */
	struct addr addr;         /* a raw socket has no port: 0 */
	char interface[IFNAMSIZ]; /* empty: any */
	bool v6only;
	int backlog;    /* stream sockets */
	bool nodelay;   /* TCP_NODELAY, which connections inherit */
	bool keepalive; /* SO_KEEPALIVE, likewise */
	uid_t owner;    /* UNIX paths; (uid_t)-1 leaves the creator's */
	gid_t group;    /* likewise */
	mode_t mode;    /* UNIX paths */
	/* The kernel chooses the port (0 until it has) for the service of this hash, not
	 * 0. 0: the port is as configured. */
	uint64_t chosen_for;
};

bool transport_is_stream(enum transport transport);
bool transport_is_unix(enum transport transport);
bool transport_is_ip_other(enum transport transport); /* TRANSPORT_IP_* */
int transport_socket_type(enum transport transport);  /* SOCK_STREAM ... */
const char *transport_name(enum transport transport); /* "tcp", "udp", "unix" ... */

/* True when one socket can serve as the other: everything but backlog, options,
 * owner, group and mode, which can be changed on an open socket, and a port that the
 * kernel has chosen for the same service. */
bool endpoint_same_socket(const struct endpoint *a, const struct endpoint *b);

/* True when the kernel would refuse the second of the two: ip(7), ipv6(7) IPV6_V6ONLY. Of
 * raw sockets there may be any number. */
bool endpoint_clashes(const struct endpoint *a, const struct endpoint *b);

/* "tcp 127.0.0.1:21", "udp [::]:69 eth0", "unix /run/x.sock"; another protocol by its
 * number: "stream/132 127.0.0.1:21", "raw/1 0.0.0.0". */
#define ENDPOINT_TEXT_SIZE (ADDR_TEXT_SIZE + 64)
const char *endpoint_format(const struct endpoint *endpoint,
			    char buffer[ENDPOINT_TEXT_SIZE]);

#endif
