/* SPDX-License-Identifier: ISC */
/* Registrations as data. Nothing here talks to rpcbind. */
#include "usherd/serve/registrations.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NETID_IPV6 2 /* added for IPv6 */

static const char *const netids[] = { "tcp", "udp", "tcp6", "udp6" };

void registrations_done(struct registrations *list)
{
	free(list->items);
	memset(list, 0, sizeof(*list));
}

const char *registrations_netid(unsigned index)
{
	return index < sizeof(netids) / sizeof(netids[0]) ? netids[index] : NULL;
}

bool registrations_universal(const struct addr *addr, char buffer[UNIVERSAL_ADDRESS_SIZE])
{
	const void *bytes = &addr->u.in.sin_addr;
	unsigned port = (unsigned)addr_port(addr);
	char host[INET6_ADDRSTRLEN];

	if (addr_family(addr) == AF_INET6)
		bytes = &addr->u.in6.sin6_addr;
	else if (addr_family(addr) != AF_INET)
		return false;
	if (inet_ntop(addr_family(addr), bytes, host, sizeof(host)) == NULL)
		return false;
	(void)snprintf(buffer, UNIVERSAL_ADDRESS_SIZE, "%s.%u.%u", host, port >> 8 & 0xff,
		       port & 0xff);
	return true;
}

void registrations_begin(struct registrations *list)
{
	for (size_t i = 0; i < list->count; i++)
		list->items[i].wanted = false;
	list->next = 0;
}

static bool is_same(const struct registration *a, const struct registration *b)
{
	return a->program == b->program && a->versions.first == b->versions.first &&
	       a->versions.last == b->versions.last && a->netid == b->netid &&
	       strcmp(a->address, b->address) == 0;
}

/* Services mostly come in the order they came in last time. */
static struct registration *find(struct registrations *list,
				 const struct registration *wanted)
{
	for (size_t i = 0; i < list->count; i++) {
		size_t at = (list->next + i) % list->count;

		if (is_same(&list->items[at], wanted)) {
			list->next = at + 1;
			return &list->items[at];
		}
	}
	return NULL;
}

static int want(struct registrations *list, struct registration *wanted)
{
	struct registration *known = find(list, wanted);

	if (known != NULL) {
		known->wanted = true;
		return 0;
	}
	if (list->count == list->room) {
		size_t room = list->room > 0 ? 2 * list->room : 8;
		struct registration *items =
			reallocarray(list->items, room, sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		list->room = room;
	}
	wanted->wanted = true;
	list->items[list->count++] = *wanted;
	return 0;
}

static int want_at(struct registrations *list, const struct service *service,
		   const struct endpoint *endpoint, const struct addr *addr,
		   unsigned *taken)
{
	struct registration wanted = { .program = service->rpc_program,
				       .versions = service->rpc_versions };

	wanted.netid = endpoint->transport == TRANSPORT_UDP ? 1 : 0;
	if (addr_family(addr) == AF_INET6)
		wanted.netid += NETID_IPV6;
	if ((*taken & 1U << wanted.netid) != 0 ||
	    !registrations_universal(addr, wanted.address))
		return 0;
	*taken |= 1U << wanted.netid;
	return want(list, &wanted);
}

int registrations_want(struct registrations *list, const struct service *service,
		       const struct endpoint *endpoint, const struct addr *local,
		       unsigned *taken)
{
	struct addr ipv4;
	int r;

	if (transport_is_unix(endpoint->transport))
		return 0;
	r = want_at(list, service, endpoint, local, taken);
	/* ipv6(7) IPV6_V6ONLY: such a socket has the port of the other family, too. */
	if (r == 0 && addr_family(local) == AF_INET6 && addr_is_wildcard(local) &&
	    !endpoint->v6only) {
		r = addr_parse_ip("0.0.0.0", 0, &ipv4, NULL);
		if (r == 0) {
			addr_set_port(&ipv4, (uint16_t)addr_port(local));
			r = want_at(list, service, endpoint, &ipv4, taken);
		}
	}
	return r;
}

static void drop(struct registrations *list, bool (*is_over)(const struct registration *))
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (!is_over(&list->items[i]))
			list->items[kept++] = list->items[i];
	list->count = kept;
}

static bool was_never_told(const struct registration *item)
{
	return !item->wanted && !item->sent;
}

void registrations_end(struct registrations *list)
{
	drop(list, was_never_told);
}

bool registrations_pending(const struct registrations *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!list->items[i].wanted || !list->items[i].confirmed)
			return true;
	return false;
}

static void write_one(struct registration *item, FILE *out)
{
	char sign = !item->wanted ? '-' : item->confirmed ? '=' : '+';

	(void)fprintf(out, "%c %lu %lu %lu %s %s\n", sign, (unsigned long)item->program,
		      (unsigned long)item->versions.first,
		      (unsigned long)item->versions.last, netids[item->netid],
		      item->address);
	item->sent = true;
	item->in_run = true;
	/* What is removed has to be registered again, if it is wanted again meanwhile. */
	if (!item->wanted)
		item->confirmed = false;
}

void registrations_write(struct registrations *list, FILE *out)
{
	for (size_t i = 0; i < list->count; i++) {
		list->items[i].in_run = false;
		if (!list->items[i].wanted)
			write_one(&list->items[i], out);
	}
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].wanted)
			write_one(&list->items[i], out);
}

static bool is_removed(const struct registration *item)
{
	return item->in_run && !item->wanted;
}

void registrations_settle(struct registrations *list, bool success)
{
	if (!success)
		return;
	/* As it was when the orders were written: nothing has been wanted since. */
	drop(list, is_removed);
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].in_run)
			list->items[i].confirmed = true;
}
