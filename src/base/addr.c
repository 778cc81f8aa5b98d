/* SPDX-License-Identifier: ISC */
/*
 * Socket addresses as values. Numeric only: nothing here asks a name server. The one
 * outside question is the number or name of a network interface, for the scope of a
 * link-local address.
 */
#include "usherd/base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>

#include "usherd/base/text.h"
#include "usherd/base/units.h"

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)
#define PATH_SIZE   sizeof(((struct sockaddr_un *)NULL)->sun_path)
#define SHOWN_SIZE  64 /* of the refused text in a message */

static const char no_address[] = "<no address>";

static int refuse(struct error *err, int code, const char *text, const char *expected)
{
	char shown[SHOWN_SIZE];

	return error_set(err, code, "expected %s, got '%s'", expected,
			 text_escape(shown, sizeof(shown), text));
}

static bool is_mapped(const struct addr *addr)
{
	return addr_family(addr) == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&addr->u.in6.sin6_addr);
}

static bool may_have_scope(const struct in6_addr *address)
{
	return IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MC_LINKLOCAL(address) ||
	       IN6_IS_ADDR_MC_NODELOCAL(address);
}

/* The interface called @text, or numbered so. 0 when there is none. */
static uint32_t parse_scope(const char *text)
{
	uint64_t number;

	if (units_parse_unsigned(text, 1, UINT32_MAX, &number, NULL) == 0)
		return (uint32_t)number;
	return if_nametoindex(text);
}

/* 0, or -EINVAL with @ret in any state. */
static int parse_in6(const char *text, uint16_t port, struct addr *ret)
{
	char host[INET6_ADDRSTRLEN];
	const char *percent = strchr(text, '%');
	size_t length = percent == NULL ? strlen(text) : (size_t)(percent - text);
	struct sockaddr_in6 *in6 = &ret->u.in6;

	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
		return -EINVAL;
	if (percent != NULL) {
		if (!may_have_scope(&in6->sin6_addr))
			return -EINVAL;
		in6->sin6_scope_id = parse_scope(percent + 1);
		if (in6->sin6_scope_id == 0)
			return -EINVAL;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	ret->length = sizeof(*in6);
	addr_normalise(ret);
	return 0;
}

int addr_parse_ip(const char *text, uint16_t port, struct addr *ret, struct error *err)
{
	struct addr found = { 0 };

	if (inet_pton(AF_INET, text, &found.u.in.sin_addr) == 1) {
		found.u.in.sin_family = AF_INET;
		found.u.in.sin_port = htons(port);
		found.length = sizeof(found.u.in);
	} else {
		found = (struct addr){ 0 };
		if (parse_in6(text, port, &found) != 0)
			return refuse(err, -EINVAL, text,
				      "an IPv4 or IPv6 address in numbers");
	}
	*ret = found;
	return 0;
}

int addr_parse_unix(const char *text, struct addr *ret, struct error *err)
{
	struct addr found = { 0 };
	size_t length = strlen(text);
	bool abstract = text[0] == '@';

	if ((text[0] != '/' && !abstract) || length < 2)
		return refuse(err, -EINVAL, text, "an absolute path or @name");
	/* A path needs its NUL in the address; the @ of a name is one, unix(7). */
	if (length > PATH_SIZE - (abstract ? 0 : 1))
		return refuse(err, -ENAMETOOLONG, text,
			      "a UNIX socket name of at most 107 bytes");
	found.u.un.sun_family = AF_UNIX;
	memcpy(found.u.un.sun_path, text, length);
	if (abstract)
		found.u.un.sun_path[0] = '\0';
	found.length = (socklen_t)(PATH_OFFSET + length + (abstract ? 0 : 1));
	*ret = found;
	return 0;
}

int addr_family(const struct addr *addr)
{
	size_t need = sizeof(sa_family_t);

	if (addr->length < need)
		return AF_UNSPEC;
	if (addr->u.any.sa_family == AF_INET)
		need = sizeof(struct sockaddr_in);
	else if (addr->u.any.sa_family == AF_INET6)
		need = sizeof(struct sockaddr_in6);
	return addr->length < need ? AF_UNSPEC : addr->u.any.sa_family;
}

uint16_t addr_port(const struct addr *addr)
{
	switch (addr_family(addr)) {
	case AF_INET:
		return ntohs(addr->u.in.sin_port);
	case AF_INET6:
		return ntohs(addr->u.in6.sin6_port);
	default:
		return 0;
	}
}

void addr_set_port(struct addr *addr, uint16_t port)
{
	if (addr_family(addr) == AF_INET)
		addr->u.in.sin_port = htons(port);
	else if (addr_family(addr) == AF_INET6)
		addr->u.in6.sin6_port = htons(port);
}

bool addr_is_wildcard(const struct addr *addr)
{
	struct addr plain = *addr;

	addr_normalise(&plain);
	if (addr_family(&plain) == AF_INET)
		return plain.u.in.sin_addr.s_addr == htonl(INADDR_ANY);
	return addr_family(&plain) == AF_INET6 &&
	       IN6_IS_ADDR_UNSPECIFIED(&plain.u.in6.sin6_addr);
}

void addr_normalise(struct addr *addr)
{
	struct addr plain = { 0 };

	if (!is_mapped(addr))
		return;
	plain.u.in.sin_family = AF_INET;
	plain.u.in.sin_port = addr->u.in6.sin6_port;
	memcpy(&plain.u.in.sin_addr, &addr->u.in6.sin6_addr.s6_addr[12], 4);
	plain.length = sizeof(plain.u.in);
	*addr = plain;
}

/* Bytes of the name after the family. 0: the socket has no name. */
static size_t unix_name_length(const struct addr *addr)
{
	size_t length = addr->length > PATH_OFFSET ? addr->length - PATH_OFFSET : 0;

	if (length > PATH_SIZE)
		length = PATH_SIZE;
	/* A path ends at its NUL, which the kernel may or may not count, unix(7). */
	if (length > 0 && addr->u.un.sun_path[0] != '\0')
		length = strnlen(addr->u.un.sun_path, length);
	return length;
}

static bool unix_equal(const struct addr *a, const struct addr *b)
{
	size_t length = unix_name_length(a);

	return length == unix_name_length(b) &&
	       memcmp(a->u.un.sun_path, b->u.un.sun_path, length) == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	struct addr left = *a;
	struct addr right = *b;
	int family;

	addr_normalise(&left);
	addr_normalise(&right);
	family = addr_family(&left);
	if (family != addr_family(&right) || addr_port(&left) != addr_port(&right))
		return false;
	switch (family) {
	case AF_UNSPEC:
		return true;
	case AF_INET:
		return left.u.in.sin_addr.s_addr == right.u.in.sin_addr.s_addr;
	case AF_INET6:
		return left.u.in6.sin6_scope_id == right.u.in6.sin6_scope_id &&
		       IN6_ARE_ADDR_EQUAL(&left.u.in6.sin6_addr, &right.u.in6.sin6_addr);
	case AF_UNIX:
		return unix_equal(&left, &right);
	default:
		return false;
	}
}

/* inet_ntop(3) takes printf(3) to do this. */
static void add_in(struct text *text, const struct sockaddr_in *in)
{
	uint32_t bits = ntohl(in->sin_addr.s_addr);

	for (int shift = 24; shift >= 0; shift -= 8) {
		text_add_number(text, bits >> shift & 0xff);
		if (shift > 0)
			text_add(text, ".");
	}
}

static void add_in6(struct text *text, const struct sockaddr_in6 *in6)
{
	char host[INET6_ADDRSTRLEN];
	char name[IF_NAMESIZE];

	text_add(text, inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host)));
	if (in6->sin6_scope_id == 0)
		return;
	if (if_indextoname(in6->sin6_scope_id, name) != NULL)
		text_addf(text, "%%%s", name);
	else
		text_addf(text, "%%%u", in6->sin6_scope_id);
}

