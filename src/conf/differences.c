/* SPDX-License-Identifier: ISC */
/* The differences of usherd-xinetd(7) and usherd-inetd(7) that depend on what is asked.
 */
#include "usherd/conf/differences.h"

#include <netinet/in.h>
#include <string.h>

#include "usherd/base/units.h"
#include "usherd/log/event.h"
#include "usherd/model/service.h"

static bool has_family(const struct service *service, sa_family_t family)
{
	for (size_t i = 0; i < service->endpoint_count; i++)
		if (addr_family(&service->endpoints[i].addr) == family)
			return true;
	return false;
}

static bool has_datagrams(const struct service *service)
{
	return (service->protocols & SERVICE_UDP) != 0;
}

static bool was_root(const struct service *service)
{
	return service_is_internal(service) &&
	       (service->user == NULL || strcmp(service->user, "root") == 0 ||
		strcmp(service->user, "0") == 0);
}

static bool is_sensor(const struct service *service)
{
	return service->policy.trap;
}

static bool divides_datagrams(const struct service *service)
{
	return has_datagrams(service) && !service->wait &&
	       !service_is_internal(service) && !is_sensor(service);
}

/* Who has left it as xinetd has it by itself has hardly counted on how it counts. */
static bool counts_seconds(const struct service *service)
{
	return service->policy.cps_rate != 0 &&
	       (service->policy.cps_rate != POLICY_CPS_RATE ||
		service->policy.cps_pause_ns != POLICY_CPS_PAUSE_NS);
}

static bool counts_networks(const struct service *service)
{
	return service->policy.per_source != UNITS_UNLIMITED &&
	       service->policy.source_ipv6_bits < 128 && has_family(service, AF_INET6);
}

static bool counts_bytes(const struct service *service)
{
	return ((service->log_on_success | service->log_on_failure) & EVENT_TRAFFIC) !=
		       0 &&
	       !service_is_redirect(service);
}

static bool asks_nobody(const struct service *service)
{
	return ((service->log_on_success | service->log_on_failure) & EVENT_USERID) !=
		       0 &&
	       has_datagrams(service);
}

static bool knows_names(const struct service *service)
{
	return service->policy.only_from.names.count > 0 ||
	       service->policy.no_access.names.count > 0;
}

static bool is_screened(const struct service *service)
{
	return service->policy.screened;
}

static bool has_rpc_port(const struct service *service)
{
	return service_is_rpc(service) && service->port_count > 0 &&
	       service->ports[0].first != 0;
}

static bool has_full_log(const struct service *service)
{
	return service->log_type.kind == LOG_TYPE_FILE &&
	       service->log_type.soft_limit != 0;
}

static bool counts_minutes(const struct service *service)
{
	return service->policy.cpm_rate != 0;
}

static bool has_most(const struct service *service)
{
	return service->policy.instances != UNITS_UNLIMITED && !service->wait;
}

static const struct difference {
	enum dialect dialect;
	bool (*concerns)(const struct service *service);
	const char *text;
} differences[] = {
	{ DIALECT_XINETD, was_root,
	  "is served in process with the rights of worker_user, not as root" },
	{ DIALECT_XINETD, divides_datagrams,
	  "has a program and a connected socket for each peer, and loses no datagram" },
	{ DIALECT_XINETD, counts_seconds,
	  "cps counts the connections of one second; xinetd takes the average of as many "
	  "seconds as connections are allowed" },
	{ DIALECT_XINETD, counts_networks,
	  "per_source counts IPv6 clients by their network, see source_prefix" },
	{ DIALECT_XINETD, is_sensor,
	  "the sensor denies who came by TCP, for exactly deny_time and longer each "
	  "time" },
	{ DIALECT_XINETD, knows_names,
	  "a name in its lists counts only if it leads back to the client's address" },
	{ DIALECT_XINETD, is_screened,
	  "INTERCEPT is a packet filter: whom it keeps out is neither answered nor "
	  "logged" },
	{ DIALECT_XINETD, counts_bytes,
	  "TRAFFIC is accepted without redirect, for which xinetd leaves the service "
	  "out" },
	{ DIALECT_XINETD, asks_nobody, "USERID has no line for datagrams" },
	{ DIALECT_XINETD, has_rpc_port, "has the port that is given, in place of any" },
	{ DIALECT_XINETD, has_full_log,
	  "its log file takes lines again as soon as it has been emptied or replaced" },
	{ DIALECT_INETD, was_root,
	  "is served in process with the rights of worker_user, not as root" },
	{ DIALECT_INETD, divides_datagrams,
	  "has a program and a connected socket for each peer" },
	{ DIALECT_INETD, counts_minutes,
	  "rests for seconds after too many starts in a minute, not for ten minutes" },
	{ DIALECT_INETD, has_most,
	  "refuses connections while the most programs run, which would wait elsewhere" },
};

static bool tell_service(const struct service *service, struct diagnostics *diagnostics)
{
	bool told = false;

	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
		const struct difference *difference = &differences[i];

		if (difference->dialect != service->dialect ||
		    !difference->concerns(service))
			continue;
		diagnostics_add(diagnostics, SEVERITY_NOTE, service->file, service->line,
				"service '%s': %s", service->id, difference->text);
		told = true;
	}
	return told;
}

size_t differences_tell(const struct table *table, struct diagnostics *diagnostics)
{
	size_t told = 0;

	for (size_t i = 0; i < table->count; i++)
		if (!table->services[i]->disable)
			told += tell_service(table->services[i], diagnostics);
	return told;
}
