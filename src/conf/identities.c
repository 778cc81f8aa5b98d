/* SPDX-License-Identifier: ISC */
/*
 * Users and groups through NSS. Each is asked for once per load: there are services by
 * the thousand, and mostly they are one user's.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_internal.h"
#include "usherd/base/units.h"

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

static int list_groups(const char *user, gid_t gid, struct credentials *ret,
		       struct error *err)
{
	int count = 32;
	for (;;) {
		gid_t *groups = calloc((size_t)count, sizeof(*groups));
		if (groups == NULL)
			return error_set(err, -ENOMEM, "out of memory");
		int room = count;
		if (getgrouplist(user, gid, groups, &count) != -1) {
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

static int ask_user(const char *name, struct credentials *ret, struct error *err)
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

/* Those of the user, the first among them, whatever other group the service runs with: as
 * initgroups(3) would have it. A number without a passwd entry is in no further group. */
static int ask_groups(struct credentials *ret, struct error *err)
{
	const struct passwd *entry = getpwuid(ret->uid);
	if (entry == NULL)
		return 0;
	gid_t gid = entry->pw_gid;
	char *user = strdup(entry->pw_name);
	int result = user != NULL ? list_groups(user, gid, ret, err)
				  : error_set(err, -ENOMEM, "out of memory");
	free(user);
	return result;
}

static int ask_group(const char *name, gid_t *ret, struct error *err)
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

/* An answer that was got before, or NULL. */
static const struct identity *find(const struct identities *identities,
				   enum identity_kind kind, const char *name, uid_t uid)
{
	for (size_t i = 0; i < identities->count; i++) {
		const struct identity *item = &identities->items[i];
		if (item->kind != kind)
			continue;
		if (name != NULL ? strcmp(item->name, name) == 0
				 : item->credentials.uid == uid)
			return item;
	}
	return NULL;
}

static int copy_groups(const struct credentials *from, struct credentials *to)
{
	if (from->group_count == 0)
		return 0;
	to->groups = calloc(from->group_count, sizeof(*to->groups));
	if (to->groups == NULL)
		return -ENOMEM;
	memcpy(to->groups, from->groups, from->group_count * sizeof(*to->groups));
	to->group_count = from->group_count;
	return 0;
}

static int remember(struct identities *identities, enum identity_kind kind,
		    const char *name, const struct credentials *credentials,
		    struct error *err)
{
	struct identity item = { .kind = kind,
				 .credentials = { .uid = credentials->uid,
						  .gid = credentials->gid } };
	struct identity *items =
		reallocarray(identities->items, identities->count + 1, sizeof(*items));
	if (items == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	identities->items = items;
	item.name = strdup(name);
	if (item.name == NULL || copy_groups(credentials, &item.credentials) < 0) {
		free(item.name);
		return error_set(err, -ENOMEM, "out of memory");
	}
	items[identities->count++] = item;
	return 0;
}

int identity_user(struct identities *identities, const char *name,
		  struct credentials *ret, struct error *err)
{
	const struct identity *known = find(identities, IDENTITY_USER, name, 0);
	if (known != NULL) {
		*ret = known->credentials;
		return 0;
	}
	struct credentials found = { 0 };
	int result = ask_user(name, &found, err);
	if (result == 0)
		result = remember(identities, IDENTITY_USER, name, &found, err);
	if (result == 0)
		*ret = found;
	return result;
}

int identity_group(struct identities *identities, const char *name, gid_t *ret,
		   struct error *err)
{
	const struct identity *known = find(identities, IDENTITY_GROUP, name, 0);
	if (known != NULL) {
		*ret = known->credentials.gid;
		return 0;
	}
	struct credentials found = { 0 };
	int result = ask_group(name, &found.gid, err);
	if (result == 0)
		result = remember(identities, IDENTITY_GROUP, name, &found, err);
	if (result == 0)
		*ret = found.gid;
	return result;
}

int identity_groups(struct identities *identities, struct credentials *ret,
		    struct error *err)
{
	const struct identity *known = find(identities, IDENTITY_GROUPS, NULL, ret->uid);
	if (known != NULL)
		return copy_groups(&known->credentials, ret) == 0
			       ? 0
			       : error_set(err, -ENOMEM, "out of memory");
	int result = ask_groups(ret, err);
	return result == 0 ? remember(identities, IDENTITY_GROUPS, "", ret, err) : result;
}

void identities_done(struct identities *identities)
{
	for (size_t i = 0; i < identities->count; i++) {
		free(identities->items[i].name);
		credentials_done(&identities->items[i].credentials);
	}
	free(identities->items);
	*identities = (struct identities){ 0 };
}
