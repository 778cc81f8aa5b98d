/* SPDX-License-Identifier: ISC */
/*
 * The only file that knows libconfuse. The text has been through prescan(), so comments
 * and structure are sound, and its outline says where each section begins and ends and
 * which names it assigns to. Every section is given to a parser of its own, whose schema
 * has those names: libconfuse compares a title with all titles before it and makes every
 * option of the schema anew for each section, which ten thousand services would feel.
 *
 * Every option is a list of strings, so that everything about values is checked in one
 * place later and a wrong value never stops the parser. Whether the attribute table has a
 * name is build.c's question, which refuses all that are wrong at once, where libconfuse
 * would stop at the first.
 *
 * libconfuse keeps no position of an option and cannot tell "= {}" from an option not
 * given, nor '=' from '+='. The outline knows all of that as well.
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

/* Looking up an option is linear; past so many unknown names the first stops the part. */
#define UNKNOWN_NAMES_MAX 100
#define NAMES_MAX         (2 * ATTRIBUTES_MAX + UNKNOWN_NAMES_MAX)

struct section_rule {
	const char *name;
	enum stanza_kind kind;
	bool titled;
};

struct reading {
	const char *file;
	struct diagnostics *diagnostics;
	struct outline outline;
	struct stanzas *stanzas;
	/* Of the part that is being parsed: */
	unsigned lines_before;
	unsigned stopped_line; /* where the parser gave up; 0: it did not */
};

/* A piece of the text that is parsed by itself. */
struct part {
	char *text;
	size_t length;
	unsigned line;                   /* of its first byte */
	const struct section_rule *rule; /* NULL: the settings */
	size_t first, last; /* items of the outline, its assignments among them */
};

/* The schema of a part: borrowed names. */
struct names {
	const char *items[NAMES_MAX];
	size_t count;
	size_t unknown;
};

/*
 * The error function of libconfuse gets no pointer of ours. Its lexer is static, so
 * there is never more than one parse in a process, and this is set during it only.
 */
static _Thread_local struct reading *current;

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

static bool has_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

/* The assignments of @part, in their order, NULL past the last; begins with NULL. */
static const struct outline_item *next_assignment(const struct reading *reading,
						  const struct part *part,
						  const struct outline_item *item)
{
	size_t parent = part->rule != NULL ? part->first : OUTLINE_TOP;
	size_t i = part->first;
	if (item != NULL)
		i = (size_t)(item - reading->outline.items) + 1;
	for (; i < part->last; i++) {
		const struct outline_item *next = &reading->outline.items[i];
		if (next->kind == OUTLINE_ASSIGNMENT && next->parent == parent)
			return next;
	}
	return NULL;
}

/* Every name is taken everywhere: build.c says where it belongs. */
static void collect_names(const struct reading *reading, const struct part *part,
			  struct names *ret)
{
	const struct outline_item *item = NULL;
	ret->count = 0;
	ret->unknown = 0;
	while ((item = next_assignment(reading, part, item)) != NULL) {
		bool known = attribute_find(item->name) != NULL;
		if (has_name(ret, item->name) || find_section(item->name) != NULL ||
		    (!known && ret->unknown == UNKNOWN_NAMES_MAX))
			continue;
		ret->items[ret->count++] = item->name;
		ret->unknown += !known;
	}
}

/* cfg_init() copies what it is given. */
static cfg_t *make_parser(const struct part *part, const struct names *names)
{
	cfg_opt_t *options = calloc(names->count + 1, sizeof(*options));
	cfg_t *parser;
	if (options == NULL)
		return NULL;
	for (size_t i = 0; i < names->count; i++)
		options[i] =
			(cfg_opt_t)CFG_STR_LIST(names->items[i], NULL, CFGF_NODEFAULT);
	options[names->count] = (cfg_opt_t)CFG_END();
	if (part->rule == NULL) {
		parser = cfg_init(options, CFGF_NONE);
	} else {
		cfg_flag_t flags =
			part->rule->titled ? CFGF_MULTI | CFGF_TITLE : CFGF_MULTI;
		cfg_opt_t section[] = { CFG_SEC(part->rule->name, options, flags),
					CFG_END() };
		parser = cfg_init(section, CFGF_NONE);
	}
	free(options);
	return parser;
}

