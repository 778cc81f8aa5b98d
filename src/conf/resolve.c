/* SPDX-License-Identifier: ISC */
/*
 * Names into numbers, once per load: users, groups and ports through NSS. The results
 * go into the service, so that no child and no worker ever has to ask again.
 */
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_internal.h"
#include "usherd/base/units.h"

/* Where the "nobody" of worker_user's default is not in passwd: the overflow id of the
 * kernel, /proc/sys/kernel/overflowuid. */
#define NOBODY_ID 65534

/* NGROUPS_MAX of the kernel, limits(5). */
#define GROUPS_MAX 65536

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int parse_id(const char *what, const char *text, uint32_t *ret, struct error *err)
{
	uint64_t id = 0;
	/* (uid_t)-1 means "leave it" to the kernel. */
	int result = units_parse_unsigned(text, 0, UINT32_MAX - 1, &id, err);
	if (result < 0) {
		error_prefix(err, "%s", what);
		return result;
	}
	*ret = (uint32_t)id;
	return 0;
}

static int list_groups(const char *user, struct credentials *ret, struct error *err)
{
	int count = 32;
	for (;;) {
		gid_t *groups = calloc((size_t)count, sizeof(*groups));
		if (groups == NULL)
			return error_set(err, -ENOMEM, "out of memory");
		int room = count;
		if (getgrouplist(user, ret->gid, groups, &count) != -1) {
			ret->groups = groups;
			ret->group_count = (size_t)count;
			return 0;
		}
		free(groups);
		/* Not every NSS module says how many there are. */
		if (count <= room)
			count = room * 2;
		if (count > GROUPS_MAX)
			return error_set(err, -EINVAL, "user '%s' is in too many groups",
					 user);
	}
}

int resolve_user(const char *name, struct credentials *ret, struct error *err)
{
	struct credentials found = { 0 };
	const struct passwd *entry;
	if (is_number(name)) {
		uint32_t id = 0;
		int result = parse_id("user", name, &id, err);
		if (result < 0)
			return result;
		found.uid = id;
		found.gid = id;
		entry = getpwuid(found.uid);
	} else {
		entry = getpwnam(name);
		if (entry == NULL)
			return error_set(err, -EINVAL, "unknown user '%s'", name);
	}
	if (entry != NULL) {
		found.uid = entry->pw_uid;
		found.gid = entry->pw_gid;
	}
	*ret = found;
	return 0;
}

/* A number without a passwd entry is in no further group. */
static int resolve_groups(struct credentials *ret, struct error *err)
{
	const struct passwd *entry = getpwuid(ret->uid);
	if (entry == NULL)
		return 0;
	char *user = strdup(entry->pw_name);
	int result = user != NULL ? list_groups(user, ret, err)
				  : error_set(err, -ENOMEM, "out of memory");
	free(user);
	return result;
}

int resolve_group(const char *name, gid_t *ret, struct error *err)
{
	if (is_number(name)) {
		uint32_t id = 0;
		int result = parse_id("group", name, &id, err);
		if (result < 0)
			return result;
		*ret = id;
		return 0;
	}
	const struct group *entry = getgrnam(name);
	if (entry == NULL)
		return error_set(err, -EINVAL, "unknown group '%s'", name);
	*ret = entry->gr_gid;
	return 0;
}

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
		result = resolve_group(service->group, &gid, &err);
		if (result < 0)
			draft_complain(draft, "group", "%s", err.text);
	}
	if (service->user != NULL) {
		result = resolve_user(service->user, found, &err);
		if (result < 0)
			draft_complain(draft, "user", "%s", err.text);
	}
	if (service->group != NULL || !root)
		found->gid = gid;
	if (root && service->groups && result == 0) {
		result = resolve_groups(found, &err);
		if (result < 0)
			draft_complain(draft, "groups", "groups: %s", err.text);
	}
	return result == -ENOMEM ? result : 0;
}

int resolve_credentials(struct draft *draft)
{
	struct credentials found = { 0 };
	size_t errors = draft->build->diagnostics->errors;
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
	if (result < 0 || draft->build->diagnostics->errors != errors) {
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
	int result = resolve_user(name, &target->worker, &err);
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
	static const struct attribute_word databases[] = { { "tcp", SERVICE_TCP },
							   { "udp", SERVICE_UDP },
							   { NULL, 0 } };
	struct service *service = draft->service;
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
