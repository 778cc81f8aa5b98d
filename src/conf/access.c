/* SPDX-License-Identifier: ISC */
/*
 * The names in lists of access: is it a host that is known, or a network? Which client
 * is called so is asked when it comes, by serve. And what of it cannot be asked for a
 * service: an error, as nothing is less strict than written.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"
#include "usherd/base/host.h"
#include "usherd/base/prefix_words.h"
#include "usherd/log/event.h"

static bool find_network(const char *name, struct prefix *ret)
{
	const struct netent *entry = getnetbyname(name);
	return entry != NULL && entry->n_addrtype == AF_INET &&
	       prefix_of_network(entry->n_net, ret);
}

static int add_network(struct prefix_list *list, size_t name, const struct prefix *block)
{
	struct prefix *items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	items[list->count++] = *block;
	list->items = items;
	strings_remove(&list->names, name);
	return prefix_list_compile(list);
}

/* 1: it is a host, or may be one when the resolver answers. 0: a network, and taken out
 * of the names. */
static int resolve_name(const struct draft *draft, const char *attribute,
			struct prefix_list *list, size_t index)
{
	const struct assignment *slot = draft_find(draft, attribute);
	struct strings *known = &draft->build->known_hosts;
	const char *name = list->names.items[index];
	struct prefix block;
	struct error err = { 0 };
	struct host host;
	if (strings_find(known, name) != -1)
		return 1;
	int result = host_look_up(name, 0, &host, &err);
	if (result == 0)
		return strings_add(known, name) < 0 ? -ENOMEM : 1;
	if (result == -ENOMEM)
		return result;
	if (find_network(name, &block))
		return add_network(list, index, &block);
	if (result == -EAGAIN)
		diagnostics_add(draft->build->diagnostics, SEVERITY_WARNING, slot->file,
				slot->line,
				"%s: looking up '%s' failed: %s; it is taken for a host",
				attribute, name, err.text);
	else
		draft_complain(draft, attribute,
			       "%s: '%s' is neither a host nor a network that is known",
			       attribute, name);
	return 1;
}

static int resolve_list(const struct draft *draft, const char *attribute,
			struct prefix_list *list)
{
	size_t index = 0;
	while (index < list->names.count) {
		int result = 1;
		if (list->names.items[index][0] != '.')
			result = resolve_name(draft, attribute, list, index);
		if (result < 0)
			return result;
		index += (size_t)result;
	}
	return 0;
}

/* After everything else has been converted: -ENOMEM is all that can go wrong for good. */
int resolve_access(struct draft *draft)
{
	struct policy *policy = &draft->service->policy;
	int result = 0;
	if (draft_is_good(draft, "only_from"))
		result = resolve_list(draft, "only_from", &policy->only_from);
	if (result == 0 && draft_is_good(draft, "no_access"))
		result = resolve_list(draft, "no_access", &policy->no_access);
	return result;
}

static bool accepts_itself(const struct service *service)
{
	return service->wait && service_has_streams(service);
}

/* Why nothing that takes time can be asked about the service's clients, or NULL. */
static const char *reason_not_to_ask(const struct service *service)
{
	if ((service->protocols & SERVICE_UDP) != 0 && service_is_internal(service))
		return "datagrams of in-process services do not wait for an answer";
	if (accepts_itself(service))
		return "with wait = yes its program accepts the connections";
	if ((service->protocols & SERVICE_UNIX) != 0)
		return "clients of UNIX sockets have no address";
	if ((service->protocols & SERVICE_IP) != 0)
		return "only clients of TCP wait for an answer";
	return NULL;
}

static const char *reason_not_to_name(const struct service *service)
{
	return service->policy.screened
		       ? "with flags = INTERCEPT the kernel checks addresses"
		       : reason_not_to_ask(service);
}

/* For streams with wait = yes, lists of any kind are refused by check_wait(), unless they
 * are screened. */
static void check_names(struct draft *draft, const char *attribute,
			const struct prefix_list *list)
{
	const struct service *service = draft->service;
	const char *reason = reason_not_to_name(service);
	if (reason != NULL && list->names.count > 0 &&
	    (!accepts_itself(service) || service->policy.screened))
		draft_complain(draft, attribute,
			       "%s: the name '%s' cannot be enforced for service '%s': "
			       "%s",
			       attribute, list->names.items[0], service->id, reason);
}

/* Without USERID the flag has no effect, as in xinetd. */
static bool is_for_the_known(const struct service *service)
{
	return (service->flags & SERVICE_IDONLY) != 0 &&
	       (service->log_on_success & EVENT_USERID) != 0;
}

static void check_idonly(struct draft *draft, const char *reason)
{
	const struct service *service = draft->service;
	if ((service->protocols & SERVICE_UDP) != 0)
		reason = "of a datagram no ident server knows who has sent it";
	if (reason != NULL && is_for_the_known(service))
		draft_complain(draft, "flags",
			       "IDONLY cannot be enforced for service '%s': %s",
			       service->id, reason);
}

static void check_libwrap(struct draft *draft)
{
	const struct conf_request *request = draft->build->request;
	struct error err = { 0 };
	if (!service_is_wrapped(draft->service) || draft->service->disable ||
	    request->libwrap_ready == NULL || request->libwrap_ready(&err) == 0)
		return;
	draft_complain(draft, "libwrap", "libwrap: %s", err.text);
}

void check_access(struct draft *draft)
{
	const struct service *service = draft->service;
	const char *reason = reason_not_to_ask(service);
	check_libwrap(draft);
	check_idonly(draft, reason);
	check_names(draft, "only_from", &service->policy.only_from);
	check_names(draft, "no_access", &service->policy.no_access);
	if (reason != NULL && service_is_wrapped(service))
		draft_complain(draft, "libwrap",
			       "libwrap cannot be enforced for service '%s': %s",
			       service->id, reason);
}
