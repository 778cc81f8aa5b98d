/* SPDX-License-Identifier: ISC */
/* From an address to a name, and from names to addresses, to see whether they fit. */
#include "usherd/serve/peer_name.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

#include "usherd/base/host.h"

enum answer {
	NO,
	YES,
	UNKNOWN
};

static bool same_address(const struct addrinfo *found, const struct addr *peer)
{
	struct addr address = { .length = found->ai_addrlen };
	struct prefix a, b;

	if (found->ai_addrlen > sizeof(address.u))
		return false;
	memcpy(&address.u, found->ai_addr, found->ai_addrlen);
	return prefix_of(&address, 32, 128, &a) && prefix_of(peer, 32, 128, &b) &&
	       prefix_equal(&a, &b);
}

/* Has the host @name the address of @peer? All its addresses count. */
static enum answer leads_to(const char *name, const struct addr *peer)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int status = getaddrinfo(name, NULL, &hints, &found);
	enum answer answer = NO;

	if (status == EAI_NONAME || status == EAI_NODATA)
		return NO;
	if (status != 0)
		return UNKNOWN;
	for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
		if (same_address(at, peer))
			answer = YES;
	freeaddrinfo(found);
	return answer;
}

/* Who says what a client is called is his own side: it must not be an address that then
 * leads to itself. */
static bool is_name(const char *text)
{
	struct in_addr ignored;

	return host_is_name(text) && inet_aton(text, &ignored) == 0;
}

static void find_name(const struct addr *peer, struct peer_names *names)
{
	char name[NI_MAXHOST];

	if (getnameinfo(&peer->u.any, peer->length, name, sizeof(name), NULL, 0,
			NI_NAMEREQD) != 0)
		return;
	if (!is_name(name) || strlen(name) >= sizeof(names->name))
		return;
	memcpy(names->name, name, strlen(name) + 1);
	names->confirmed = leads_to(name, peer) == YES;
}

/* Hosts that are to be kept out have addresses, whatever their own side calls them. */
static void find_hosts(const struct strings *hosts, const struct addr *peer,
		       struct peer_names *names)
{
	for (size_t i = 0; i < hosts->count && !names->listed; i++) {
		enum answer answer = NO;

		if (!names_is_domain(hosts->items[i]))
			answer = leads_to(hosts->items[i], peer);
		names->listed = names->listed || answer == YES;
		names->unsettled = names->unsettled || answer == UNKNOWN;
	}
}

void peer_name_find(const struct policy *policy, const struct addr *peer,
		    struct peer_names *ret)
{
	memset(ret, 0, sizeof(*ret));
	find_hosts(&policy->no_access.names, peer, ret);
	if (!ret->listed)
		find_name(peer, ret);
}
