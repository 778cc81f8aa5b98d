/* SPDX-License-Identifier: ISC */
/*
 * The story of a service table: settings, then defaults, then each service. Errors are
 * collected to the end; a table with any is thrown away.
 */
#include "usherd/conf/build.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "build_internal.h"
#include "usherd/base/fd.h"

#define ID_LENGTH_MAX 63

/* A shortage of the moment is no answer: the sockets are tried again later, IPv4 for
 * good would be none. */
static bool can_make_ipv6_sockets(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool possible = fd != -1 || (errno != EAFNOSUPPORT && errno != EPROTONOSUPPORT);
	fd_close(&fd);
	return possible;
}

static int merge_all(struct build *build, const struct stanzas *stanzas,
		     enum stanza_kind kind, struct assignments *ret)
{
	for (size_t i = 0; i < stanzas->count; i++) {
		if (stanzas->items[i].kind != kind)
			continue;
		int result = merge_stanza(build, &stanzas->items[i], ret);
		if (result < 0)
			return result;
	}
	return 0;
}

static int convert_all(struct build *build, struct assignments *assignments, void *object)
{
	const struct attribute *attribute;
	for (size_t i = 0; (attribute = attribute_at(i)) != NULL; i++) {
		int result = assignments_convert(build, attribute, assignments, object);
		if (result < 0)
			return result;
	}
	return 0;
}

static int build_settings(struct build *build, const struct stanzas *stanzas)
{
	struct assignments settings = { 0 };
	int result = merge_all(build, stanzas, STANZA_SETTINGS, &settings);
	if (result == 0)
		result = convert_all(build, &settings, &build->table->settings);
	if (result == 0)
		result = resolve_worker(build, &settings);
	assignments_done(&settings);
	return result;
}

/* Converted once into a service that is thrown away, so that a wrong default is reported
 * where it stands and not once for each service. */
static int build_defaults(struct build *build, const struct stanzas *stanzas)
{
	struct service *scratch = service_new();
	if (scratch == NULL)
		return -ENOMEM;
	int result = merge_all(build, stanzas, STANZA_DEFAULTS, &build->defaults);
	if (result == 0)
		result = convert_all(build, &build->defaults, scratch);
	service_unref(scratch);
	return result;
}

/* A title that is wrong in itself says why; NULL otherwise. */
static const char *find_id_fault(const char *id)
{
	if (id[0] == '\0')
		return "is empty";
	if (strlen(id) > ID_LENGTH_MAX)
		return "is longer than 63 bytes";
	for (const char *at = id; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at))
			return "contains a control character";
	return NULL;
}

static void check_id(const struct draft *draft)
{
	const struct stanza *stanza = draft->stanza;
	const char *fault = find_id_fault(stanza->title);
	if (fault != NULL)
		diagnostics_add(draft->build->diagnostics, SEVERITY_ERROR, stanza->file,
				stanza->line, "the name of the service %s", fault);
	const struct service *other = table_find(draft->build->table, stanza->title);
	if (other != NULL)
		diagnostics_add(draft->build->diagnostics, SEVERITY_ERROR, stanza->file,
				stanza->line, "service '%s' is already defined at %s:%u",
				stanza->title, other->file, other->line);
}

static int begin_service(struct draft *draft)
{
	struct service *service = draft->service;
	service->id = strdup(draft->stanza->title);
	service->file = strdup(draft->stanza->file);
	service->line = draft->stanza->line;
	return service->id != NULL && service->file != NULL ? 0 : -ENOMEM;
}

static int convert_named(struct draft *draft, const char *name)
{
	return assignments_convert(draft->build, attribute_find(name), &draft->given,
				   draft->service);
}

/* Ports depend on the protocol, which a socket type alone may decide, as in xinetd. */
static int convert_service(struct draft *draft)
{
	struct service *service = draft->service;
	int result = merge_defaults(draft);
	if (result == 0)
		result = merge_stanza(draft->build, draft->stanza, &draft->given);
	if (result == 0)
		result = convert_named(draft, "protocol");
	if (result == 0)
		result = convert_named(draft, "socket_type");
	if (result < 0)
		return result;
	if (draft_find(draft, "protocol") == NULL &&
	    service->socket_type == SERVICE_DGRAM)
		service->protocols = SERVICE_UDP;
	result = convert_all(draft->build, &draft->given, service);
	if (result == 0 && service->name == NULL) {
		service->name = strdup(service->id);
		result = service->name != NULL ? 0 : -ENOMEM;
	}
	return result;
}

/* Whatever a mistake made unclear is left out: its own error is enough. */
static int resolve_service(struct draft *draft)
{
	const struct service *service = draft->service;
	int result = 0;
	/* What is off may need things that are not there. */
	if (service->disable)
		return 0;
	bool inet = (service->protocols & SERVICE_UNIX) == 0;
	bool portless =
		service_is_multiplexed(service) && draft_find(draft, "port") == NULL;
	if (draft_has_one_kind(draft))
		result = resolve_credentials(draft);
	if (result == 0 && inet && !portless && draft_find(draft, "port") == NULL &&
	    (draft_find(draft, "protocol") == NULL || draft_is_good(draft, "protocol")))
		result = resolve_ports(draft);
	if (result == 0 && !portless &&
	    (draft_find(draft, "bind") == NULL || draft_is_good(draft, "bind")))
		result = endpoints_make(draft);
	if (result == 0)
		result = resolve_redirect(draft);
	return result;
}

static int finish_service(struct draft *draft)
{
	if (draft->build->diagnostics->errors > 0)
		return 0;
	draft->service->fingerprint = dump_fingerprint(draft->service, &draft->given);
	return draft->service->fingerprint != NULL ? 0 : -ENOMEM;
}

/* Services with errors are kept to the end as well: others may clash with them. */
static int build_service(struct build *build, const struct stanza *stanza)
{
	struct draft draft = { .build = build, .stanza = stanza };
	draft.service = service_new();
	if (draft.service == NULL)
		return -ENOMEM;
	check_id(&draft);
	int result = begin_service(&draft);
	if (result == 0)
		result = convert_service(&draft);
	if (result == 0) {
		check_service(&draft);
		result = resolve_service(&draft);
	}
	if (result == 0)
		result = finish_service(&draft);
	assignments_done(&draft.given);
	if (result < 0 || table_find(build->table, stanza->title) != NULL) {
		service_unref(draft.service);
		return result;
	}
	return table_add(build->table, draft.service);
}

static int build_all(struct build *build, const struct stanzas *stanzas)
{
	int result = build_settings(build, stanzas);
	if (result == 0)
		result = build_defaults(build, stanzas);
	for (size_t i = 0; i < stanzas->count && result == 0; i++)
		if (stanzas->items[i].kind == STANZA_SERVICE)
			result = build_service(build, &stanzas->items[i]);
	if (result == 0)
		result = multiplex_check(build);
	return result == 0 ? endpoints_check(build) : result;
}

int build_table(const struct conf_request *request, const struct stanzas *stanzas,
		struct table **ret, struct diagnostics *diagnostics)
{
	struct build *build = calloc(1, sizeof(*build));
	if (build == NULL)
		return -ENOMEM;
	build->request = request;
	build->diagnostics = diagnostics;
	build->ipv6 = can_make_ipv6_sockets();
	build->table = table_new();
	int result = build->table != NULL ? build_all(build, stanzas) : -ENOMEM;
	if (result == 0 && diagnostics->errors > 0)
		result = -EINVAL;
	if (result == 0)
		*ret = build->table;
	else
		table_free(build->table);
	assignments_done(&build->defaults);
	identities_done(&build->identities);
	free(build);
	return result;
}
