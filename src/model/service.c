/* SPDX-License-Identifier: ISC */
/*
 * The life of a service: its built-in defaults, its references, its end. What the
 * fields may hold is checked where they are filled, in conf. Counted without
 * locks: one thread at a time has a service, first who loads it, then who serves it.
 */
#include "usherd/model/service.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/base/units.h"

static const struct service defaults = {
	.references = 1,
	.protocols = SERVICE_TCP,
	.backlog = 4096,
	.socket_mode = 0666,
	.connect_timeout_ns = 10 * CLOCK_NS_PER_SECOND,
	.program = { .stderr_target = STDERR_CONNECTION },
	.policy = {
		.instances = UNITS_UNLIMITED,
		.per_source = UNITS_UNLIMITED,
		.per_source_cpm = UNITS_UNLIMITED,
		.cps_rate = POLICY_CPS_RATE,
		.cps_pause_ns = POLICY_CPS_PAUSE_NS,
		.source_ipv4_bits = 32,
		.source_ipv6_bits = 64,
	},
};

struct service *service_new(void)
{
	struct service *service = malloc(sizeof(*service));

	if (service != NULL)
		*service = defaults;
	return service;
}

struct service *service_ref(struct service *service)
{
	assert(service->references > 0);
	service->references++;
	return service;
}

static void service_free(struct service *service)
{
	free(service->id);
	free(service->name);
	free(service->file);
	strings_done(&service->bind);
	free(service->protocol_name);
	free(service->ports);
	free(service->socket_owner);
	free(service->socket_group);
	free(service->user);
	free(service->group);
	free(service->internal);
	free(service->libwrap);
	target_list_done(&service->redirect);
	free(service->ident_name);
	free(service->document_root);
	strings_done(&service->index);
	program_done(&service->program);
	policy_done(&service->policy);
	for (size_t i = 0; i < SERVICE_BANNERS; i++)
		free(service->banners[i]);
	log_type_done(&service->log_type);
	free(service->endpoints);
	free(service->fingerprint);
	free(service);
}

void service_unref(struct service *service)
{
	if (service == NULL)
		return;
	assert(service->references > 0);
	if (--service->references == 0)
		service_free(service);
}

bool service_is_same(const struct service *a, const struct service *b)
{
	return a->fingerprint != NULL && b->fingerprint != NULL &&
	       strcmp(a->fingerprint, b->fingerprint) == 0;
}

bool service_is_rpc(const struct service *service)
{
	return (service->types & SERVICE_RPC) != 0;
}

bool service_is_internal(const struct service *service)
{
	return service->internal != NULL;
}

bool service_has_streams(const struct service *service)
{
	return (service->protocols & SERVICE_TCP) != 0 ||
	       ((service->protocols & (SERVICE_UNIX | SERVICE_IP)) != 0 &&
		service->socket_type != SERVICE_DGRAM &&
		service->socket_type != SERVICE_RAW);
}

bool service_has_banners(const struct service *service)
{
	for (size_t i = 0; i < SERVICE_BANNERS; i++)
		if (service->banners[i] != NULL)
			return true;
	return false;
}

bool service_is_redirect(const struct service *service)
{
	return service->redirect.count > 0;
}

const char *service_wrapped_name(const struct service *service)
{
	const char *name = service->name;
	const char *slash;

	if (service->libwrap != NULL && strcmp(service->libwrap, "yes") != 0)
		return service->libwrap;
	if (!service_is_internal(service) && service->program.argv.count > 0)
		name = service->program.argv.items[0];
	slash = strrchr(name, '/');
	return slash != NULL ? slash + 1 : name;
}

bool service_is_multiplexed(const struct service *service)
{
	return (service->types & (SERVICE_TCPMUX | SERVICE_TCPMUXPLUS)) != 0;
}

bool service_is_wrapped(const struct service *service)
{
	return service->libwrap != NULL && (service->flags & SERVICE_NOLIBWRAP) == 0;
}
