/* SPDX-License-Identifier: ISC */
/*
 * The only file that knows libconfuse. The text has been through prescan(), so comments
 * and structure are sound; the schema is made from the attribute table, every option a
 * list of strings, so that everything about values is checked in one place later and a
 * wrong value never stops the parser. Names the table does not have are put into the
 * schema as well: they become attributes of a stanza, and build.c refuses all of them at
 * once, where libconfuse would stop at the first.
 *
 * libconfuse keeps no position of an option and cannot tell "= {}" from an option not
 * given, nor '=' from '+='. The outline of the pre-scan knows all of that: the k-th
 * section of a name in the one is the k-th in the other.
 */
#include "usherd/conf/reader_native.h"

#include <confuse.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/closest.h"
#include "usherd/base/text.h"
#include "usherd/conf/attributes.h"
#include "usherd/conf/prescan.h"

/* Looking up an option is linear; past so many unknown names the first stops the file. */
#define UNKNOWN_NAMES_MAX 100

struct reading {
	const char *file;
	struct diagnostics *diagnostics;
	struct outline outline;
	struct strings unknown; /* attribute names the table does not have */
	struct stanzas *stanzas;
	unsigned stopped_line; /* where the parser gave up; 0: it did not */
	bool duplicate_title;  /* and whether that was the title of a service */
};

/*
 * The error function of libconfuse gets no pointer of ours. Its lexer is static, so
 * there is never more than one parse in a process, and this is set during it only.
 */
static _Thread_local struct reading *current;

struct section_rule {
	const char *name;
	enum stanza_kind kind;
	bool titled;
};

static const struct section_rule sections[] = {
	{ "service", STANZA_SERVICE, true },
	{ "defaults", STANZA_DEFAULTS, false },
};
#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

static const struct section_rule *find_section(const char *name)
{
	for (size_t i = 0; i < SECTION_COUNT; i++)
		if (strcmp(sections[i].name, name) == 0)
			return &sections[i];
	return NULL;
}

static void complain(const struct reading *reading, unsigned line, const char *text)
{
	diagnostics_add(reading->diagnostics, SEVERITY_ERROR, reading->file, line, "%s",
			text);
}

static void complain_unknown_section(const struct reading *reading,
				     const struct outline_item *item)
{
	struct closest search;
	closest_init(&search, item->name);
	for (size_t i = 0; i < SECTION_COUNT; i++)
		closest_consider(&search, sections[i].name);
	if (search.best != NULL)
		diagnostics_add(reading->diagnostics, SEVERITY_ERROR, reading->file,
				item->line, "unknown section '%s'; did you mean '%s'?",
				item->name, search.best);
	else
		diagnostics_add(reading->diagnostics, SEVERITY_ERROR, reading->file,
				item->line, "unknown section '%s'", item->name);
}

/* Sections the schema could not take; false when there are any. */
static bool check_sections(const struct reading *reading)
{
	size_t errors = reading->diagnostics->errors;
	for (size_t i = 0; i < reading->outline.count; i++) {
		const struct outline_item *item = &reading->outline.items[i];
		if (item->kind != OUTLINE_SECTION)
			continue;
		const struct section_rule *rule = find_section(item->name);
		if (rule == NULL)
			complain_unknown_section(reading, item);
		else if (rule->titled && !item->titled)
			complain(reading, item->line,
				 "a service needs a name: service NAME { ... }");
		else if (!rule->titled && item->titled)
			complain(reading, item->line, "defaults take no name");
	}
	return reading->diagnostics->errors == errors;
}

static int collect_unknown(struct reading *reading)
{
	for (size_t i = 0; i < reading->outline.count; i++) {
		const struct outline_item *item = &reading->outline.items[i];
		if (item->kind != OUTLINE_ASSIGNMENT ||
		    attribute_find(item->name) != NULL ||
		    find_section(item->name) != NULL ||
		    reading->unknown.count >= UNKNOWN_NAMES_MAX ||
		    strings_find(&reading->unknown, item->name) != -1)
			continue;
		if (strings_add(&reading->unknown, item->name) < 0)
			return -ENOMEM;
	}
	return 0;
}

