/* SPDX-License-Identifier: ISC */
/*
 * Services that are found through rpcbind(8), RFC 1833: how their versions and numbers
 * are written, what they must be, and that no two of them claim the same. Registering
 * them is serve's.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"
#include "usherd/base/units.h"
#include "value_internal.h"

#define NUMBER_SIZE 16

/* N, or N-M. */
VALUE_PARSER(rpc_version)
{
	struct service *service = object;
	const char *text = values->items[0];
	const char *dash = strchr(text, '-');
	char first[NUMBER_SIZE];
	uint64_t low = 0, high = 0;
	size_t length = dash != NULL ? (size_t)(dash - text) : strlen(text);
	int r;

	(void)attribute;
	if (length >= sizeof(first))
		return error_set(err, -EINVAL, "expected a version or A-B, got '%s'",
				 text);
	memcpy(first, text, length);
	first[length] = '\0';
	r = units_parse_unsigned(first, 0, UINT32_MAX, &low, err);
	high = low;
	if (r == 0 && dash != NULL)
		r = units_parse_unsigned(dash + 1, 0, UINT32_MAX, &high, err);
	if (r < 0)
		return r;
	if (high < low || high - low >= SERVICE_RPC_VERSIONS_MAX)
		return error_set(err, -EINVAL,
				 "'%s' is no range of at most %d versions, the lower "
				 "first",
				 text, SERVICE_RPC_VERSIONS_MAX);
	service->rpc_versions = (struct rpc_versions){ .first = (uint32_t)low,
						       .last = (uint32_t)high,
						       .given = true };
	return 0;
}

VALUE_FORMATTER(rpc_version)
{
	const struct rpc_versions *versions =
		&((const struct service *)object)->rpc_versions;
	char text[2 * NUMBER_SIZE];
	int used;

	(void)attribute;
	if (!versions->given)
		return 0;
	used = snprintf(text, sizeof(text), "%lu", (unsigned long)versions->first);
	if (versions->last != versions->first)
		(void)snprintf(text + used, sizeof(text) - (size_t)used, "-%lu",
			       (unsigned long)versions->last);
	return strings_add(ret, text) < 0 ? -ENOMEM : 1;
}

VALUE_PARSER(rpc_number)
{
	struct service *service = object;
	uint64_t number;
	int r = units_parse_unsigned(values->items[0], 1, UINT32_MAX, &number, err);

	(void)attribute;
	if (r == 0)
		service->rpc_number = (uint32_t)number;
	return r;
}

VALUE_FORMATTER(rpc_number)
{
	const struct service *service = object;
	char text[NUMBER_SIZE];

	(void)attribute;
	if (service->rpc_number == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "%lu", (unsigned long)service->rpc_number);
	return strings_add(ret, text) < 0 ? -ENOMEM : 1;
}

/* In xinetd's files the number of a listed service is that of the database, whatever else
 * is said. */
int adapt_rpc(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;
	const struct stanza_attribute *number = stanza_find(stanza, "rpc_number");

	if (stanza->dialect != DIALECT_XINETD || number == NULL ||
	    !stanza_is_rpc(stanza) || stanza_has_word(stanza, "type", "UNLISTED"))
		return 0;
	diagnostics_add(draft->build->diagnostics, SEVERITY_WARNING, stanza->file,
			number->line,
			"'rpc_number' has no effect on service '%s', which is not "
			"UNLISTED",
			stanza->title);
	stanza_remove(stanza, "rpc_number");
	return 0;
}

static bool has_one_port(const struct service *service)
{
	return service->port_count == 0 ||
	       (service->port_count == 1 &&
		service->ports[0].first == service->ports[0].last);
}

/* What is off may need things that are not there. */
static void check_ready(struct draft *draft)
{
	const struct conf_request *request = draft->build->request;
	struct error err = { 0 };

	if (!draft->service->disable && request->rpc_ready != NULL &&
	    request->rpc_ready(&err) < 0)
		draft_complain(draft, "type", "type = RPC: %s", err.text);
}

