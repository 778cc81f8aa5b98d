/* SPDX-License-Identifier: ISC */
/*
 * A row for each line that xinetd has; what it has no line for follows under the name of
 * its attribute. What is running is state_dump.c's.
 */
#include "usherd/daemon/service_dump.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "usherd/base/addr.h"
#include "usherd/base/clock.h"
#include "usherd/base/units.h"
#include "usherd/conf/attributes.h"
#include "usherd/log/log.h"

#define INDENT "\t\t"

/* One line, or those of one thing. */
struct row {
	const char *label;     /* of a row without `write` */
	const char *attribute; /* whose words it shows */
	const char *otherwise; /* said when there are none; NULL: no line */
	void (*write)(const struct service *service, FILE *out);
};

/* The words of attribute @name; 1, 0 if there are none (it may be one that this build
 * does not have), or -ENOMEM. */
static int words_of(const struct service *service, const char *name, struct strings *ret)
{
	const struct attribute *attribute = attribute_find(name);
	int r = attribute != NULL ? attribute_format(attribute, service, ret) : 0;

	return r == 1 && ret->count == 0 ? 0 : r;
}

static void put_words(const struct strings *words, FILE *out)
{
	for (size_t i = 0; i < words->count; i++)
		(void)fprintf(out, " %s", words->items[i]);
	(void)fputc('\n', out);
}

static void write_id(const struct service *service, FILE *out)
{
	(void)fprintf(out, INDENT "id = %s\n", service->id);
}

static void write_socket_type(const struct service *service, FILE *out)
{
	bool streams = (service->protocols & SERVICE_UDP) == 0 &&
		       service->socket_type != SERVICE_DGRAM;
	bool both = (service->protocols & SERVICE_TCP) != 0 && !streams;
	const char *type = streams ? "stream" : "dgram";

	if (service->socket_type == SERVICE_RAW)
		type = "raw";
	if (service->socket_type == SERVICE_SEQPACKET)
		type = "seqpacket";
	(void)fprintf(out, INDENT "socket_type = %s\n", both ? "stream dgram" : type);
}

static void write_protocol(const struct service *service, FILE *out)
{
	const struct {
		unsigned protocol;
		const char *name;
		int number;
	} protocols[] = { { SERVICE_TCP, "tcp", IPPROTO_TCP },
			  { SERVICE_UDP, "udp", IPPROTO_UDP },
			  { SERVICE_UNIX, "unix", 0 },
			  { SERVICE_IP, service->protocol_name,
			    service->protocol_number } };

	(void)fputs(INDENT "Protocol (name,number) =", out);
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if ((service->protocols & protocols[i].protocol) != 0)
			(void)fprintf(out, " (%s,%d)", protocols[i].name,
				      protocols[i].number);
	(void)fputc('\n', out);
}

/* One that was found in the services database stands in the endpoints alone. */
static void write_port(const struct service *service, FILE *out)
{
	const char *separator = "";

	if ((service->protocols & SERVICE_UNIX) != 0 ||
	    (service->port_count == 0 && service->endpoint_count == 0))
		return;
	(void)fputs(INDENT "port = ", out);
	for (size_t i = 0; i < service->port_count; i++) {
		const struct port_range *range = &service->ports[i];

		(void)fprintf(out, "%s%u", separator, (unsigned)range->first);
		if (range->last != range->first)
			(void)fprintf(out, "-%u", (unsigned)range->last);
		separator = " ";
	}
	if (service->port_count == 0)
		(void)fprintf(out, "%u",
			      (unsigned)addr_port(&service->endpoints[0].addr));
	(void)fputc('\n', out);
}

static void write_ids(const struct service *service, FILE *out)
{
	const struct credentials *credentials = &service->program.credentials;

	if (credentials->change)
		(void)fprintf(out, INDENT "user = %lu\n" INDENT "group = %lu\n",
			      (unsigned long)credentials->uid,
			      (unsigned long)credentials->gid);
}

static void write_umask(const struct service *service, FILE *out)
{
	if (service->program.umask_given)
		(void)fprintf(out, INDENT "umask = %o\n",
			      (unsigned)service->program.umask);
}

static void write_cps(const struct service *service, FILE *out)
{
	const struct policy *policy = &service->policy;

	if (policy->cps_rate != 0)
		(void)fprintf(out, INDENT "CPS = max conn:%" PRIu64 " wait:%" PRIu64 "\n",
			      policy->cps_rate,
			      policy->cps_pause_ns / CLOCK_NS_PER_SECOND);
}

/* As xinetd says "no limit". */
static void write_per_source(const struct service *service, FILE *out)
{
	if (service->policy.per_source == UNITS_UNLIMITED)
		(void)fputs(INDENT "PER_SOURCE = -1\n", out);
	else
		(void)fprintf(out, INDENT "PER_SOURCE = %" PRIu64 "\n",
			      service->policy.per_source);
}

static const char *form_of(const char *word)
{
	struct addr addr;

	if (strchr(word, '/') != NULL)
		return "NET";
	return addr_parse_ip(word, 0, &addr, NULL) == 0 ? "NUMERIC" : "HOST";
}

static void write_list(const struct service *service, const char *label, const char *name,
		       const char *otherwise, FILE *out)
{
	struct strings words = { 0 };

	(void)fprintf(out, INDENT "%s:", label);
	if (words_of(service, name, &words) != 1)
		(void)fprintf(out, " %s", otherwise);
	else
		(void)fputc(' ', out);
	for (size_t i = 0; i < words.count; i++)
		(void)fprintf(out, " %s(%s)", words.items[i], form_of(words.items[i]));
	(void)fputc('\n', out);
	strings_done(&words);
}

