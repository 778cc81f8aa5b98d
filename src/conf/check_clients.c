/* SPDX-License-Identifier: ISC */
/* Checks of what a service says of clients that it refuses, and to them. */
#include "build_internal.h"
#include "usherd/base/units.h"

/* Of attribute @name, which was given. */
static void draft_warn(const struct draft *draft, const char *name, const char *what)
{
	const struct assignment *given = draft_find(draft, name);

	diagnostics_add(draft->build->diagnostics, SEVERITY_WARNING, given->file,
			given->line, "service '%s': '%s' %s", draft->service->id, name,
			what);
}

/* There is nobody whom it could hand a socket or its clients to. */
void check_sensor(struct draft *draft)
{
	struct service *service = draft->service;

	if ((service->flags & SERVICE_SENSOR) != 0) {
		service->policy.trap = true;
		service->wait = false;
	} else if (draft_find(draft, "deny_time") != NULL) {
		draft_warn(draft, "deny_time", "has no effect without flags = SENSOR");
	}
}

/* Sockets of UNIX have packets without a source, and only those of a program are read by
 * somebody else. */
void check_intercept(struct draft *draft)
{
	const struct conf_request *request = draft->build->request;
	struct service *service = draft->service;
	struct error err = { 0 };

	if ((service->flags & SERVICE_INTERCEPT) == 0)
		return;
	service->policy.screened = true;
	if (!service->wait)
		draft_complain(draft, "flags", "flags: INTERCEPT needs wait = yes");
	if ((service->protocols & SERVICE_UNIX) != 0)
		draft_complain(draft, "flags",
			       "flags: INTERCEPT is not for protocol = unix");
	if (request->screen_ready != NULL &&
	    request->screen_ready(&service->policy, &err) < 0)
		draft_complain(draft, "flags", "flags: INTERCEPT: %s", err.text);
}

/* What has been written for streams does no harm elsewhere, but it does nothing, too. */
void check_banners(struct draft *draft)
{
	static const char *const names[] = { "banner", "banner_success", "banner_fail" };
	const struct service *service = draft->service;

	if (service_has_streams(service) && !service->wait)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct assignment *given = draft_find(draft, names[i]);

		if (given != NULL && !given->inherited)
			draft_warn(draft, names[i],
				   "has no effect: it is for streams with wait = no");
	}
}

/* What a program that accepts its clients itself does with them is out of sight. */
void check_source_rate(struct draft *draft)
{
	struct service *service = draft->service;
	const struct assignment *given = draft_find(draft, "per_source_cpm");

	if (given == NULL || !service->wait || !service_has_streams(service))
		return;
	if (given->inherited)
		service->policy.per_source_cpm = UNITS_UNLIMITED;
	else
		draft_complain(draft, "per_source_cpm",
			       "per_source_cpm cannot be enforced for service '%s': with "
			       "wait = yes its program accepts the connections",
			       service->id);
}
