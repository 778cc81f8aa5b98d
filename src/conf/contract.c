/* SPDX-License-Identifier: ISC */
/*
 * What xinetd asks of a service before it offers it, xinetd.conf(5): asked of services
 * from its files as well, so that usherd opens no port that xinetd would have left
 * closed.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>

#include "build_internal.h"
#include "usherd/base/text.h"

#define MISSING_SIZE 128

/* In the entry: what defaults say of it does not count, nor a line that was passed over.
 */
static bool is_given(const struct draft *draft, const char *name)
{
	const struct assignment *given = draft_find(draft, name);

	return given != NULL && !given->inherited;
}

static bool needs_wait(const struct draft *draft)
{
	return !draft->wait_said;
}

static bool needs_program(const struct draft *draft)
{
	return !service_is_internal(draft->service) &&
	       (draft->service->flags & SERVICE_SENSOR) == 0;
}

/* A relay, too, which has no rights of its own here. */
static bool needs_user(const struct draft *draft)
{
	return !draft->user_said &&
	       (needs_program(draft) || draft_find(draft, "redirect") != NULL);
}

static bool needs_version(const struct draft *draft)
{
	return service_is_rpc(draft->service);
}

static bool needs_number(const struct draft *draft)
{
	return service_is_rpc(draft->service) &&
	       (draft->service->types & SERVICE_UNLISTED) != 0;
}

static bool needs_socket_type(const struct draft *draft)
{
	return !is_given(draft, "protocol");
}

/* All that is missing in one sentence, as xinetd says it. */
static void check_required(struct draft *draft)
{
	static const struct {
		const char *name;
		bool (*is_needed)(const struct draft *draft);
	} required[] = {
		{ "socket_type", needs_socket_type }, { "wait", needs_wait },
		{ "server", needs_program },          { "user", needs_user },
		{ "rpc_version", needs_version },     { "rpc_number", needs_number },
	};
	char buffer[MISSING_SIZE] = "";
	struct text missing;

	text_init(&missing, buffer, sizeof(buffer));
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (!is_given(draft, required[i].name) && required[i].is_needed(draft))
			text_addf(&missing, "%s%s", buffer[0] != '\0' ? ", " : "",
				  required[i].name);
	if (buffer[0] != '\0')
		draft_complain(draft, NULL, "not given: %s", buffer);
}

static bool has_port(const struct service *service, uint16_t port)
{
	for (size_t i = 0; i < service->port_count; i++)
		if (port < service->ports[i].first || port > service->ports[i].last)
			return false;
	return true;
}

/* One that is not UNLISTED stands in the services database, with that port. */
static void check_listed(struct draft *draft, unsigned protocol,
			 const char *protocol_name)
{
	const struct service *service = draft->service;
	const struct servent *entry;

	if ((service->protocols & protocol) == 0)
		return;
	entry = getservbyname(service->name, protocol_name);
	if (entry == NULL && draft_find(draft, "port") == NULL)
		return; /* what becomes of its port says so already */
	if (entry == NULL)
		draft_complain(draft, NULL,
			       "'%s' is not a %s service of the services database, and "
			       "type = UNLISTED is not given",
			       service->name, protocol_name);
	else if (draft_is_good(draft, "port") &&
		 !has_port(service, ntohs((uint16_t)entry->s_port)))
		draft_complain(draft, "port",
			       "port: the services database says %u for '%s', and type = "
			       "UNLISTED is not given",
			       (unsigned)ntohs((uint16_t)entry->s_port), service->name);
}

static void check_database(struct draft *draft)
{
	const struct service *service = draft->service;

	if ((service->types & SERVICE_UNLISTED) != 0 || service->name == NULL)
		return;
	/* Of those the rpc database is asked, rpc.c. */
	if (service_is_rpc(service))
		return;
	if (service_is_multiplexed(service)) {
		draft_complain(draft, "type", "type: TCPMUX needs UNLISTED as well");
		return;
	}
	check_listed(draft, SERVICE_TCP, "tcp");
	check_listed(draft, SERVICE_UDP, "udp");
	check_listed(draft, SERVICE_IP, service->protocol_name);
}

void check_contract(struct draft *draft)
{
	if (draft->stanza->dialect != DIALECT_XINETD || draft->service->disable)
		return;
	check_required(draft);
	check_database(draft);
}
