/* SPDX-License-Identifier: ISC */
/*
 * Addresses and ports of a service into endpoints, one for each socket. Nothing is bound
 * here.
 */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_internal.h"
#include "usherd/base/hash.h"

/* The addresses of one service before they meet its ports. */
struct addresses {
	struct addr *items; /* owned */
	size_t count;
};

static int add_address(struct addresses *list, const struct addr *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (addr_equal(&list->items[i], address) &&
		    addr_family(&list->items[i]) == addr_family(address))
			return 0;
	struct addr *items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	list->items = items;
	list->items[list->count++] = *address;
	return 0;
}

/* Is @family one of those that the flags ask for? Both or none of them means any. */
static bool takes_family(const struct service *service, int family)
{
	const unsigned both = SERVICE_IPV4 | SERVICE_IPV6;
	unsigned asked = service->flags & both;
	return asked == 0 || asked == both ||
	       asked == (family == AF_INET6 ? SERVICE_IPV6 : SERVICE_IPV4);
}

/* '*': one socket for both families where IPv6 exists. */
static int add_wildcard(const struct draft *draft, struct addresses *list)
{
	struct addr address;
	/* No raw socket is for both. */
	bool both = draft->build->ipv6 && draft->service->socket_type != SERVICE_RAW;
	bool ipv6 = (both || draft->service->v6only ||
		     !takes_family(draft->service, AF_INET)) &&
		    takes_family(draft->service, AF_INET6);
	int result = addr_parse_ip(ipv6 ? "::" : "0.0.0.0", 0, &address, NULL);
	return result < 0 ? result : add_address(list, &address);
}

static int add_host(const struct draft *draft, const char *name, struct addresses *list)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int status = getaddrinfo(name, NULL, &hints, &found);
	if (status == EAI_MEMORY)
		return -ENOMEM;
	if (status != 0) {
		draft_complain(draft, "bind",
			       "bind: '%s' is no address, and looking it up failed: %s",
			       name, gai_strerror(status));
		return 0;
	}
	int result = 0;
	for (const struct addrinfo *at = found; at != NULL && result == 0;
	     at = at->ai_next) {
		struct addr address = { .length = at->ai_addrlen };
		if (at->ai_addrlen > sizeof(address.u) ||
		    !takes_family(draft->service, at->ai_family))
			continue;
		memcpy(&address.u, at->ai_addr, at->ai_addrlen);
		result = add_address(list, &address);
	}
	freeaddrinfo(found);
	if (result == 0 && list->count == 0)
		draft_complain(draft, "bind",
			       "bind: '%s' has no address of the family that flags ask "
			       "for",
			       name);
	return result;
}

static bool is_path(const char *text)
{
	return text[0] == '/' || text[0] == '@';
}

static int add_inet(const struct draft *draft, const char *text, struct addresses *list)
{
	struct addr address;
	if (strcmp(text, "*") == 0)
		return add_wildcard(draft, list);
	if (is_path(text)) {
		draft_complain(draft, "bind",
			       "bind: '%s' is a path, which needs protocol = unix", text);
		return 0;
	}
	if (addr_parse_ip(text, 0, &address, NULL) != 0)
		return add_host(draft, text, list);
	if (takes_family(draft->service, addr_family(&address)))
		return add_address(list, &address);
	draft_complain(draft, "bind",
		       "bind: '%s' is not of the family that flags ask for", text);
	return 0;
}

static int add_unix(const struct draft *draft, const char *text, struct addresses *list)
{
	struct addr address;
	struct error err = { 0 };
	if (!is_path(text)) {
		draft_complain(draft, "bind",
			       "bind: '%s' is neither an absolute path nor an @name, as "
			       "protocol = unix needs",
			       text);
		return 0;
	}
	int result = addr_parse_unix(text, &address, &err);
	if (result == 0)
		return add_address(list, &address);
	draft_complain(draft, "bind", "bind: %s", err.text);
	return result == -ENOMEM ? result : 0;
}

static int collect_addresses(const struct draft *draft, struct addresses *list)
{
	const struct service *service = draft->service;
	bool path = (service->protocols & SERVICE_UNIX) != 0;
	int result = 0;
	if (service->bind.count == 0 && path)
		draft_complain(draft, NULL,
			       "protocol = unix needs bind with at least one path");
	else if (service->bind.count == 0)
		result = add_wildcard(draft, list);
	for (size_t i = 0; i < service->bind.count && result == 0; i++)
		result = path ? add_unix(draft, service->bind.items[i], list)
			      : add_inet(draft, service->bind.items[i], list);
	return result;
}

static struct endpoint make_endpoint(const struct service *service,
				     enum transport transport, const struct addr *address)
{
	struct endpoint endpoint = { .transport = transport,
				     .protocol = service->protocol_number,
				     .addr = *address,
				     .backlog = service->backlog,
				     .owner = (uid_t)-1,
				     .group = (gid_t)-1,
				     .mode = service->socket_mode };
	memcpy(endpoint.interface, service->interface, sizeof(endpoint.interface));
	endpoint.nodelay = (service->flags & SERVICE_NODELAY) != 0;
	endpoint.keepalive = (service->flags & SERVICE_KEEPALIVE) != 0;
	endpoint.v6only = service->v6only && addr_family(address) == AF_INET6;
	return endpoint;
}

