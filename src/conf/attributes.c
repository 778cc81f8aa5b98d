/* SPDX-License-Identifier: ISC */
/*
 * The attribute table, in canonical order. The order matters where one converter looks
 * at what another left: protocol before port, server before argv0 before server_args.
 */
#include "usherd/conf/attributes.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "usherd/base/closest.h"
#include "usherd/conf/value_kinds.h"
#include "usherd/log/event.h"
#include "usherd/model/table.h"

#define SERVICE_FIELD(member)  offsetof(struct service, member)
#define SETTINGS_FIELD(member) offsetof(struct settings, member)
#define INHERITED              (ATTRIBUTE_SERVICE | ATTRIBUTE_DEFAULTS)

static const struct attribute_word types[] = {
	{ "TCPMUX", SERVICE_TCPMUX },     { "TCPMUXPLUS", SERVICE_TCPMUXPLUS },
	{ "RPC", SERVICE_RPC },           { "INTERNAL", SERVICE_INTERNAL },
	{ "UNLISTED", SERVICE_UNLISTED }, { NULL, 0 }
};
static const struct attribute_word flags[] = {
	{ "REUSE", SERVICE_REUSE },         { "NAMEINARGS", SERVICE_NAMEINARGS },
	{ "IDONLY", SERVICE_IDONLY },       { "NODELAY", SERVICE_NODELAY },
	{ "KEEPALIVE", SERVICE_KEEPALIVE }, { "NORETRY", SERVICE_NORETRY },
	{ "SENSOR", SERVICE_SENSOR },       { "NOLIBWRAP", SERVICE_NOLIBWRAP },
	{ "INTERCEPT", SERVICE_INTERCEPT }, { "IPv4", SERVICE_IPV4 },
	{ "IPv6", SERVICE_IPV6 },           { NULL, 0 }
};
static const struct attribute_word protocols[] = { { "tcp", SERVICE_TCP },
						   { "udp", SERVICE_UDP },
						   { "unix", SERVICE_UNIX },
						   { NULL, 0 } };
static const struct attribute_word socket_types[] = { { "stream", SERVICE_STREAM },
						      { "dgram", SERVICE_DGRAM },
						      { "raw", SERVICE_RAW },
						      { "seqpacket", SERVICE_SEQPACKET },
						      { NULL, 0 } };
static const struct attribute_word stderr_targets[] = { { "connection",
							  STDERR_CONNECTION },
							{ "log", STDERR_LOG },
							{ "null", STDERR_NULL },
							{ NULL, 0 } };
static const struct attribute_word success_fields[] = { { "PID", EVENT_PID },
							{ "HOST", EVENT_HOST },
							{ "USERID", EVENT_USERID },
							{ "EXIT", EVENT_EXIT_STATUS },
							{ "DURATION", EVENT_DURATION },
							{ "TRAFFIC", EVENT_TRAFFIC },
							{ NULL, 0 } };
static const struct attribute_word failure_fields[] = { { "HOST", EVENT_HOST },
							{ "USERID", EVENT_USERID },
							{ "ATTEMPT", EVENT_ATTEMPT },
							{ NULL, 0 } };
static const struct attribute_word stop_modes[] = { { "terminate", STOP_TERMINATE },
						    { "detach", STOP_DETACH },
						    { NULL, 0 } };

#define RLIMIT(text, other, number, how, highest, about)                                 \
	{                                                                                \
		.name = "rlimit_" text, .alias = (other), .kind = &kind_rlimit_##how,    \
		.place = INHERITED, .flags = ATTRIBUTE_PROGRAM, .index = (number),       \
		.max = (highest), .offset = SERVICE_FIELD(program), .help = (about)      \
	}