static void on_error(cfg_t *parser, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void on_error(cfg_t *parser, const char *format, va_list arguments)
{
	char text[ERROR_TEXT_SIZE];
	current->stopped_line = current->lines_before + (unsigned)parser->line;
	(void)vsnprintf(text, sizeof(text), format, arguments);
	complain(current, current->stopped_line, text);
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

static int copy_assignments(const struct reading *reading, const struct part *part,
			    cfg_t *section, struct stanza *stanza)
{
	const struct outline_item *item = NULL;
	int result = 0;
	while (result == 0 && (item = next_assignment(reading, part, item)) != NULL) {
		if (reading->stopped_line != 0 && item->line >= reading->stopped_line)
			break;
		result = copy_assignment(item, section, stanza);
	}
	return result;
}

/* A section only when it was parsed to its end, settings as far as the parser got. */
static int copy_stanza(const struct reading *reading, const struct part *part,
		       cfg_t *parser)
{
	static const struct section_rule settings = { .kind = STANZA_SETTINGS };
	const struct section_rule *rule = part->rule != NULL ? part->rule : &settings;
	cfg_t *section = parser;
	if (part->rule != NULL && reading->stopped_line != 0)
		return 0;
	if (part->rule != NULL)
		section = cfg_getnsec(parser, rule->name, 0);
	if (section == NULL)
		return -ENOMEM;
	struct stanza *stanza = stanzas_add(reading->stanzas, rule->kind,
					    rule->titled ? section->title : NULL,
					    reading->file, part->line);
	if (stanza == NULL)
		return -ENOMEM;
	return copy_assignments(reading, part, section, stanza);
}

static int parse_stream(struct reading *reading, const struct part *part, cfg_t *parser,
			FILE *stream)
{
	size_t errors = reading->diagnostics->errors;
	cfg_set_error_function(parser, on_error);
	reading->lines_before = part->line - 1;
	reading->stopped_line = 0;
	current = reading;
	int status = cfg_parse_fp(parser, stream);
	current = NULL;
	if (status == CFG_SUCCESS)
		return copy_stanza(reading, part, parser);
	if (reading->diagnostics->errors == errors)
		complain(reading, part->line, "the file cannot be parsed");
	if (reading->stopped_line == 0)
		reading->stopped_line = part->line;
	int result = copy_stanza(reading, part, parser);
	return result < 0 ? result : -EINVAL;
}

static int parse_part(struct reading *reading, const struct part *part)
{
	struct names names;
	/* fmemopen(3) refuses an empty buffer. */
	if (part->length == 0)
		return 0;
	FILE *stream = fmemopen(part->text, part->length, "r");
	if (stream == NULL)
		return -ENOMEM;
	collect_names(reading, part, &names);
	cfg_t *parser = make_parser(part, &names);
	int result =
		parser != NULL ? parse_stream(reading, part, parser, stream) : -ENOMEM;
	if (parser != NULL)
		cfg_free(parser);
	(void)fclose(stream);
	return result;
}

/* What stays is the settings, each on the line it was on. */
static void blank_section(char *text, const struct outline_item *item)
{
	for (size_t i = item->start; i < item->end; i++)
		if (text[i] != '\n')
			text[i] = ' ';
}

static int parse_sections(struct reading *reading, char *text,
			  const struct section_rule *rule)
{
	const struct outline *outline = &reading->outline;
	int result = 0;
	for (size_t i = 0; i < outline->count; i++) {
		const struct outline_item *item = &outline->items[i];
		if (item->kind != OUTLINE_SECTION || strcmp(item->name, rule->name) != 0)
			continue;
		struct part part = { .text = text + item->start,
				     .length = item->end - item->start,
				     .line = item->line,
				     .rule = rule,
				     .first = i,
				     .last = i + 1 };
		while (part.last < outline->count &&
		       outline->items[part.last].parent == i)
			part.last++;
		int r = parse_part(reading, &part);
		blank_section(text, item);
		if (r == -ENOMEM)
			return r;
		result = r < 0 ? r : result;
	}
	return result;
}

/* Up to the first section after the last setting: mostly, little of the text. */
static size_t settings_length(const struct outline *outline, size_t length)
{
	for (size_t i = outline->count; i-- > 0;) {
		const struct outline_item *item = &outline->items[i];
		if (item->kind == OUTLINE_SECTION)
			length = item->start;
		else if (item->parent == OUTLINE_TOP)
			return length;
	}
	return 0;
}

static int parse_text(struct reading *reading, char *text, size_t length)
{
	int result = 0;
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		int r = parse_sections(reading, text, &sections[i]);
		if (r == -ENOMEM)
			return r;
		result = r < 0 ? r : result;
	}
	const struct part settings = { .text = text,
				       .length =
					       settings_length(&reading->outline, length),
				       .line = 1,
				       .last = reading->outline.count };
	int r = parse_part(reading, &settings);
	return r < 0 ? r : result;
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
		result = parse_text(&reading, text, length);
	outline_done(&reading.outline);
	return result;
}
