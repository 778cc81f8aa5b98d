/* SPDX-License-Identifier: ISC */
/*
 * The attribute redirect: words into targets, their names into addresses for the first
 * time, and what cannot be relayed. Names are looked up again later, by serve.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"
#include "value_internal.h"

/* The ports of one service's protocols. */
struct ports {
	struct target_ports ports; /* first: leads back here */
	unsigned protocols;
};

static int find_port(const struct target_ports *ports, const char *text, uint16_t *ret,
		     struct error *err)
{
	unsigned protocols = ((const struct ports *)ports)->protocols;

	/* A UNIX socket has no port of its own; what it leads to is TCP. */
	if ((protocols & SERVICE_UNIX) != 0)
		protocols = SERVICE_TCP;
	return value_parse_port(text, protocols, ret, err);
}

static int parse_targets(const struct strings *values, const struct target_ports *ports,
			 struct target_list *list, struct error *err)
{
	/* Only of such can a pair be made, so that no list has two meanings. */
	if (values->count == 2 && target_is_bare(values->items[0]) &&
	    target_is_bare(values->items[1])) {
		list->count = 1;
		return target_parse_pair(values->items[0], values->items[1], ports,
					 &list->items[0], err);
	}
	for (; list->count < values->count; list->count++) {
		int result = target_parse(values->items[list->count], ports,
					  &list->items[list->count], err);
		if (result < 0)
			return result;
	}
	return 0;
}

/* Makes the service an in-process one, whatever comes of the targets. */
VALUE_PARSER(redirect)
{
	struct service *service = object;
	struct ports ports = { { .find = find_port }, service->protocols };
	struct target_list list = { 0 };
	(void)attribute;
	if (service->internal == NULL)
		service->internal = strdup(SERVICE_REDIRECT);
	if (values->count == 0)
		return error_set(err, -EINVAL, "the list is empty");
	if (values->count > TARGETS_MAX)
		return error_set(err, -EINVAL, "%zu targets are more than %d",
				 values->count, TARGETS_MAX);
	list.items = calloc(values->count, sizeof(*list.items));
	if (list.items == NULL || service->internal == NULL) {
		free(list.items);
		return error_set(err, -ENOMEM, "out of memory");
	}
	int result = parse_targets(values, &ports.ports, &list, err);
	if (result < 0) {
		target_list_done(&list);
		return result;
	}
	target_list_done(&service->redirect);
	service->redirect = list;
	return 0;
}

static void check_paths(const struct draft *draft)
{
	const struct service *service = draft->service;
	for (size_t i = 0; i < service->redirect.count; i++)
		if (target_is_path(&service->redirect.items[i]))
			draft_complain(draft, "redirect",
				       "redirect: udp cannot lead to a path, '%s'",
				       service->redirect.items[i].text);
}

void check_redirect(struct draft *draft)
{
	const struct service *service = draft->service;
	if (draft_find(draft, "redirect") == NULL)
		return;
	if ((service->protocols & SERVICE_UNIX) != 0 &&
	    service->socket_type == SERVICE_DGRAM)
		draft_complain(draft, "redirect",
			       "redirect: UNIX datagrams cannot be relayed");
	if ((service->protocols & SERVICE_UDP) != 0)
		check_paths(draft);
	if (service->connect_timeout_ns == 0)
		draft_complain(draft, "connect_timeout",
			       "connect_timeout: no time is left to connect in");
}

/* A resolver that does not answer now may do so later; a name that is not there is a
 * mistake. */
static int look_up(const struct draft *draft, struct target *target)
{
	const struct assignment *slot = draft_find(draft, "redirect");
	struct error err = { 0 };
	int result = host_look_up(target->name, target->port, &target->at, &err);
	if (result == -ENOENT)
		draft_complain(draft, "redirect", "redirect: looking up '%s' failed: %s",
			       target->name, err.text);
	else if (result == -EAGAIN)
		diagnostics_add(draft->build->diagnostics, SEVERITY_WARNING, slot->file,
				slot->line,
				"redirect: looking up '%s' failed: %s; it will be tried "
				"again",
				target->name, err.text);
	return result == -ENOMEM ? result : 0;
}

/* Would a connection to @address come to @endpoint? Addresses of this host that are not
 * named anywhere cannot be told from others here. */
static bool leads_back(const struct endpoint *endpoint, const struct addr *address)
{
	struct addr any = endpoint->addr;
	if (addr_equal(&endpoint->addr, address))
		return true;
	if (!addr_is_wildcard(&any) || addr_port(&any) != addr_port(address))
		return false;
	if (addr_family(address) == AF_INET)
		return ntohl(address->u.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return addr_family(address) == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&address->u.in6.sin6_addr);
}

/* One client would make connections without end. */
static void check_loop(const struct draft *draft, const struct target *target)
{
	const struct service *service = draft->service;
	for (size_t a = 0; a < target->at.count; a++)
		for (size_t e = 0; e < service->endpoint_count; e++)
			if (leads_back(&service->endpoints[e],
				       &target->at.addresses[a])) {
				draft_complain(draft, "redirect",
					       "redirect: '%s' leads back to the service",
					       target->text);
				return;
			}
}

int resolve_redirect(struct draft *draft)
{
	struct target_list *list = &draft->service->redirect;
	int result = 0;
	for (size_t i = 0; i < list->count && result == 0; i++) {
		if (list->items[i].name != NULL)
			result = look_up(draft, &list->items[i]);
		check_loop(draft, &list->items[i]);
	}
	return result;
}