/* clang-format off */
static const struct attribute attributes[] = {
	{ .name = "log", .kind = &kind_log, .place = ATTRIBUTE_SETTING,
	  .offset = SETTINGS_FIELD(log),
	  .help = "where messages go" },
	{ .name = "pidfile", .kind = &kind_path, .place = ATTRIBUTE_SETTING,
	  .offset = SETTINGS_FIELD(pidfile),
	  .help = "file that holds the process id while usherd runs" },
	{ .name = "include", .kind = &kind_include, .place = ATTRIBUTE_SETTING,
	  .flags = ATTRIBUTE_PER_FILE,
	  .help = "further files to read, relative to this one" },
	{ .name = "xinetd_conf", .kind = &kind_include, .place = ATTRIBUTE_SETTING,
	  .flags = ATTRIBUTE_PER_FILE,
	  .help = "files of xinetd to serve as well, in xinetd.conf(5)'s syntax" },
	{ .name = "inetd_conf", .kind = &kind_include, .place = ATTRIBUTE_SETTING,
	  .flags = ATTRIBUTE_PER_FILE,
	  .help = "files or directories of inetd to serve as well" },
	{ .name = "max_children", .kind = &kind_count, .place = ATTRIBUTE_SETTING,
	  .offset = SETTINGS_FIELD(max_children),
	  .help = "most programs running at once, over all services" },
	{ .name = "worker_user", .kind = &kind_text, .place = ATTRIBUTE_SETTING,
	  .offset = SETTINGS_FIELD(worker_user),
	  .help = "whose rights in-process services are served with" },
	{ .name = "workers", .kind = &kind_number, .place = ATTRIBUTE_SETTING,
	  .offset = SETTINGS_FIELD(workers), .min = 1, .max = WORKERS_MAX,
	  .help = "processes that serve the in-process services of one user" },
	{ .name = "stop", .kind = &kind_word, .place = ATTRIBUTE_SETTING,
	  .offset = SETTINGS_FIELD(stop), .words = stop_modes,
	  .help = "what becomes of running programs when usherd stops" },
	{ .name = "stop_grace", .kind = &kind_duration, .place = ATTRIBUTE_SETTING,
	  .offset = SETTINGS_FIELD(stop_grace_ns),
	  .help = "time between TERM and KILL when usherd stops" },
	{ .name = "enabled", .kind = &kind_ids, .place = ATTRIBUTE_OFFER,
	  .flags = ATTRIBUTE_SET,
	  .help = "services that are offered, if not all" },
	{ .name = "disabled", .kind = &kind_ids, .place = ATTRIBUTE_OFFER,
	  .flags = ATTRIBUTE_SET,
	  .help = "services that are not offered" },
	{ .name = "id", .kind = &kind_id, .place = ATTRIBUTE_SERVICE,
	  .help = "what the service is called, if its title is its name" },
	{ .name = "name", .kind = &kind_name, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(name),
	  .help = "name in the services database, if not the title" },
	{ .name = "type", .kind = &kind_words, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(types), .min = 1, .words = types,
	  .help = "how the service is reached other than by a port" },
	{ .name = "flags", .kind = &kind_words, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(flags), .words = flags,
	  .help = "particulars of its sockets and programs" },
	{ .name = "disable", .kind = &kind_boolean, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(disable),
	  .help = "check the service, but do not offer it" },
	{ .name = "protocol", .kind = &kind_protocols, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_ALWAYS, .offset = SERVICE_FIELD(protocols), .min = 1,
	  .words = protocols,
	  .help = "transport of the connections" },
	{ .name = "socket_type", .kind = &kind_word, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(socket_type), .words = socket_types,
	  .help = "type of the socket; follows from protocol for tcp and udp" },
	{ .name = "wait", .kind = &kind_boolean, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(wait),
	  .help = "hand the listening socket to one program at a time" },
	{ .name = "bind", .kind = &kind_bind, .place = INHERITED,
	  .flags = ATTRIBUTE_ALWAYS, .offset = SERVICE_FIELD(bind),
	  .help = "addresses to listen on" },
	{ .name = "interface", .kind = &kind_interface, .place = INHERITED,
	  .flags = ATTRIBUTE_INET, .offset = SERVICE_FIELD(interface),
	  .help = "network interface to listen on" },
	{ .name = "port", .kind = &kind_ports, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_ALWAYS | ATTRIBUTE_INET, .offset = SERVICE_FIELD(ports),
	  .help = "ports to listen on, if not those of the services database" },
	{ .name = "rpc_version", .kind = &kind_rpc_version, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_RPC, .offset = SERVICE_FIELD(rpc_versions),
	  .help = "versions of the RPC program that are registered" },
	{ .name = "rpc_number", .kind = &kind_rpc_number, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_RPC, .offset = SERVICE_FIELD(rpc_number),
	  .help = "number of the RPC program, if not that of the rpc database" },
	{ .name = "v6only", .kind = &kind_boolean, .place = INHERITED,
	  .flags = ATTRIBUTE_INET, .offset = SERVICE_FIELD(v6only),
	  .help = "IPv6 sockets take no IPv4 clients" },
	{ .name = "backlog", .kind = &kind_number, .place = INHERITED,
	  .offset = SERVICE_FIELD(backlog), .min = 1, .max = 65535,
	  .help = "connections the kernel keeps waiting" },
	{ .name = "socket_owner", .kind = &kind_text, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_UNIX, .offset = SERVICE_FIELD(socket_owner),
	  .help = "owner of the socket's path" },
	{ .name = "socket_group", .kind = &kind_text, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_UNIX, .offset = SERVICE_FIELD(socket_group),
	  .help = "group of the socket's path" },
	{ .name = "socket_mode", .kind = &kind_mode, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_UNIX, .offset = SERVICE_FIELD(socket_mode), .max = 0777,
	  .help = "mode of the socket's path" },
	{ .name = "user", .kind = &kind_text, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(user),
	  .help = "whose rights the service runs with" },
	{ .name = "group", .kind = &kind_text, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(group),
	  .help = "group of the service, if not the user's" },
	{ .name = "groups", .kind = &kind_boolean, .place = INHERITED,
	  .flags = ATTRIBUTE_PROGRAM, .offset = SERVICE_FIELD(groups),
	  .help = "give the program the user's supplementary groups" },
	{ .name = "server", .kind = &kind_server, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(program),
	  .help = "program to start" },
	{ .name = "argv0", .kind = &kind_argv0, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_PROGRAM, .offset = SERVICE_FIELD(program),
	  .help = "name the program is called by, if not its file's" },
	{ .name = "server_args", .kind = &kind_arguments, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_PROGRAM, .offset = SERVICE_FIELD(program),
	  .help = "arguments of the program" },
	{ .name = "internal", .kind = &kind_internal, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(internal),
	  .help = "in-process service to answer with, instead of a program" },
	{ .name = "redirect", .kind = &kind_redirect, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(redirect),
	  .help = "where to relay clients to, instead of a program" },
	{ .name = "connect_timeout", .kind = &kind_duration, .place = INHERITED,
	  .flags = ATTRIBUTE_REDIRECT, .offset = SERVICE_FIELD(connect_timeout_ns),
	  .help = "time to reach one of the targets of redirect in" },
	{ .name = "ident", .kind = &kind_ident, .place = ATTRIBUTE_SERVICE,
	  .help = "what the in-process service ident says of users" },
	{ .name = "document_root", .kind = &kind_path, .place = ATTRIBUTE_SERVICE,
	  .internal = "http", .offset = SERVICE_FIELD(document_root),
	  .help = "directory whose files are served" },
	{ .name = "index", .kind = &kind_index, .place = INHERITED,
	  .internal = "http", .offset = SERVICE_FIELD(index),
	  .help = "files that are served for their directory, the first there is" },
	{ .name = "listing", .kind = &kind_boolean, .place = INHERITED,
	  .internal = "http", .offset = SERVICE_FIELD(listing),
	  .help = "list the files of a directory without an index file" },
	{ .name = "env", .kind = &kind_environment, .place = INHERITED,
	  .flags = ATTRIBUTE_SET | ATTRIBUTE_PROGRAM, .offset = SERVICE_FIELD(program.env),
	  .help = "variables added to the environment" },
	{ .name = "passenv", .kind = &kind_passenv, .place = INHERITED,
	  .flags = ATTRIBUTE_SET | ATTRIBUTE_PROGRAM, .offset = SERVICE_FIELD(program),
	  .help = "variables passed on from usherd's environment, if not all" },
	{ .name = "chroot", .kind = &kind_path, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_PROGRAM, .offset = SERVICE_FIELD(program.chroot),
	  .help = "root directory of the program" },
	{ .name = "directory", .kind = &kind_path, .place = ATTRIBUTE_SERVICE,
	  .flags = ATTRIBUTE_PROGRAM, .offset = SERVICE_FIELD(program.directory),
	  .help = "working directory, as seen inside chroot" },
	{ .name = "nice", .kind = &kind_number, .place = INHERITED,
	  .flags = ATTRIBUTE_PROGRAM, .offset = SERVICE_FIELD(program.nice),
	  .min = -20, .max = 19,
	  .help = "added to the scheduling priority, see nice(2)" },
	{ .name = "umask", .kind = &kind_umask, .place = INHERITED,
	  .flags = ATTRIBUTE_PROGRAM, .offset = SERVICE_FIELD(program), .max = 0777,
	  .help = "file mode creation mask" },
	{ .name = "stderr", .kind = &kind_word, .place = INHERITED,
	  .flags = ATTRIBUTE_PROGRAM, .offset = SERVICE_FIELD(program.stderr_target),
	  .words = stderr_targets,
	  .help = "where the program's standard error goes" },
	RLIMIT("as", NULL, RLIMIT_AS, size, 0, "most address space"),
	RLIMIT("cpu", NULL, RLIMIT_CPU, seconds, 0, "most processor time"),
	RLIMIT("fsize", NULL, RLIMIT_FSIZE, size, 0, "largest file written"),
	RLIMIT("data", NULL, RLIMIT_DATA, size, 0, "most data segment"),
	RLIMIT("stack", NULL, RLIMIT_STACK, size, 0, "most stack"),
	RLIMIT("core", NULL, RLIMIT_CORE, size, 0, "largest core dump"),
	RLIMIT("rss", NULL, RLIMIT_RSS, size, 0, "most resident memory"),
	RLIMIT("nproc", NULL, RLIMIT_NPROC, count, 0, "most processes of the user"),
	RLIMIT("nofile", "rlimit_files", RLIMIT_NOFILE, count, 0, "most open files"),
	RLIMIT("memlock", NULL, RLIMIT_MEMLOCK, size, 0, "most locked memory"),
	RLIMIT("locks", NULL, RLIMIT_LOCKS, count, 0, "most file locks"),
	RLIMIT("sigpending", NULL, RLIMIT_SIGPENDING, count, 0, "most queued signals"),
	RLIMIT("msgqueue", NULL, RLIMIT_MSGQUEUE, size, 0, "most POSIX message queues"),
	RLIMIT("nice", NULL, RLIMIT_NICE, count, 40, "ceiling of 20 minus nice"),
	RLIMIT("rtprio", NULL, RLIMIT_RTPRIO, count, 99,
	       "ceiling of real-time priority"),
	RLIMIT("rttime", NULL, RLIMIT_RTTIME, microseconds, 0,
	       "most real-time processor time without a pause"),
	{ .name = "instances", .kind = &kind_count, .place = INHERITED,
	  .offset = SERVICE_FIELD(policy.instances),
	  .help = "most connections at once" },
	{ .name = "per_source", .kind = &kind_count, .place = INHERITED,
	  .offset = SERVICE_FIELD(policy.per_source),
	  .help = "most connections at once from one source" },
	{ .name = "per_source_cpm", .kind = &kind_count, .place = INHERITED,
	  .offset = SERVICE_FIELD(policy.per_source_cpm),
	  .help = "most connections per minute from one source" },
	{ .name = "source_prefix", .kind = &kind_source_prefix, .place = INHERITED,
	  .offset = SERVICE_FIELD(policy),
	  .help = "how many leading bits of an address make one source" },
	{ .name = "cps", .kind = &kind_cps, .place = INHERITED,
	  .offset = SERVICE_FIELD(policy),
	  .help = "most connections per second, and the pause after more" },
	{ .name = "cpm", .kind = &kind_cpm, .place = INHERITED,
	  .offset = SERVICE_FIELD(policy),
	  .help = "most connections per minute, and the pause after more" },
	{ .name = "only_from", .kind = &kind_prefixes, .place = INHERITED,
	  .flags = ATTRIBUTE_SET | ATTRIBUTE_INET, .offset = SERVICE_FIELD(policy.only_from),
	  .help = "who may connect, if not everybody" },
	{ .name = "no_access", .kind = &kind_prefixes, .place = INHERITED,
	  .flags = ATTRIBUTE_SET | ATTRIBUTE_INET, .offset = SERVICE_FIELD(policy.no_access),
	  .help = "who may not connect" },
	{ .name = "access_times", .kind = &kind_access_times, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(policy),
	  .help = "times of the day at which clients are taken, if not always" },
	{ .name = "deny_time", .kind = &kind_deny_time, .place = ATTRIBUTE_SERVICE,
	  .offset = SERVICE_FIELD(policy.deny_ns),
	  .help = "how long all services deny who connects to this sensor" },
	{ .name = "max_load", .kind = &kind_load, .place = INHERITED,
	  .offset = SERVICE_FIELD(policy.max_load),
	  .help = "load average from which on clients are refused" },
	{ .name = "banner", .kind = &kind_path, .place = INHERITED,
	  .offset = SERVICE_FIELD(banners[SERVICE_BANNER_GREETING]),
	  .help = "file that every client is sent first" },
	{ .name = "banner_success", .kind = &kind_path, .place = INHERITED,
	  .offset = SERVICE_FIELD(banners[SERVICE_BANNER_SUCCESS]),
	  .help = "file that a client is sent before it is served" },
	{ .name = "banner_fail", .kind = &kind_path, .place = INHERITED,
	  .offset = SERVICE_FIELD(banners[SERVICE_BANNER_FAIL]),
	  .help = "file that a client is sent when it is refused" },
	{ .name = "log_type", .kind = &kind_log_type, .place = INHERITED,
	  .offset = SERVICE_FIELD(log_type),
	  .help = "where the lines about the service's clients go" },
	{ .name = "libwrap", .kind = &kind_libwrap, .place = INHERITED,
	  .flags = ATTRIBUTE_INET, .offset = SERVICE_FIELD(libwrap),
	  .help = "ask hosts.allow and hosts.deny, and by which name" },
	{ .name = "log_on_success", .kind = &kind_words, .place = INHERITED,
	  .flags = ATTRIBUTE_SET,
	  .offset = SERVICE_FIELD(log_on_success), .words = success_fields,
	  .help = "what is logged of a connection that was served" },
	{ .name = "log_on_failure", .kind = &kind_words, .place = INHERITED,
	  .flags = ATTRIBUTE_SET,
	  .offset = SERVICE_FIELD(log_on_failure), .words = failure_fields,
	  .help = "what is logged of a connection that was refused" },
	{ .name = "idle_timeout", .kind = &kind_duration, .place = INHERITED,
	  .offset = SERVICE_FIELD(idle_timeout_ns),
	  .help = "end in-process sessions and datagram peers idle for so long" },
};
/* clang-format on */

