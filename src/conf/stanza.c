/* SPDX-License-Identifier: ISC */
/* Containers of the intermediate form. Knows no attribute and no syntax. */
#include "usherd/conf/stanza.h"

#include <stdlib.h>
#include <string.h>

static int grow(void **items, size_t count, size_t size)
{
	/* Capacities are powers of two, so the count alone tells when one is reached. */
	if (count != 0 && (count & (count - 1)) != 0)
		return 0;
	void *bigger = reallocarray(*items, count == 0 ? 1 : count * 2, size);
	if (bigger == NULL)
		return -1;
	*items = bigger;
	return 0;
}

static void attribute_done(struct stanza_attribute *attribute)
{
	free(attribute->name);
	strings_done(&attribute->values);
}

static void stanza_done(struct stanza *stanza)
{
	for (size_t i = 0; i < stanza->count; i++)
		attribute_done(&stanza->attributes[i]);
	free(stanza->attributes);
	free(stanza->title);
	free(stanza->file);
}

struct stanza *stanzas_add(struct stanzas *list, enum stanza_kind kind, const char *title,
			   const char *file, unsigned line)
{
	void *items = list->items;
	if (grow(&items, list->count, sizeof(*list->items)) == -1)
		return NULL;
	list->items = items;
	struct stanza stanza = { .kind = kind, .line = line };
	stanza.title = title != NULL ? strdup(title) : NULL;
	stanza.file = strdup(file);
	if (stanza.file == NULL || (title != NULL && stanza.title == NULL)) {
		stanza_done(&stanza);
		return NULL;
	}
	list->items[list->count] = stanza;
	return &list->items[list->count++];
}

struct stanza_attribute *stanza_add(struct stanza *stanza, const char *name,
				    enum stanza_operator operation, unsigned line)
{
	void *items = stanza->attributes;
	if (grow(&items, stanza->count, sizeof(*stanza->attributes)) == -1)
		return NULL;
	stanza->attributes = items;
	struct stanza_attribute attribute = { .operation = operation, .line = line };
	attribute.name = strdup(name);
	if (attribute.name == NULL)
		return NULL;
	stanza->attributes[stanza->count] = attribute;
	return &stanza->attributes[stanza->count++];
}

struct stanza_attribute *stanza_find(const struct stanza *stanza, const char *name)
{
	for (size_t i = 0; i < stanza->count; i++)
		if (strcmp(stanza->attributes[i].name, name) == 0)
			return &stanza->attributes[i];
	return NULL;
}

bool stanza_has_word(const struct stanza *stanza, const char *name, const char *word)
{
	const struct stanza_attribute *list = stanza_find(stanza, name);

	return list != NULL && strings_have_word(&list->values, word);
}

/* The room of the removed ones stays: a count that is a power of two again would have
 * stanza_add() ask for the same room, which is harmless. */
void stanza_remove(struct stanza *stanza, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < stanza->count; i++) {
		struct stanza_attribute *attribute = &stanza->attributes[i];

		if (strcmp(attribute->name, name) == 0)
			attribute_done(attribute);
		else
			stanza->attributes[kept++] = *attribute;
	}
	stanza->count = kept;
}

void stanzas_done(struct stanzas *list)
{
	for (size_t i = 0; i < list->count; i++)
		stanza_done(&list->items[i]);
	free(list->items);
	*list = (struct stanzas){ 0 };
}
