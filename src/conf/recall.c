/* SPDX-License-Identifier: ISC */
/*
 * The way back from a fingerprint (dump.c) to a service, for a program that is handed
 * one: words are converted, but nothing is looked up and nothing is checked, since that
 * has been done where the fingerprint comes from.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/conf/attributes.h"
#include "usherd/conf/load.h"
#include "usherd/conf/reader_native.h"

/* Ends the entry: a control character in a value would be written as an escape. */
#define ENTRY_END "\n}\n"
#define IDS       "ids "

static int convert(const struct stanza *stanza, struct service *service,
		   struct error *err)
{
	const struct attribute *attribute;

	/* In the order of the table, which is the order of the dump as well. */
	for (size_t i = 0; i < stanza->count; i++) {
		const struct stanza_attribute *given = &stanza->attributes[i];
		int r;

		attribute = attribute_find(given->name);
		if (attribute == NULL || (attribute->place & ATTRIBUTE_SERVICE) == 0)
			return error_set(err, -EINVAL, "no attribute '%s'", given->name);
		r = attribute_parse(attribute, &given->values, service, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The one service; beside it only what says nothing. NULL for anything else. */
static const struct stanza *find_service(const struct stanzas *stanzas)
{
	const struct stanza *found = NULL;

	for (size_t i = 0; i < stanzas->count; i++) {
		const struct stanza *stanza = &stanzas->items[i];

		if (stanza->kind != STANZA_SERVICE && stanza->count == 0)
			continue;
		if (stanza->kind != STANZA_SERVICE || found != NULL)
			return NULL;
		found = stanza;
	}
	return found;
}

static int fill(const struct stanza *stanza, struct service *service, struct error *err)
{
	int r = convert(stanza, service, err);

	if (r < 0)
		return r;
	service->id = strdup(stanza->title);
	if (service->id != NULL && service->name == NULL)
		service->name = strdup(service->id);
	return service->name != NULL ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int recall_entry(char *text, size_t length, struct service *service,
			struct error *err)
{
	struct diagnostics diagnostics = { 0 };
	struct stanzas stanzas = { 0 };
	const struct stanza *stanza = NULL;
	int r = reader_native(text, length, "fingerprint", &stanzas, &diagnostics);

	if (r == 0)
		stanza = find_service(&stanzas);
	if (stanza != NULL)
		r = fill(stanza, service, err);
	else
		r = error_set(err, r < 0 ? r : -EINVAL, "not a service: %s",
			      diagnostics.count > 0 ? diagnostics.items[0].text
						    : "something else");
	stanzas_done(&stanzas);
	diagnostics_done(&diagnostics);
	return r;
}

static bool read_id(const char **text, uint32_t *ret)
{
	char *end;
	uintmax_t number;

	errno = 0;
	number = strtoumax(*text, &end, 10);
	if (end == *text || errno != 0 || number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	*text = end;
	return true;
}

static int add_group(struct credentials *credentials, gid_t gid)
{
	gid_t *groups = reallocarray(credentials->groups, credentials->group_count + 1,
				     sizeof(*groups));

	if (groups == NULL)
		return -ENOMEM;
	groups[credentials->group_count++] = gid;
	credentials->groups = groups;
	return 0;
}

/* "ids CHANGE UID GID GROUP..." up to the end of the line. */
static int recall_ids(const char *text, struct credentials *credentials)
{
	uint32_t change, uid, gid;
	int r = 0;

	if (strncmp(text, IDS, strlen(IDS)) != 0)
		return -EINVAL;
	text += strlen(IDS);
	if (!read_id(&text, &change) || !read_id(&text, &uid) || !read_id(&text, &gid))
		return -EINVAL;
	credentials->change = change != 0;
	credentials->uid = uid;
	credentials->gid = gid;
	while (r == 0 && *text != '\n' && *text != '\0')
		r = read_id(&text, &gid) ? add_group(credentials, gid) : -EINVAL;
	return r;
}

static int recall(const char *fingerprint, struct service *service, struct error *err)
{
	const char *end = strstr(fingerprint, ENTRY_END);
	size_t length;
	char *text;
	int r;

	if (end == NULL)
		return error_set(err, -EINVAL, "not a service: no end");
	length = (size_t)(end - fingerprint) + strlen(ENTRY_END);
	text = strndup(fingerprint, length);
	if (text == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	r = recall_entry(text, length, service, err);
	free(text);
	if (r < 0)
		return r;
	r = recall_ids(fingerprint + length, &service->program.credentials);
	return r < 0 ? error_set_errno(err, r, "not a service: ids") : 0;
}

int conf_recall(const char *fingerprint, struct service **ret, struct error *err)
{
	struct service *service = service_new();
	int r;

	if (service == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	r = recall(fingerprint, service, err);
	if (r < 0)
		service_unref(service);
	else
		*ret = service;
	return r;
}
