/* SPDX-License-Identifier: ISC */
/*
 * A list of strings that execve(2) can take. Grows by one entry at a time: lists are
 * short and built once per load. Nothing here splits or joins text.
 */
#include "usherd/base/strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int strings_add(struct strings *list, const char *string)
{
	/* Copied first: @string may be an item of @list. */
	char *copy = strdup(string);
	char **items;

	if (copy == NULL)
		return -ENOMEM;
	items = reallocarray(list->items, list->count + 2, sizeof(*items));
	if (items == NULL) {
		free(copy);
		return -ENOMEM;
	}
	items[list->count++] = copy;
	items[list->count] = NULL;
	list->items = items;
	return 0;
}

int strings_add_all(struct strings *list, const struct strings *others)
{
	size_t before = list->count;
	size_t count = others->count; /* @others may be @list */

	for (size_t i = 0; i < count; i++) {
		if (strings_add(list, others->items[i]) == 0)
			continue;
		while (list->count > before)
			strings_remove(list, list->count - 1);
		return -ENOMEM;
	}
	return 0;
}

ptrdiff_t strings_find(const struct strings *list, const char *string)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], string) == 0)
			return (ptrdiff_t)i;
	return -1;
}

bool strings_have_word(const struct strings *list, const char *word)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcasecmp(list->items[i], word) == 0)
			return true;
	return false;
}

void strings_remove(struct strings *list, size_t index)
{
	free(list->items[index]);
	/* The NULL at the end moves along. */
	memmove(&list->items[index], &list->items[index + 1],
		(list->count - index) * sizeof(*list->items));
	list->count--;
}

bool strings_equal(const struct strings *a, const struct strings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

void strings_done(struct strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct strings){ 0 };
}
