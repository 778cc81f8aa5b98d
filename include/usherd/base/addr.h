/* SPDX-License-Identifier: ISC */
/*
 * Socket addresses and address prefixes as values.
 *
 * An IPv4-mapped IPv6 address (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2) stands for
 * its IPv4 address everywhere: it is formatted, compared and matched as that.
 */
#ifndef USHERD_BASE_ADDR_H
#define USHERD_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "usherd/base/error.h"

#define ADDR_TEXT_SIZE 160

struct addr {
	socklen_t length; /* 0: no address */
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
};

/* Numeric IPv4 or IPv6, link-local with a %scope if given (name or number of an
 * interface); no name look-up. A mapped address gives the plain one. 0 or -EINVAL. */
int addr_parse_ip(const char *text, uint16_t port, struct addr *ret, struct error *err);

/* An absolute UNIX path, or "@name" for the abstract namespace. 0 or -ENAMETOOLONG /
 * -EINVAL. */
int addr_parse_unix(const char *text, struct addr *ret, struct error *err);

int addr_family(const struct addr *addr);    /* AF_UNSPEC when there is none */
uint16_t addr_port(const struct addr *addr); /* host order, 0 where there is none */
void addr_set_port(struct addr *addr, uint16_t port);
bool addr_is_wildcard(const struct addr *addr);

/* Turn an IPv4-mapped address into the plain IPv4 one, in place. */
void addr_normalise(struct addr *addr);

/* Same family, address, port (and scope, path); mapped equals plain. */
bool addr_equal(const struct addr *a, const struct addr *b);

/* Numeric host without port ("192.0.2.1", "2001:db8::1", "fe80::1%eth0"); the path or
 * "@name" for UNIX, escaped, spaces as \x20; "<no address>" where there is none, and for
 * a UNIX name that is no absolute path, as a client might choose "192.0.2.1". Returns
 * @buffer. */
const char *addr_format_host(const struct addr *addr, char buffer[ADDR_TEXT_SIZE]);

/* As above with the port: "192.0.2.1:21", "[2001:db8::1]:21". */
const char *addr_format(const struct addr *addr, char buffer[ADDR_TEXT_SIZE]);

/*
 * A block of addresses. IPv4 is kept in its mapped form, so bits counts from 96 up for
 * it. Bytes past the prefix are zero.
 */
struct prefix {
	uint8_t bytes[16];
	uint8_t bits; /* 0 to 128 */
	bool ipv4;
};

/* "192.0.2.0/24", "2001:db8::/32", a lone address (/32, /128). Host bits are an error
 * of no kind: they are cleared. No scope. 0 or -EINVAL. */
int prefix_parse(const char *text, struct prefix *ret, struct error *err);

/* As prefix_parse() reads it; a lone address without "/32", "/128". Returns @buffer. */
const char *prefix_format(const struct prefix *prefix, char buffer[ADDR_TEXT_SIZE]);

/* The block that @addr lies in: @ipv4_bits (0-32) or @ipv6_bits (0-128) long. False for
 * an address that is neither. */
bool prefix_of(const struct addr *addr, unsigned ipv4_bits, unsigned ipv6_bits,
	       struct prefix *ret);
bool prefix_equal(const struct prefix *a, const struct prefix *b);

#endif
