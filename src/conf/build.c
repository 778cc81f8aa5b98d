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
#include <strings.h>
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
		     enum stanza_kind kind, bool native, struct assignments *ret)
{
	for (size_t i = 0; i < stanzas->count; i++) {
		if (stanzas->items[i].kind != kind ||
		    (stanzas->items[i].dialect == DIALECT_NATIVE) != native)
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
	int result = merge_all(build, stanzas, STANZA_SETTINGS, true, &settings);
	if (result == 0)
		result = convert_all(build, &settings, &build->table->settings);
	if (result == 0)
		result = resolve_worker(build, &settings);
	assignments_done(&settings);
	return result;
}

/* Converted once into a service that is thrown away, so that a wrong default is reported
 * where it stands and not once for each service. In xinetd's files, too, it costs
 * everything: what it should have said of each service is not known. */
static int build_defaults(struct build *build, const struct stanzas *stanzas, bool native)
{
	struct assignments *defaults = &build->defaults[!native];
	struct service *scratch = service_new();
	if (scratch == NULL)
		return -ENOMEM;
	int result = merge_all(build, stanzas, STANZA_DEFAULTS, native, defaults);
	if (result == 0)
		result = convert_all(build, defaults, scratch);
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
		build_complain(draft->build, stanza->file, stanza->line,
			       "the name of the service %s", fault);
	const struct service *other = table_find(draft->build->table, stanza->title);
	if (other != NULL)
		build_complain(draft->build, stanza->file, stanza->line,
			       "service '%s' is already defined at %s:%u", stanza->title,
			       other->file, other->line);
}

static int begin_service(struct draft *draft)
{
	struct service *service = draft->service;
	service->id = strdup(draft->stanza->title);
	service->file = strdup(draft->stanza->file);
	service->line = draft->stanza->line;
	service->dialect = draft->stanza->dialect;
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
		result = assume_unsaid(draft);
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
	bool given = draft_find(draft, "port") != NULL;
	bool portless = service_is_multiplexed(service) && !given;
	bool numbered = inet && service->socket_type != SERVICE_RAW;
	if (draft_has_one_kind(draft))
		result = resolve_credentials(draft);
	if (service_is_rpc(service))
		resolve_rpc(draft);
	else if (result == 0 && numbered && !portless && !given &&
		 (draft_find(draft, "protocol") == NULL ||
		  draft_is_good(draft, "protocol")))
		result = resolve_ports(draft);
	if (result == 0 && !portless &&
	    (draft_find(draft, "bind") == NULL || draft_is_good(draft, "bind")))
		result = endpoints_make(draft);
	if (result == 0)
		result = resolve_redirect(draft);
	if (result == 0)
		result = resolve_access(draft);
	return result;
}

static int make_service(struct draft *draft)
{
	int result = begin_service(draft);
	if (result == 0)
		result = convert_service(draft);
	if (result < 0)
		return result;
	check_service(draft);
	return resolve_service(draft);
}

/* Services with errors that cost the load are kept to the end as well: others may clash
 * with them. One that is refused alone leaves its id. */
static int keep_service(struct draft *draft, bool good)
{
	struct build *build = draft->build;
	struct service *service = draft->service;
	bool kept = build->severity == SEVERITY_ERROR || good;
	if (good)
		service->fingerprint = dump_fingerprint(service, &draft->given);
	if (good && service->fingerprint == NULL)
		return -ENOMEM;
	if (kept && table_find(build->table, service->id) == NULL) {
		draft->service = NULL;
		return table_add(build->table, service);
	}
	return good || build->severity != SEVERITY_REFUSAL
		       ? 0
		       : strings_add(&build->table->refused, draft->stanza->title);
}

static bool is_off(const struct stanza *stanza)
{
	const struct stanza_attribute *disable = stanza_find(stanza, "disable");
	return disable != NULL && disable->values.count == 1 &&
	       strcasecmp(disable->values.items[0], "yes") == 0;
}

/* What a mistake costs: what is off in an xinetd file is none of its users' worry. */
static enum severity severity_of(const struct stanza *stanza)
{
	if (stanza->dialect == DIALECT_NATIVE)
		return SEVERITY_ERROR;
	return is_off(stanza) ? SEVERITY_WARNING : SEVERITY_REFUSAL;
}

static int build_service(struct build *build, struct stanza *stanza)
{
	struct draft draft = { .build = build, .stanza = stanza };
	size_t complaints = build->complaints;
	build->severity = severity_of(stanza);
	if (stanza->broken)
		return strings_add(&build->table->refused, stanza->title);
	draft.service = service_new();
	if (draft.service == NULL)
		return -ENOMEM;
	int result = adapt_stanza(&draft);
	if (result == 0) {
		check_id(&draft);
		result = make_service(&draft);
	}
	if (result == 0)
		result = keep_service(&draft, build->complaints == complaints);
	assignments_done(&draft.given);
	service_unref(draft.service);
	return result;
}

static int build_all(struct build *build, struct stanzas *stanzas)
{
	build->severity = SEVERITY_ERROR;
	int result = adapt_addresses(stanzas);
	if (result == 0)
		result = build_settings(build, stanzas);
	if (result == 0)
		result = build_defaults(build, stanzas, true);
	if (result == 0)
		result = build_defaults(build, stanzas, false);
	if (result == 0)
		result = adapt_offer(build, stanzas);
	for (size_t i = 0; i < stanzas->count && result == 0; i++)
		if (stanzas->items[i].kind == STANZA_SERVICE)
			result = build_service(build, &stanzas->items[i]);
	if (result == 0)
		result = multiplex_check(build);
	if (result == 0)
		result = rpc_check(build);
	return result == 0 ? claims_check(build) : result;
}

int build_table(const struct conf_request *request, struct stanzas *stanzas,
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
	assignments_done(&build->defaults[0]);
	assignments_done(&build->defaults[1]);
	identities_done(&build->identities);
	strings_done(&build->known_hosts);
	free(build);
	return result;
}