/* With its spaces escaped too, so that a name is one word of a log line. */
static void add_name(struct text *text, const char *name, size_t length)
{
	static const char escaped[] = "\\x20";

	for (size_t i = 0; i < length; i++) {
		if (name[i] != ' ')
			text_add_escaped(text, name + i, 1);
		else if (text->size - text->length < sizeof(escaped))
			text->truncated = true; /* no half escape, as there */
		else
			text_add(text, escaped);
	}
}

static void add_unix(struct text *text, const struct addr *addr)
{
	const char *name = addr->u.un.sun_path;
	size_t length = unix_name_length(addr);

	if (length > 0 && name[0] == '\0') {
		text_add(text, "@");
		add_name(text, name + 1, length - 1);
	} else if (length > 0 && name[0] == '/') {
		add_name(text, name, length);
	} else {
		/* A client may bind to "192.0.2.1" in its directory: names nothing here.
		 */
		text_add(text, no_address);
	}
}

static void add_host(struct text *text, const struct addr *addr)
{
	struct addr plain = *addr;

	addr_normalise(&plain);
	switch (addr_family(&plain)) {
	case AF_INET:
		add_in(text, &plain.u.in);
		break;
	case AF_INET6:
		add_in6(text, &plain.u.in6);
		break;
	case AF_UNIX:
		add_unix(text, &plain);
		break;
	default:
		text_add(text, no_address);
		break;
	}
}

const char *addr_format_host(const struct addr *addr, char buffer[ADDR_TEXT_SIZE])
{
	struct text text;

	text_init(&text, buffer, ADDR_TEXT_SIZE);
	add_host(&text, addr);
	return buffer;
}

const char *addr_format(const struct addr *addr, char buffer[ADDR_TEXT_SIZE])
{
	bool brackets = addr_family(addr) == AF_INET6 && !is_mapped(addr);
	struct text text;

	text_init(&text, buffer, ADDR_TEXT_SIZE);
	if (brackets)
		text_add(&text, "[");
	add_host(&text, addr);
	if (brackets)
		text_add(&text, "]");
	if (addr_family(addr) == AF_INET || addr_family(addr) == AF_INET6)
		text_addf(&text, ":%u", addr_port(addr));
	return buffer;
}
