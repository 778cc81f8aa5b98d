/* SPDX-License-Identifier: ISC */
/*
 * The list of problems of one load. It is bounded, so that a broken generator cannot
 * make usherd fill its memory with complaints. Nothing is printed here.
 */
#include "usherd/conf/diagnostics.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/error.h"
#include "usherd/base/text.h"

#define DIAGNOSTICS_MAX 1000

static const char *severity_name(enum severity severity)
{
	switch (severity) {
	case SEVERITY_NOTE:
		return "note";
	case SEVERITY_WARNING:
		return "warning";
	case SEVERITY_REFUSAL:
	case SEVERITY_ERROR:
		break;
	}
	return "error";
}

void diagnostics_addv(struct diagnostics *list, enum severity severity, const char *file,
		      unsigned line, const char *format, va_list arguments)
{
	list->errors += severity == SEVERITY_ERROR;
	list->refusals += severity == SEVERITY_REFUSAL;
	if (list->count >= DIAGNOSTICS_MAX)
		return;
	struct diagnostic *items =
		realloc(list->items, (list->count + 1) * sizeof(*items));
	if (items == NULL)
		return;
	list->items = items;

	char text[ERROR_TEXT_SIZE];
	(void)vsnprintf(text, sizeof(text), format, arguments);

	struct diagnostic item = { .severity = severity, .line = line };
	item.file = file != NULL ? strdup(file) : NULL;
	item.text = strdup(text);
	if (item.text == NULL || (file != NULL && item.file == NULL)) {
		free(item.file);
		free(item.text);
		return;
	}
	list->items[list->count++] = item;
}

void diagnostics_add(struct diagnostics *list, enum severity severity, const char *file,
		     unsigned line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	diagnostics_addv(list, severity, file, line, format, arguments);
	va_end(arguments);
}

static bool same_file(const struct diagnostic *a, const struct diagnostic *b)
{
	if (a->file == NULL || b->file == NULL)
		return a->file == b->file;
	return strcmp(a->file, b->file) == 0;
}

/* Where an entry has to go among the @count before it, which are sorted. */
static size_t find_place(const struct diagnostic *items, size_t count,
			 const struct diagnostic *item)
{
	size_t place = count;
	while (place > 0 && !same_file(&items[place - 1], item))
		place--;
	if (place == 0)
		return count;
	while (place > 0 && same_file(&items[place - 1], item) &&
	       items[place - 1].line > item->line)
		place--;
	return place;
}

/* By insertion: the list is short. */
void diagnostics_sort(struct diagnostics *list)
{
	for (size_t i = 1; i < list->count; i++) {
		struct diagnostic item = list->items[i];
		size_t place = find_place(list->items, i, &item);
		memmove(&list->items[place + 1], &list->items[place],
			(i - place) * sizeof(item));
		list->items[place] = item;
	}
}

const char *diagnostic_format(const struct diagnostic *item, char *buffer, size_t size)
{
	struct text text;
	text_init(&text, buffer, size);
	if (item->file != NULL)
		text_addf(&text, "%s:", item->file);
	if (item->file != NULL && item->line != 0)
		text_addf(&text, "%u:", item->line);
	if (item->file != NULL)
		text_add(&text, " ");
	text_addf(&text, "%s: %s", severity_name(item->severity), item->text);
	return buffer;
}

void diagnostics_done(struct diagnostics *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].file);
		free(list->items[i].text);
	}
	free(list->items);
	*list = (struct diagnostics){ 0 };
}
