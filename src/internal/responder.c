/* SPDX-License-Identifier: ISC */
/*
 * Answers datagrams, or rather decides which ones not to answer: the sender's address of
 * a datagram proves nothing, and an answer to a forged one hits somebody else or starts
 * two services talking to each other for ever (CERT advisory CA-1996-01). Does not look
 * at access lists: that is guard's.
 */
#include "usherd/internal/responder.h"

/*
 * Ports whose owners answer whatever they get, so that an answer to them would come
 * back. Most are below 1024, where no ordinary client sends from; ascending.
 */
static const uint16_t answering_ports[] = {
	7,    /* echo */
	9,    /* discard */
	11,   /* systat */
	13,   /* daytime */
	17,   /* qotd */
	18,   /* msp */
	19,   /* chargen */
	37,   /* time */
	53,   /* domain */
	67,   /* bootps */
	69,   /* tftp */
	88,   /* kerberos */
	111,  /* sunrpc */
	123,  /* ntp */
	137,  /* netbios-ns */
	138,  /* netbios-dgm */
	161,  /* snmp */
	177,  /* xdmcp */
	389,  /* ldap */
	427,  /* svrloc */
	464,  /* kpasswd */
	500,  /* isakmp */
	514,  /* syslog */
	517,  /* talk */
	518,  /* ntalk */
	520,  /* router */
	521,  /* ripng */
	623,  /* asf-rmcp */
	750,  /* kerberos4 */
	1434, /* ms-sql-m */
	1900, /* ssdp */
	2049, /* nfs */
	3702, /* ws-discovery */
	5351, /* nat-pmp */
	5353, /* mdns */
	5683, /* coap */
	11211 /* memcache */
};

static bool port_answers(uint16_t port)
{
	/* From the end: where a client's port usually is, nothing is passed on the way.
	 */
	size_t i = sizeof(answering_ports) / sizeof(answering_ports[0]);

	while (i > 0 && answering_ports[i - 1] > port)
		i--;
	return i > 0 && answering_ports[i - 1] == port;
}

/* Broadcast addresses of a subnet are not known here; the kernel refuses to send there
 * (socket(7) SO_BROADCAST). */
static bool is_one_host(const struct addr *addr)
{
	if (addr_is_wildcard(addr))
		return false;
	if (addr_family(addr) == AF_INET6)
		return !IN6_IS_ADDR_MULTICAST(&addr->u.in6.sin6_addr);
	/* 0.0.0.0/8 is nobody; 224.0.0.0 and up is multicast, reserved and broadcast. */
	uint32_t first = ntohl(addr->u.in.sin_addr.s_addr) >> 24;
	return first != 0 && first < 224;
}

bool responder_may_answer(const struct datagram *request)
{
	const struct addr *peer = &request->peer;

	if (peer->length == 0 || request->multicast || addr_equal(peer, &request->local))
		return false;
	int family = addr_family(peer);
	if (family == AF_UNIX)
		return true;
	if (family != AF_INET && family != AF_INET6)
		return false;
	uint16_t port = addr_port(peer);
	return port != 0 && port != addr_port(&request->local) && !port_answers(port) &&
	       is_one_host(peer);
}

void responder_ports_add(struct responder_ports *ports, uint16_t port)
{
	ports->bits[port / 8] |= (uint8_t)(1U << port % 8);
}

bool responder_ports_has(const struct responder_ports *ports, uint16_t port)
{
	return (ports->bits[port / 8] & 1U << port % 8) != 0;
}

bool responder_ports_sent(const struct responder_ports *ports,
			  const struct datagram *request)
{
	return responder_ports_has(ports, addr_port(&request->peer));
}

ssize_t responder_answer(const struct builtin *builtin, const struct datagram *request,
			 uint8_t *reply, size_t size, const struct builtin_moment *moment)
{
	if (builtin->answer == NULL || !responder_may_answer(request))
		return -1;
	return builtin->answer(request->data, request->length, reply, size, moment);
}
