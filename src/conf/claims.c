/* SPDX-License-Identifier: ISC */
/* The check that no two services want the same socket. Nothing is bound here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"

/* An endpoint with its service, for sorting. */
struct claim {
	const struct endpoint *endpoint;
	struct service *service;
	size_t order;
};

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Addresses that may clash next to each other: wildcards first. */
static int compare_addresses(const struct addr *a, const struct addr *b)
{
	int result = compare_numbers(!addr_is_wildcard(a), !addr_is_wildcard(b));
	if (result == 0)
		result = compare_numbers((uint64_t)addr_family(a),
					 (uint64_t)addr_family(b));
	if (result == 0)
		result = compare_numbers(a->length, b->length);
	if (result != 0)
		return result;
	switch (addr_family(a)) {
	case AF_INET:
		return memcmp(&a->u.in.sin_addr, &b->u.in.sin_addr,
			      sizeof(a->u.in.sin_addr));
	case AF_INET6:
		result = memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr,
				sizeof(a->u.in6.sin6_addr));
		return result != 0 ? result
				   : compare_numbers(a->u.in6.sin6_scope_id,
						     b->u.in6.sin6_scope_id);
	default:
		return memcmp(&a->u.un, &b->u.un, a->length);
	}
}

static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left;
	const struct claim *b = right;
	int result = compare_numbers(a->endpoint->transport, b->endpoint->transport);
	if (result == 0)
		result = compare_numbers((uint64_t)a->endpoint->protocol,
					 (uint64_t)b->endpoint->protocol);
	if (result == 0)
		result = compare_numbers(addr_port(&a->endpoint->addr),
					 addr_port(&b->endpoint->addr));
	if (result == 0)
		result = strcmp(a->endpoint->interface, b->endpoint->interface);
	if (result == 0)
		result = compare_addresses(&a->endpoint->addr, &b->endpoint->addr);
	return result != 0 ? result : compare_numbers(a->order, b->order);
}

static int complain_clash(struct build *build, const struct claim *a,
			  const struct claim *b)
{
	char text[ENDPOINT_TEXT_SIZE];
	const struct service *first = a->order < b->order ? a->service : b->service;
	const struct claim *late = a->order < b->order ? b : a;
	struct service *second = late->service;
	build->severity = build_severity(second);
	(void)endpoint_format(late->endpoint, text);
	if (first == second)
		build_complain(build, second->file, second->line,
			       "service '%s' asks for %s twice", second->id, text);
	else
		build_complain(build, second->file, second->line,
			       "service '%s' asks for %s, which is taken by service '%s' "
			       "at %s:%u",
			       second->id, text, first->id, first->file, first->line);
	return build_refuse(build, second);
}

static size_t collect_claims(const struct table *table, struct claim *claims)
{
	size_t count = 0;
	for (size_t i = 0; i < table->count; i++) {
		struct service *service = table->services[i];
		if (service->disable)
			continue;
		for (size_t e = 0; e < service->endpoint_count; e++, count++)
			claims[count] =
				(struct claim){ &service->endpoints[e], service, count };
	}
	return count;
}

/* May the kernel mind the two? Those that may stand next to each other, and wildcards
 * are few. */
static bool are_neighbours(const struct claim *a, const struct claim *b)
{
	const struct endpoint *x = a->endpoint;
	const struct endpoint *y = b->endpoint;
	return x->transport == y->transport && x->protocol == y->protocol &&
	       addr_port(&x->addr) == addr_port(&y->addr) &&
	       strcmp(x->interface, y->interface) == 0 &&
	       ((addr_is_wildcard(&x->addr) && addr_is_wildcard(&y->addr)) ||
		compare_addresses(&x->addr, &y->addr) == 0);
}

/* Which claim before that at @index stands against it? NULL: none. One that has been
 * refused on the way does not count. */
static const struct claim *find_rival(const struct claim *claims, size_t index)
{
	const struct claim *own = &claims[index];
	for (size_t i = index; i-- > 0 && are_neighbours(&claims[i], own);)
		if (!claims[i].service->disable &&
		    endpoint_clashes(claims[i].endpoint, own->endpoint))
			return &claims[i];
	return NULL;
}

/* A range that overlaps another would give thousands of lines: one for each pair of
 * neighbouring services is enough. */
int claims_check(struct build *build)
{
	struct claim *claims = calloc(build->endpoint_count + 1, sizeof(*claims));
	if (claims == NULL)
		return -ENOMEM;
	size_t count = collect_claims(build->table, claims);
	qsort(claims, count, sizeof(*claims), compare_claims);
	const struct service *last[2] = { NULL, NULL };
	int result = 0;
	for (size_t i = 1; i < count && result == 0; i++) {
		struct service *own = claims[i].service;
		const struct claim *rival = own->disable ? NULL : find_rival(claims, i);
		if (rival == NULL || (last[0] == rival->service && last[1] == own))
			continue;
		last[0] = rival->service;
		last[1] = own;
		result = complain_clash(build, rival, &claims[i]);
	}
	free(claims);
	return result;
}