static size_t add_names(cfg_opt_t *options, size_t used, const struct strings *unknown)
{
	const struct attribute *attribute;
	for (size_t i = 0; (attribute = attribute_at(i)) != NULL; i++) {
		options[used++] =
			(cfg_opt_t)CFG_STR_LIST(attribute->name, NULL, CFGF_NODEFAULT);
		if (attribute->alias != NULL)
			options[used++] = (cfg_opt_t)CFG_STR_LIST(attribute->alias, NULL,
								  CFGF_NODEFAULT);
	}
	for (size_t i = 0; i < unknown->count; i++)
		options[used++] =
			(cfg_opt_t)CFG_STR_LIST(unknown->items[i], NULL, CFGF_NODEFAULT);
	return used;
}

/* Every name is taken everywhere: build.c says where it belongs. cfg_init() copies the
 * options, so they may live on this stack. */
static cfg_t *make_parser(const struct reading *reading)
{
	enum {
		OPTIONS_MAX = 2 * ATTRIBUTES_MAX + UNKNOWN_NAMES_MAX + SECTION_COUNT + 1
	};
	cfg_opt_t inner[OPTIONS_MAX];
	cfg_opt_t outer[OPTIONS_MAX];

	size_t used = add_names(inner, 0, &reading->unknown);
	inner[used] = (cfg_opt_t)CFG_END();
	used = 0;
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		cfg_flag_t flags = CFGF_MULTI;
		if (sections[i].titled)
			flags |= CFGF_TITLE | CFGF_NO_TITLE_DUPES;
		outer[used++] = (cfg_opt_t)CFG_SEC(sections[i].name, inner, flags);
	}
	used = add_names(outer, used, &reading->unknown);
	outer[used] = (cfg_opt_t)CFG_END();
	return cfg_init(outer, CFGF_NONE);
}

/* The @index-th section called @name of the outline; NULL when there are fewer. */
static const struct outline_item *outline_section(const struct outline *outline,
						  const char *name, size_t index)
{
	for (size_t i = 0; i < outline->count; i++) {
		const struct outline_item *item = &outline->items[i];
		if (item->kind == OUTLINE_SECTION && strcmp(item->name, name) == 0 &&
		    index-- == 0)
			return item;
	}
	return NULL;
}

/* The parser stopped at a title it had before: say where both are. */
static void complain_duplicate(struct reading *reading, cfg_t *parser, const char *title)
{
	cfg_opt_t *option = cfg_getopt(parser, "service");
	size_t count = cfg_opt_size(option);
	const struct outline_item *second =
		outline_section(&reading->outline, "service", count);
	const struct outline_item *first = NULL;
	for (size_t i = 0; i < count && first == NULL; i++) {
		const cfg_t *section = cfg_opt_getnsec(option, (unsigned)i);
		if (section != NULL && section->title != NULL &&
		    strcmp(section->title, title) == 0)
			first = outline_section(&reading->outline, "service", i);
	}
	reading->duplicate_title = true;
	diagnostics_add(reading->diagnostics, SEVERITY_ERROR, reading->file,
			second != NULL ? second->line : (unsigned)parser->line,
			"service '%s' is already defined at %s:%u", title, reading->file,
			first != NULL ? first->line : 0);
}

