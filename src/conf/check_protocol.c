/* SPDX-License-Identifier: ISC */
/*
 * Which protocols and types of sockets go together, and with what else. Whether this
 * machine has them shows when the socket is made.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"

/* To a raw socket TCP and UDP are numbers like any other. */
static void number_raw(struct draft *draft)
{
	struct service *service = draft->service;
	const bool tcp = service->protocols == SERVICE_TCP;

	if (service->socket_type != SERVICE_RAW ||
	    (!tcp && service->protocols != SERVICE_UDP))
		return;
	service->protocol_name = strdup(tcp ? "tcp" : "udp");
	if (service->protocol_name == NULL) {
		draft_complain(draft, NULL, "out of memory");
		return;
	}
	service->protocol_number = tcp ? IPPROTO_TCP : IPPROTO_UDP;
	service->protocols = SERVICE_IP;
}

static void check_combination(struct draft *draft)
{
	const struct service *service = draft->service;
	unsigned protocols = service->protocols;

	if ((protocols & SERVICE_UNIX) != 0 && protocols != SERVICE_UNIX)
		draft_complain(draft, "protocol",
			       "unix cannot be combined with other protocols");
	else if ((protocols & SERVICE_IP) != 0 && protocols != SERVICE_IP)
		draft_complain(draft, "protocol",
			       "%s cannot be combined with other protocols",
			       service->protocol_name);
}

static void check_socket_type(struct draft *draft)
{
	const struct service *service = draft->service;
	unsigned protocols = service->protocols;
	enum service_socket type = service->socket_type;

	if (type == SERVICE_STREAM && (protocols & SERVICE_UDP) != 0)
		draft_complain(draft, "socket_type", "udp has no stream sockets");
	if (type == SERVICE_DGRAM && (protocols & SERVICE_TCP) != 0)
		draft_complain(draft, "socket_type", "tcp has no dgram sockets");
	if (type == SERVICE_RAW && protocols != SERVICE_IP)
		draft_complain(draft, "socket_type",
			       "a raw socket needs one protocol of IP");
	if (type == SERVICE_SEQPACKET && (protocols & (SERVICE_TCP | SERVICE_UDP)) != 0)
		draft_complain(draft, "socket_type",
			       "tcp and udp have no seqpacket sockets");
	if (type == SERVICE_SOCKET_DEFAULT && protocols == SERVICE_IP)
		draft_complain(
			draft, "protocol",
			"protocol = %s needs socket_type: stream, seqpacket, dgram "
			"or raw",
			service->protocol_name);
}

/* Only what is accepted can be told apart by usherd; and workers, and whoever follows
 * what a client says, know the protocols that they have been made for. */
static void check_use(struct draft *draft)
{
	const struct service *service = draft->service;
	const bool other = service->protocols == SERVICE_IP;
	const bool packets = service->socket_type == SERVICE_SEQPACKET;

	if (!other && !packets)
		return;
	if (service_is_internal(service) || service->policy.trap)
		draft_complain(draft, other ? "protocol" : "socket_type",
			       "only a program can be served by %s",
			       other ? service->protocol_name : "seqpacket sockets");
	else if (other && !service->wait && service->socket_type > SERVICE_STREAM)
		draft_complain(draft, "wait", "%s sockets of %s need wait = yes",
			       service->socket_type == SERVICE_RAW ? "raw"
			       : packets                           ? "seqpacket"
								   : "dgram",
			       service->protocol_name);
}

void check_protocol(struct draft *draft)
{
	/* Whatever was wrong with one of them has been said. */
	if ((draft_find(draft, "protocol") != NULL &&
	     !draft_is_good(draft, "protocol")) ||
	    (draft_find(draft, "socket_type") != NULL &&
	     !draft_is_good(draft, "socket_type")))
		return;
	if (draft->service->socket_type > SERVICE_DGRAM &&
	    draft_find(draft, "protocol") == NULL) {
		draft_complain(draft, "socket_type", "this socket_type needs protocol");
		return;
	}
	number_raw(draft);
	check_combination(draft);
	check_socket_type(draft);
	check_use(draft);
}