/* xinetd.conf(5): of streams with type = RPC libwrap is not asked. */
static void spare_libwrap(struct draft *draft)
{
	if (draft->stanza->dialect == DIALECT_XINETD &&
	    (draft->service->protocols & SERVICE_TCP) != 0)
		draft->service->flags |= SERVICE_NOLIBWRAP;
}

void check_rpc(struct draft *draft)
{
	const struct service *service = draft->service;

	if (!service_is_rpc(service))
		return;
	spare_libwrap(draft);
	if (draft_find(draft, "rpc_version") == NULL &&
	    draft->stanza->dialect != DIALECT_XINETD)
		draft_complain(draft, "type", "type = RPC needs rpc_version");
	if (service_is_internal(service) || service_is_redirect(service))
		draft_complain(draft, "type", "type = RPC needs a server");
	if (service_is_multiplexed(service))
		draft_complain(draft, "type", "RPC and TCPMUX exclude each other");
	if ((service->protocols & SERVICE_UNIX) != 0)
		draft_complain(draft, "type", "type = RPC is not for protocol = unix");
	if ((service->protocols & SERVICE_IP) != 0)
		draft_complain(draft, "type", "type = RPC is for tcp and udp alone");
	if (!has_one_port(service))
		draft_complain(draft, "port", "a service of type = RPC has one port");
	check_ready(draft);
}

void resolve_rpc(struct draft *draft)
{
	struct service *service = draft->service;
	const struct rpcent *entry;

	service->rpc_program = service->rpc_number;
	if (service->rpc_number != 0 || draft_find(draft, "rpc_number") != NULL)
		return;
	entry = (service->types & SERVICE_UNLISTED) != 0 ? NULL
							 : getrpcbyname(service->name);
	if (entry != NULL)
		service->rpc_program = (uint32_t)entry->r_number;
	else if ((service->types & SERVICE_UNLISTED) == 0)
		draft_complain(draft, "type",
			       "type = RPC: '%s' is not in the rpc database, and "
			       "rpc_number is not given",
			       service->name);
	else if (draft->stanza->dialect != DIALECT_XINETD)
		draft_complain(draft, "type", "type = UNLISTED needs rpc_number");
}

static int compare_programs(const void *a, const void *b)
{
	const struct service *left = *(const struct service *const *)a;
	const struct service *right = *(const struct service *const *)b;

	if (left->rpc_program != right->rpc_program)
		return left->rpc_program < right->rpc_program ? -1 : 1;
	return (left->line > right->line) - (left->line < right->line);
}

static bool overlap(const struct service *a, const struct service *b)
{
	return (a->protocols & b->protocols) != 0 &&
	       a->rpc_versions.first <= b->rpc_versions.last &&
	       b->rpc_versions.first <= a->rpc_versions.last;
}

/* Those of one program follow each other; they are few. */
static int check_overlaps(struct build *build, struct service **found, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct service *late = found[i];

		for (size_t j = i; j-- > 0 && !late->disable;) {
			const struct service *first = found[j];
			int r;

			if (first->rpc_program != late->rpc_program)
				break;
			if (first->disable || !overlap(first, late))
				continue;
			build->severity = build_severity(late);
			build_complain(build, late->file, late->line,
				       "service '%s' has versions of RPC program %lu "
				       "that service '%s' at %s:%u has",
				       late->id, (unsigned long)late->rpc_program,
				       first->id, first->file, first->line);
			r = build_refuse(build, late);
			if (r < 0)
				return r;
			break;
		}
	}
	return 0;
}

int rpc_check(struct build *build)
{
	const struct table *table = build->table;
	struct service **found =
		(struct service **)calloc(table->count + 1, sizeof(struct service *));
	size_t count = 0;
	int r;

	if (found == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++) {
		struct service *service = table->services[i];

		if (!service->disable && service_is_rpc(service) &&
		    service->rpc_program != 0 && service->rpc_versions.given)
			found[count++] = service;
	}
	if (count > 0)
		qsort((void *)found, count, sizeof(*found), compare_programs);
	r = check_overlaps(build, found, count);
	free((void *)found);
	return r;
}