#define ATTRIBUTE_COUNT (sizeof(attributes) / sizeof(attributes[0]))
_Static_assert(ATTRIBUTE_COUNT <= ATTRIBUTES_MAX, "raise ATTRIBUTES_MAX");

const struct attribute *attribute_at(size_t index)
{
	return index < ATTRIBUTE_COUNT ? &attributes[index] : NULL;
}

size_t attribute_index(const struct attribute *attribute)
{
	return (size_t)(attribute - attributes);
}

/* Asked some fifty times for each service: most names differ in the first byte. */
static bool is_called(const char *known, const char *name)
{
	return known != NULL && known[0] == name[0] && strcmp(known, name) == 0;
}

const struct attribute *attribute_find(const char *name)
{
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		if (is_called(attributes[i].name, name) ||
		    is_called(attributes[i].alias, name))
			return &attributes[i];
	return NULL;
}

const char *attribute_suggest(const char *name, unsigned places)
{
	struct closest search;
	closest_init(&search, name);
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
		if ((attributes[i].place & places) == 0)
			continue;
		closest_consider(&search, attributes[i].name);
		if (attributes[i].alias != NULL)
			closest_consider(&search, attributes[i].alias);
	}
	return search.best;
}

static int check_count(const struct value_kind *kind, size_t count, struct error *err)
{
	size_t most = kind->words_max > 0 ? kind->words_max : kind->words;
	if (count >= kind->words && count <= most)
		return 0;
	if (most != kind->words)
		return error_set(err, -EINVAL, "expected %zu to %zu values, got %zu",
				 kind->words, most, count);
	return error_set(err, -EINVAL, "expected %zu %s, got %zu", kind->words,
			 kind->words == 1 ? "value" : "values", count);
}

int attribute_parse(const struct attribute *attribute, const struct strings *values,
		    void *object, struct error *err)
{
	const struct value_kind *kind = attribute->kind;
	int result = kind->list ? 0 : check_count(kind, values->count, err);
	if (result == 0)
		result = kind->parse(attribute, values, object, err);
	if (result < 0)
		error_prefix(err, "%s", attribute->name);
	return result;
}

int attribute_format(const struct attribute *attribute, const void *object,
		     struct strings *ret)
{
	return attribute->kind->format(attribute, object, ret);
}