/* What a service without a port gets: one that the kernel chooses; and a raw socket,
 * which has none. */
static const struct port_range any_port = { 0, 0 };

static const struct port_range *ranges_of(const struct service *service,
					  size_t *ret_count)
{
	bool any = service->socket_type == SERVICE_RAW ||
		   (service->port_count == 0 && service_is_rpc(service));
	*ret_count = any ? 1 : service->port_count;
	return any ? &any_port : service->ports;
}

static void fill_range(struct service *service, enum transport transport,
		       const struct addr *address, const struct port_range *range)
{
	for (unsigned port = range->first; port <= range->last; port++) {
		struct endpoint endpoint = make_endpoint(service, transport, address);
		addr_set_port(&endpoint.addr, (uint16_t)port);
		if (port == 0 && service_is_rpc(service))
			endpoint.chosen_for =
				hash_add(HASH_START, service->id, strlen(service->id)) |
				1;
		service->endpoints[service->endpoint_count++] = endpoint;
	}
}

static enum transport other_transport(const struct service *service)
{
	static const enum transport transports[] = {
		[SERVICE_SOCKET_DEFAULT] = TRANSPORT_IP_STREAM,
		[SERVICE_STREAM] = TRANSPORT_IP_STREAM,
		[SERVICE_DGRAM] = TRANSPORT_IP_DGRAM,
		[SERVICE_RAW] = TRANSPORT_IP_RAW,
		[SERVICE_SEQPACKET] = TRANSPORT_IP_SEQPACKET,
	};
	return transports[service->socket_type];
}

static void fill_inet(struct service *service, const struct addresses *list)
{
	const struct {
		unsigned protocol;
		enum transport transport;
	} kinds[] = { { SERVICE_TCP, TRANSPORT_TCP },
		      { SERVICE_UDP, TRANSPORT_UDP },
		      { SERVICE_IP, other_transport(service) } };

	size_t count;
	const struct port_range *ranges = ranges_of(service, &count);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (size_t p = 0; p < count; p++)
			for (size_t a = 0; a < list->count; a++)
				if ((service->protocols & kinds[k].protocol) != 0)
					fill_range(service, kinds[k].transport,
						   &list->items[a], &ranges[p]);
}

static enum transport unix_transport(const struct service *service)
{
	if (service->socket_type == SERVICE_SEQPACKET)
		return TRANSPORT_UNIX_SEQPACKET;
	return service->socket_type == SERVICE_DGRAM ? TRANSPORT_UNIX_DGRAM
						     : TRANSPORT_UNIX_STREAM;
}

static void fill_unix(struct draft *draft, const struct addresses *list)
{
	struct identities *identities = &draft->build->identities;
	struct service *service = draft->service;
	enum transport transport = unix_transport(service);
	struct credentials owner = { .uid = (uid_t)-1 };
	gid_t group = (gid_t)-1;
	struct error err = { 0 };
	if (service->socket_owner != NULL &&
	    identity_user(identities, service->socket_owner, &owner, &err) < 0)
		draft_complain(draft, "socket_owner", "socket_owner: %s", err.text);
	if (service->socket_group != NULL &&
	    identity_group(identities, service->socket_group, &group, &err) < 0)
		draft_complain(draft, "socket_group", "socket_group: %s", err.text);
	for (size_t i = 0; i < list->count; i++) {
		struct endpoint endpoint =
			make_endpoint(service, transport, &list->items[i]);
		endpoint.owner = owner.uid;
		endpoint.group = group;
		service->endpoints[service->endpoint_count++] = endpoint;
	}
}

/* How many there will be; the ranges are small enough for the product not to wrap. */
static size_t count_endpoints(const struct service *service, size_t addresses)
{
	if ((service->protocols & SERVICE_UNIX) != 0)
		return addresses;
	size_t count;
	const struct port_range *ranges = ranges_of(service, &count);
	size_t ports = 0;
	for (size_t i = 0; i < count; i++)
		ports += (size_t)ranges[i].last - ranges[i].first + 1;
	size_t protocols = 0;
	for (unsigned rest = service->protocols; rest != 0; rest &= rest - 1)
		protocols++;
	return ports * addresses * protocols;
}

int endpoints_make(struct draft *draft)
{
	struct service *service = draft->service;
	struct build *build = draft->build;
	struct addresses list = { 0 };
	int result = collect_addresses(draft, &list);
	size_t count = result == 0 ? count_endpoints(service, list.count) : 0;
	if (count > BUILD_ENDPOINTS_MAX - build->endpoint_count) {
		draft_complain(draft, "port",
			       "more than %d sockets would be needed for all services",
			       BUILD_ENDPOINTS_MAX);
		count = 0;
	}
	if (count > 0) {
		service->endpoints = calloc(count, sizeof(*service->endpoints));
		if (service->endpoints == NULL)
			result = -ENOMEM;
		else if ((service->protocols & SERVICE_UNIX) != 0)
			fill_unix(draft, &list);
		else
			fill_inet(service, &list);
		build->endpoint_count += service->endpoint_count;
	}
	free(list.items);
	return result;
}
