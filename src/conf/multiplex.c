/* SPDX-License-Identifier: ISC */
/*
 * Services that are reached by name through tcpmux, RFC 1078: what they may be, that no
 * two have one name, and that there is a tcpmux to reach them through.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "build_internal.h"

#define NAME_MAX_BYTES 255 /* of the line that asks for it */

static void check_name(const struct draft *draft)
{
	const char *name = draft->service->name;

	if (name == NULL)
		return;
	if (strcasecmp(name, "help") == 0)
		draft_complain(draft, "type",
			       "a tcpmux service cannot be named 'help', which lists the "
			       "others");
	if (strlen(name) > NAME_MAX_BYTES)
		draft_complain(draft, "type",
			       "the name of a tcpmux service has at most %d bytes",
			       NAME_MAX_BYTES);
}

/* As if they had not been given. */
static int forget_socket(struct service *service)
{
	struct service *built_in = service_new();

	if (built_in == NULL)
		return -ENOMEM;
	strings_done(&service->bind);
	memcpy(service->interface, built_in->interface, sizeof(service->interface));
	service->v6only = built_in->v6only;
	service->backlog = built_in->backlog;
	service_unref(built_in);
	return 0;
}

/* Without a port there is no socket that these could mean; defaults are passed over. */
static void check_portless(const struct draft *draft)
{
	static const char *const sockets[] = { "bind", "interface", "v6only", "backlog" };

	if ((draft->service->protocols & SERVICE_UDP) != 0)
		draft_complain(draft, "type",
			       "a tcpmux service without port is for protocol = tcp "
			       "alone");
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		const struct assignment *given = draft_find(draft, sockets[i]);

		if (given != NULL && !given->inherited)
			draft_complain(draft, sockets[i],
				       "'%s' needs port: a tcpmux service without one "
				       "has no socket",
				       sockets[i]);
	}
	if (forget_socket(draft->service) < 0)
		draft_complain(draft, "type", "out of memory");
}

void check_type(struct draft *draft)
{
	const struct service *service = draft->service;
	const unsigned both = SERVICE_TCPMUX | SERVICE_TCPMUXPLUS;

	if (!service_is_multiplexed(service))
		return;
	if ((service->types & both) == both)
		draft_complain(draft, "type", "TCPMUX and TCPMUXPLUS exclude each other");
	if (service->wait)
		draft_complain(draft, "wait", "a tcpmux service cannot have wait = yes");
	if (service->internal != NULL && strcmp(service->internal, "http") == 0)
		draft_complain(draft, "type", "http cannot be reached by tcpmux");
	if ((service->protocols & SERVICE_TCP) == 0)
		draft_complain(draft, "type", "a tcpmux service needs protocol = tcp");
	else if (draft_find(draft, "port") == NULL)
		check_portless(draft);
	check_name(draft);
}

static int compare_names(const void *a, const void *b)
{
	const struct service *left = *(const struct service *const *)a;
	const struct service *right = *(const struct service *const *)b;
	int order = strcasecmp(left->name, right->name);

	if (order != 0)
		return order;
	return (left->line > right->line) - (left->line < right->line);
}

/* Those that are on and whose name is known. */
static size_t collect(const struct table *table, struct service **ret,
		      const struct service **ret_mux)
{
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++) {
		struct service *service = table->services[i];

		if (service->disable)
			continue;
		if (service->internal != NULL && strcmp(service->internal, "tcpmux") == 0)
			*ret_mux = service;
		if (service->name != NULL && service_is_multiplexed(service))
			ret[count++] = service;
	}
	return count;
}

static int check_names(struct build *build, struct service **found, size_t count)
{
	int result = 0;

	for (size_t i = 1; i < count && result == 0; i++) {
		if (strcasecmp(found[i - 1]->name, found[i]->name) != 0)
			continue;
		build->severity = build_severity(found[i]);
		build_complain(build, found[i]->file, found[i]->line,
			       "service '%s' has the tcpmux name '%s' of "
			       "service '%s' at %s:%u",
			       found[i]->id, found[i]->name, found[i - 1]->id,
			       found[i - 1]->file, found[i - 1]->line);
		result = build_refuse(build, found[i]);
	}
	return result;
}

int multiplex_check(struct build *build)
{
	const struct table *table = build->table;
	const struct service *mux = NULL;
	struct service **found =
		(struct service **)calloc(table->count + 1, sizeof(struct service *));
	if (found == NULL)
		return -ENOMEM;
	size_t count = collect(table, found, &mux);
	if (count > 0)
		qsort((void *)found, count, sizeof(*found), compare_names);
	int result = check_names(build, found, count);
	bool lost = mux == NULL && build->diagnostics->errors == 0;
	for (size_t i = 0; i < count && lost; i++)
		if (found[i]->endpoint_count == 0)
			diagnostics_add(build->diagnostics, SEVERITY_WARNING,
					found[i]->file, found[i]->line,
					"service '%s' cannot be reached: there is no "
					"service with internal = tcpmux",
					found[i]->id);
	free((void *)found);
	return result;
}