static void write_only_from(const struct service *service, FILE *out)
{
	write_list(service, "Only from", "only_from",
		   service->policy.only_from.given ? "No sites" : "All sites", out);
}

static void write_no_access(const struct service *service, FILE *out)
{
	write_list(service, "No access", "no_access", "No blocked sites", out);
}

static void write_log(const struct service *service, FILE *out)
{
	const struct log_type *type = &service->log_type;

	switch (type->kind) {
	case LOG_TYPE_MAIN:
		(void)fputs(INDENT "Logging to common log file\n", out);
		break;
	case LOG_TYPE_NONE:
		(void)fputs(INDENT "No logging\n", out);
		break;
	case LOG_TYPE_SYSLOG:
		(void)fprintf(out,
			      INDENT "Logging to syslog. Facility = %s, level = %s\n",
			      log_facility_name(type->facility),
			      log_severity_name(type->severity));
		break;
	case LOG_TYPE_FILE:
		(void)fprintf(out, INDENT "Logging to file: %s", type->path);
		if (type->hard_limit == 0)
			(void)fputs(" (no limits)\n", out);
		else
			(void)fprintf(out, " (soft=%" PRIu64 " hard=%" PRIu64 ")\n",
				      type->soft_limit, type->hard_limit);
		break;
	}
}

static void write_environment(const struct service *service, FILE *out)
{
	const struct strings *env = &service->program.env;

	if (env->count > 0)
		(void)fputs(INDENT "Environment additions:\n", out);
	for (size_t i = 0; i < env->count; i++)
		(void)fprintf(out, INDENT "\t%s\n", env->items[i]);
}

static void write_arguments(const struct service *service, FILE *out)
{
	if (service->program.path == NULL)
		return;
	(void)fputs(INDENT "Server argv =", out);
	put_words(&service->program.argv, out);
}

/* In xinetd's order. A row without a label stands for its attribute in another one, or in
 * what it writes itself. */
static const struct row rows[] = {
	{ .write = write_id },
	{ .label = "flags", .attribute = "flags" },
	{ .label = "type", .attribute = "type" },
	{ .attribute = "socket_type", .write = write_socket_type },
	{ .attribute = "protocol", .write = write_protocol },
	{ .attribute = "port", .write = write_port },
	{ .label = "Instances", .attribute = "instances" },
	{ .label = "wait", .attribute = "wait" },
	{ .attribute = "user", .write = write_ids },
	{ .attribute = "group" },
	{ .label = "Groups", .attribute = "groups" },
	{ .attribute = "umask", .write = write_umask },
	{ .label = "Nice", .attribute = "nice" },
	{ .attribute = "cps", .write = write_cps },
	{ .attribute = "per_source", .write = write_per_source },
	{ .label = "Bind", .attribute = "bind", .otherwise = "All addresses." },
	{ .label = "Server", .attribute = "server" },
	{ .attribute = "server_args", .write = write_arguments },
	{ .attribute = "argv0" },
	{ .label = "Internal", .attribute = "internal" },
	{ .label = "Redirect", .attribute = "redirect" },
	{ .label = "Access times", .attribute = "access_times" },
	{ .attribute = "only_from", .write = write_only_from },
	{ .attribute = "no_access", .write = write_no_access },
	{ .attribute = "log_type", .write = write_log },
	{ .label = "Log_on_success flags", .attribute = "log_on_success" },
	{ .label = "Log_on_failure flags", .attribute = "log_on_failure" },
	{ .label = "Passenv", .attribute = "passenv" },
	{ .attribute = "env", .write = write_environment },
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static int write_words(const struct row *row, const struct service *service, FILE *out)
{
	struct strings words = { 0 };
	int r = words_of(service, row->attribute, &words);

	if (r == 1) {
		(void)fprintf(out, INDENT "%s =", row->label);
		put_words(&words, out);
	} else if (r == 0 && row->otherwise != NULL) {
		(void)fprintf(out, INDENT "%s = %s\n", row->label, row->otherwise);
	}
	strings_done(&words);
	return r < 0 ? r : 0;
}

static bool has_row(const struct attribute *attribute)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].attribute != NULL &&
		    strcmp(rows[i].attribute, attribute->name) == 0)
			return true;
	return false;
}

/* What is not at its default of what xinetd shows nothing of. */
static int write_other(const struct attribute *attribute, const struct service *service,
		       const struct service *built_in, FILE *out)
{
	struct strings words = { 0 }, usual = { 0 };
	int r = attribute_format(attribute, service, &words);
	int u = r == 1 ? attribute_format(attribute, built_in, &usual) : 0;

	if (r == 1 && u >= 0 && words.count > 0 &&
	    !(u == 1 && strings_equal(&words, &usual))) {
		(void)fprintf(out, INDENT "%s =", attribute->name);
		put_words(&words, out);
	}
	strings_done(&words);
	strings_done(&usual);
	return r < 0 ? r : u < 0 ? u : 0;
}

static int write_others(const struct service *service, FILE *out)
{
	struct service *built_in = service_new();
	const struct attribute *attribute;
	int r = built_in != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && (attribute = attribute_at(i)) != NULL; i++)
		if ((attribute->place & ATTRIBUTE_SERVICE) != 0 && !has_row(attribute))
			r = write_other(attribute, service, built_in, out);
	service_unref(built_in);
	return r;
}

int service_dump(const struct service *service, FILE *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ROW_COUNT; i++) {
		if (rows[i].write != NULL)
			rows[i].write(service, out);
		else if (rows[i].label != NULL)
			r = write_words(&rows[i], service, out);
	}
	return r < 0 ? r : write_others(service, out);
}
