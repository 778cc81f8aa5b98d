/* SPDX-License-Identifier: ISC */
/*
 * Names into numbers, once per load: whose rights a service has, and its ports from NSS.
 * The results go into the service, so that no child and no worker ever has to ask again.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_internal.h"

/* Where the "nobody" of worker_user's default is not in passwd: the overflow id of the
 * kernel, /proc/sys/kernel/overflowuid. */
#define NOBODY_ID 65534

/* Without root, only the ids usherd has already can be asked for. */
static int keep_ids(struct draft *draft, const struct credentials *user,
		    struct credentials *ret)
{
	const struct service *service = draft->service;
	if (user->uid != geteuid())
		draft_complain(draft, "user",
			       "user '%s' is not the one usherd runs as: that needs root",
			       service->user);
	if (user->gid != getegid())
		draft_complain(
			draft, "group",
			"group '%s' is not the one usherd runs with: that needs root",
			service->group);
	*ret = (struct credentials){ .uid = geteuid(), .gid = getegid() };
	return 0;
}

static int resolve_with_group(struct draft *draft, struct credentials *found)
{
	const struct service *service = draft->service;
	bool root = draft->build->request->root;
	struct error err = { 0 };
	int result = 0;
	gid_t gid = getegid();

	*found = (struct credentials){ .uid = geteuid(), .gid = getegid() };
	if (service->group != NULL) {
		result = identity_group(&draft->build->identities, service->group, &gid,
					&err);
		if (result < 0)
			draft_complain(draft, "group", "%s", err.text);
	}
	if (service->user != NULL) {
		result = identity_user(&draft->build->identities, service->user, found,
				       &err);
		if (result < 0)
			draft_complain(draft, "user", "%s", err.text);
	}
	if (service->group != NULL || !root)
		found->gid = gid;
	if (root && service->groups && result == 0) {
		result = identity_groups(&draft->build->identities, found, &err);
		if (result < 0)
			draft_complain(draft, "groups", "groups: %s", err.text);
	}
	return result == -ENOMEM ? result : 0;
}

int resolve_credentials(struct draft *draft)
{
	struct credentials found = { 0 };
	size_t complaints = draft->build->complaints;
	bool internal = service_is_internal(draft->service);
	/* Nothing said: the worker's own ids, which carry no groups. */
	if (internal && draft->service->user == NULL && draft->build->request->root) {
		draft->service->program.credentials =
			draft->build->table->settings.worker;
		return 0;
	}
	int result = resolve_with_group(draft, &found);
	if (result == 0 && internal && draft->build->request->root && found.uid == 0)
		draft_complain(draft, "user",
			       "user '%s' is root, which no in-process service may be",
			       draft->service->user);
	if (result < 0 || draft->build->complaints != complaints) {
		credentials_done(&found);
		return result;
	}
	struct credentials *credentials = &draft->service->program.credentials;
	if (!draft->build->request->root)
		return keep_ids(draft, &found, credentials);
	found.change = true;
	credentials_done(credentials);
	*credentials = found;
	return 0;
}

int resolve_worker(struct build *build, struct assignments *settings)
{
	struct settings *target = &build->table->settings;
	const struct assignment *slot =
		&settings->items[attribute_index(attribute_find("worker_user"))];
	const char *name = target->worker_user != NULL ? target->worker_user : "nobody";
	bool root = build->request->root;
	struct error err = { 0 };

	target->worker = (struct credentials){ .uid = geteuid(), .gid = getegid() };
	if (!slot->set && !root)
		return 0;
	int result = identity_user(&build->identities, name, &target->worker, &err);
	if (result < 0 && !slot->set) {
		target->worker.uid = NOBODY_ID;
		target->worker.gid = NOBODY_ID;
	} else if (result < 0) {
		diagnostics_add(build->diagnostics, SEVERITY_ERROR, slot->file,
				slot->line, "worker_user: %s", err.text);
	} else if (root && target->worker.uid == 0) {
		diagnostics_add(
			build->diagnostics, SEVERITY_ERROR, slot->file, slot->line,
			"worker_user: '%s' is root, which no worker may be", name);
	} else if (!root && target->worker.uid != geteuid()) {
		diagnostics_add(build->diagnostics, SEVERITY_ERROR, slot->file,
				slot->line,
				"worker_user: '%s' is not the user usherd runs as: that "
				"needs root",
				name);
	}
	target->worker.change = root;
	return 0;
}

/* The port of the services database for every protocol that is asked for. */
int resolve_ports(struct draft *draft)
{
	struct service *service = draft->service;
	const struct attribute_word databases[] = {
		{ "tcp", SERVICE_TCP },
		{ "udp", SERVICE_UDP },
		{ (service->protocols & SERVICE_IP) != 0 ? service->protocol_name : NULL,
		  SERVICE_IP },
		{ NULL, 0 }
	};
	uint16_t port = 0;
	for (const struct attribute_word *base = databases; base->text != NULL; base++) {
		if ((service->protocols & base->value) == 0)
			continue;
		const struct servent *entry = getservbyname(service->name, base->text);
		uint16_t found = entry != NULL ? ntohs((uint16_t)entry->s_port) : 0;
		if (found == 0) {
			draft_complain(
				draft, NULL,
				"no port is given, and '%s' is not a %s service of "
				"the services database",
				service->name, base->text);
			return 0;
		}
		if (port != 0 && port != found) {
			draft_complain(
				draft, NULL,
				"no port is given, and '%s' has different ports for "
				"tcp and udp in the services database",
				service->name);
			return 0;
		}
		port = found;
	}
	service->ports = calloc(1, sizeof(*service->ports));
	if (service->ports == NULL)
		return -ENOMEM;
	service->ports[0] = (struct port_range){ .first = port, .last = port };
	service->port_count = 1;
	return 0;
}