static void on_error(cfg_t *parser, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void on_error(cfg_t *parser, const char *format, va_list arguments)
{
	static const char duplicate[] = "found duplicate title";
	char text[ERROR_TEXT_SIZE];
	current->stopped_line = (unsigned)parser->line;
	if (strncmp(format, duplicate, sizeof(duplicate) - 1) == 0) {
		(void)vsnprintf(text, sizeof(text), "%s", arguments);
		complain_duplicate(current, parser, text);
		return;
	}
	(void)vsnprintf(text, sizeof(text), format, arguments);
	complain(current, (unsigned)parser->line, text);
}

static int copy_values(cfg_opt_t *option, struct strings *ret)
{
	for (unsigned i = 0; i < cfg_opt_size(option); i++) {
		const char *value = cfg_opt_getnstr(option, i);
		if (strings_add(ret, value != NULL ? value : "") < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool has_attribute(const struct stanza *stanza, const char *name)
{
	for (size_t i = 0; i < stanza->count; i++)
		if (strcmp(stanza->attributes[i].name, name) == 0)
			return true;
	return false;
}

/* One assignment with its values, as far as the parser got. The parser has merged those
 * of one name: a second '+=' needs nothing more, a second '=' is kept so that it will be
 * refused. */
static int copy_assignment(const struct outline_item *item, cfg_t *section,
			   struct stanza *stanza)
{
	cfg_opt_t *option = cfg_getopt(section, item->name);
	if (option == NULL || (item->append && has_attribute(stanza, item->name)))
		return 0;
	struct stanza_attribute *attribute = stanza_add(
		stanza, item->name, item->append ? STANZA_ADD : STANZA_SET, item->line);
	if (attribute == NULL)
		return -ENOMEM;
	return copy_values(option, &attribute->values);
}

/* The assignments in the section at @parent of the outline, which stand together. */
static int copy_section(const struct reading *reading, cfg_t *section, size_t parent,
			struct stanza *stanza)
{
	bool top = parent == OUTLINE_TOP;
	int result = 0;
	for (size_t i = top ? 0 : parent + 1; i < reading->outline.count && result == 0;
	     i++) {
		const struct outline_item *item = &reading->outline.items[i];
		if (reading->stopped_line != 0 && item->line >= reading->stopped_line)
			break;
		if (item->parent == parent && item->kind == OUTLINE_ASSIGNMENT)
			result = copy_assignment(item, section, stanza);
		else if (!top)
			break;
	}
	return result;
}

/* The sections of one kind that were parsed to their end. */
static int copy_sections(const struct reading *reading, cfg_t *parser,
			 const struct section_rule *rule)
{
	cfg_opt_t *option = cfg_getopt(parser, rule->name);
	size_t count = cfg_opt_size(option);
	if (reading->stopped_line != 0 && !reading->duplicate_title && count > 0)
		count--;
	size_t index = 0;
	for (size_t i = 0; i < reading->outline.count && index < count; i++) {
		const struct outline_item *item = &reading->outline.items[i];
		if (item->kind != OUTLINE_SECTION || strcmp(item->name, rule->name) != 0)
			continue;
		cfg_t *section = cfg_opt_getnsec(option, (unsigned)index++);
		struct stanza *stanza = stanzas_add(reading->stanzas, rule->kind,
						    rule->titled ? section->title : NULL,
						    reading->file, item->line);
		if (stanza == NULL || copy_section(reading, section, i, stanza) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int copy_stanzas(const struct reading *reading, cfg_t *parser)
{
	for (size_t i = 0; i < SECTION_COUNT; i++)
		if (copy_sections(reading, parser, &sections[i]) < 0)
			return -ENOMEM;
	struct stanza *stanza =
		stanzas_add(reading->stanzas, STANZA_SETTINGS, NULL, reading->file, 1);
	if (stanza == NULL || copy_section(reading, parser, OUTLINE_TOP, stanza) < 0)
		return -ENOMEM;
	return 0;
}

static int parse_stream(struct reading *reading, cfg_t *parser, FILE *stream)
{
	parser->filename = strdup(reading->file);
	if (parser->filename == NULL)
		return -ENOMEM;
	cfg_set_error_function(parser, on_error);
	size_t errors = reading->diagnostics->errors;
	current = reading;
	int status = cfg_parse_fp(parser, stream);
	current = NULL;
	if (status == CFG_SUCCESS)
		return copy_stanzas(reading, parser);
	if (reading->diagnostics->errors == errors)
		complain(reading, (unsigned)parser->line, "the file cannot be parsed");
	if (reading->stopped_line == 0)
		reading->stopped_line = 1;
	int result = copy_stanzas(reading, parser);
	return result < 0 ? result : -EINVAL;
}

static int parse_text(struct reading *reading, char *text, size_t length)
{
	/* fmemopen(3) refuses an empty buffer. */
	if (length == 0)
		return 0;
	FILE *stream = fmemopen(text, length, "r");
	if (stream == NULL)
		return -ENOMEM;
	cfg_t *parser = make_parser(reading);
	int result = parser != NULL ? parse_stream(reading, parser, stream) : -ENOMEM;
	if (parser != NULL)
		cfg_free(parser);
	(void)fclose(stream);
	return result;
}

int reader_native(char *text, size_t length, const char *file, struct stanzas *stanzas,
		  struct diagnostics *diagnostics)
{
	struct reading reading = { .file = file,
				   .diagnostics = diagnostics,
				   .stanzas = stanzas };
	int result = prescan(text, length, file, &reading.outline, diagnostics);
	if (result == 0 && !check_sections(&reading))
		result = -EINVAL;
	if (result == 0)
		result = collect_unknown(&reading);
	if (result == 0)
		result = parse_text(&reading, text, length);
	strings_done(&reading.unknown);
	outline_done(&reading.outline);
	return result;
}
