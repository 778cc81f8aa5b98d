/* SPDX-License-Identifier: ISC */
/*
 * Endpoints and transports as values. Sockets are made from them in net; who serves them
 * is not known here.
 */
#include "usherd/model/endpoint.h"

#include <string.h>

#include "usherd/base/text.h"

static const struct {
	const char *name;
	int type;
	bool is_unix;
	bool is_ip_other;
} transports[] = {
	[TRANSPORT_TCP] = { "tcp", SOCK_STREAM, false, false },
	[TRANSPORT_UDP] = { "udp", SOCK_DGRAM, false, false },
	[TRANSPORT_UNIX_STREAM] = { "unix", SOCK_STREAM, true, false },
	[TRANSPORT_UNIX_DGRAM] = { "unix-dgram", SOCK_DGRAM, true, false },
	[TRANSPORT_UNIX_SEQPACKET] = { "unix-seqpacket", SOCK_SEQPACKET, true, false },
	[TRANSPORT_IP_STREAM] = { "stream", SOCK_STREAM, false, true },
	[TRANSPORT_IP_SEQPACKET] = { "seqpacket", SOCK_SEQPACKET, false, true },
	[TRANSPORT_IP_DGRAM] = { "dgram", SOCK_DGRAM, false, true },
	[TRANSPORT_IP_RAW] = { "raw", SOCK_RAW, false, true },
};

bool transport_is_stream(enum transport transport)
{
	int type = transports[transport].type;

	return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

bool transport_is_unix(enum transport transport)
{
	return transports[transport].is_unix;
}

bool transport_is_ip_other(enum transport transport)
{
	return transports[transport].is_ip_other;
}

int transport_socket_type(enum transport transport)
{
	return transports[transport].type;
}

const char *transport_name(enum transport transport)
{
	return transports[transport].name;
}

bool endpoint_same_socket(const struct endpoint *a, const struct endpoint *b)
{
	struct addr addr = b->addr;

	if (a->chosen_for != b->chosen_for)
		return false;
	if (a->chosen_for != 0)
		addr_set_port(&addr, (uint16_t)addr_port(&a->addr));
	return a->transport == b->transport && a->protocol == b->protocol &&
	       a->v6only == b->v6only && strcmp(a->interface, b->interface) == 0 &&
	       addr_equal(&a->addr, &addr);
}

static bool is_dual_stack(const struct endpoint *endpoint)
{
	return addr_family(&endpoint->addr) == AF_INET6 && !endpoint->v6only;
}

bool endpoint_clashes(const struct endpoint *a, const struct endpoint *b)
{
	bool same_family = addr_family(&a->addr) == addr_family(&b->addr);

	/* The kernel chooses what is free. */
	if (a->chosen_for != 0 || b->chosen_for != 0)
		return false;
	if (a->transport == TRANSPORT_IP_RAW || a->protocol != b->protocol)
		return false;
	if (a->transport != b->transport || addr_port(&a->addr) != addr_port(&b->addr) ||
	    strcmp(a->interface, b->interface) != 0)
		return false;
	if (addr_is_wildcard(&a->addr) && addr_is_wildcard(&b->addr))
		return same_family || is_dual_stack(a) || is_dual_stack(b);
	return same_family && addr_equal(&a->addr, &b->addr);
}

const char *endpoint_format(const struct endpoint *endpoint,
			    char buffer[ENDPOINT_TEXT_SIZE])
{
	char address[ADDR_TEXT_SIZE];
	struct text text;

	text_init(&text, buffer, ENDPOINT_TEXT_SIZE);
	text_add(&text, transport_name(endpoint->transport));
	if (transport_is_ip_other(endpoint->transport))
		text_addf(&text, "/%d", endpoint->protocol);
	text_addf(&text, " %s",
		  endpoint->transport == TRANSPORT_IP_RAW
			  ? addr_format_host(&endpoint->addr, address)
			  : addr_format(&endpoint->addr, address));
	if (endpoint->interface[0] != '\0') {
		text_add(&text, " ");
		text_add_escaped(&text, endpoint->interface, strlen(endpoint->interface));
	}
	return buffer;
}
