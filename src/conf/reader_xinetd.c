/* SPDX-License-Identifier: ISC */
/*
 * xinetd's files, line by line: a keyword begins an entry, the next line that says
 * something is "{", then come attributes, then "}". Words are separated by blanks and
 * tabs and nothing else: there are no quotes, no continued lines and no comments behind a
 * value. Values are not looked into.
 */
#include "usherd/conf/reader_xinetd.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "usherd/base/text.h"

#define BLANKS     " \t"
#define SHOWN_SIZE 48

struct reading {
	char *rest; /* of the text, from the line after the present one */
	char *line;
	unsigned number; /* of the present line */
	const char *file;
	struct xinetd_includer *includer;
	struct stanzas *stanzas;
	struct diagnostics *diagnostics;
	size_t defaults; /* blocks in this file */
	bool held;       /* the present line is still to be looked at */
};

enum keyword {
	KEYWORD_NONE = 0,
	KEYWORD_SERVICE,
	KEYWORD_DEFAULTS,
	KEYWORD_INCLUDE,
	KEYWORD_INCLUDEDIR,
};

/* The line begins with a word, unless it is empty or a comment. */
static char *skip_blanks(char *at)
{
	return at + strspn(at, BLANKS);
}

/* Step to the next line that says something; false at the end of the text. */
static bool next_line(struct reading *reading)
{
	if (reading->held) {
		reading->held = false;
		return true;
	}
	while (reading->rest != NULL) {
		char *end = strchr(reading->rest, '\n');
		size_t length = end != NULL ? (size_t)(end - reading->rest)
					    : strlen(reading->rest);

		reading->line = reading->rest;
		reading->rest = end != NULL ? end + 1 : NULL;
		reading->number++;
		if (length > 0 && reading->line[length - 1] == '\r')
			length--;
		reading->line[length] = '\0';
		reading->line = skip_blanks(reading->line);
		if (reading->line[0] != '\0' && reading->line[0] != '#')
			return true;
	}
	return false;
}

/* Cut the next word off; NULL when there is none. */
static char *take_word(char **cursor)
{
	char *word = skip_blanks(*cursor);
	size_t length = strcspn(word, BLANKS);

	if (length == 0)
		return NULL;
	*cursor = word + length;
	if (**cursor != '\0')
		*(*cursor)++ = '\0';
	return word;
}

static bool is_alone(const char *line, char mark)
{
	return line[0] == mark && line[1 + strspn(line + 1, BLANKS)] == '\0';
}

/* Leaves the line whole. */
static enum keyword find_keyword(const char *line)
{
	static const struct {
		const char *text;
		enum keyword keyword;
	} keywords[] = {
		{ "service", KEYWORD_SERVICE },
		{ "defaults", KEYWORD_DEFAULTS },
		{ "include", KEYWORD_INCLUDE },
		{ "includedir", KEYWORD_INCLUDEDIR },
	};
	size_t length = strcspn(line, BLANKS);

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strlen(keywords[i].text) == length &&
		    strncasecmp(keywords[i].text, line, length) == 0)
			return keywords[i].keyword;
	return KEYWORD_NONE;
}

static void __attribute__((format(printf, 4, 5)))
complain(struct reading *reading, enum severity severity, unsigned line,
	 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	diagnostics_addv(reading->diagnostics, severity, reading->file, line, format,
			 arguments);
	va_end(arguments);
}

/*
 * Past the end of an entry that cannot be understood. Where another one begins, it is
 * looked at: a missing "}" costs no more than the entry it is missing from.
 */
static void skip_entry(struct reading *reading)
{
	while (next_line(reading)) {
		if (is_alone(reading->line, '}'))
			return;
		if (find_keyword(reading->line) != KEYWORD_NONE) {
			reading->held = true;
			return;
		}
	}
}

/* The values that follow the operator; those of an attribute of one word, too. */
static int add_values(struct stanza_attribute *attribute, char *cursor)
{
	char *word;
	int result = 0;

	while (result == 0 && (word = take_word(&cursor)) != NULL)
		result = strings_add(&attribute->values, word);
	return result;
}

static void lower(char *name)
{
	for (; *name != '\0'; name++)
		*name = (char)tolower((unsigned char)*name);
}

/* Which operator stands at *cursor; steps past it. False: none. */
static bool take_operator(char **cursor, enum stanza_operator *ret)
{
	static const struct {
		const char *text;
		enum stanza_operator operation;
	} operators[] = { { "=", STANZA_SET },
			  { "+=", STANZA_ADD },
			  { "-=", STANZA_REMOVE } };

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t length = strlen(operators[i].text);

		if (strncmp(*cursor, operators[i].text, length) != 0)
			continue;
		*cursor += length;
		*ret = operators[i].operation;
		return true;
	}
	return false;
}

/* NAME OPERATOR VALUE...; the name ends at a blank, and one must follow it. 0, -EINVAL
 * when it is something else, or -ENOMEM. */
static int read_attribute(const struct reading *reading, struct stanza *stanza)
{
	char *cursor = reading->line;
	size_t length = strcspn(cursor, BLANKS "=");
	struct stanza_attribute *attribute;
	enum stanza_operator operation;
	char *name = cursor;

	if (length == 0 || strchr(BLANKS, cursor[length]) == NULL ||
	    cursor[length] == '\0')
		return -EINVAL;
	cursor[length] = '\0';
	cursor = skip_blanks(cursor + length + 1);
	if (!take_operator(&cursor, &operation)) {
		name[length] = ' ';
		return -EINVAL;
	}
	lower(name);
	attribute = stanza_add(stanza, name, operation, reading->number);
	return attribute != NULL ? add_values(attribute, cursor) : -ENOMEM;
}

/* What xinetd would take for a value is one, but hardly what was meant. */
static void check_comment(struct reading *reading, const struct stanza *stanza)
{
	const struct stanza_attribute *last = &stanza->attributes[stanza->count - 1];

	for (size_t i = 0; i < last->values.count; i++)
		if (last->values.items[i][0] == '#') {
			complain(reading, SEVERITY_WARNING, reading->number,
				 "'#' does not begin a comment behind a value: it is one "
				 "of the values of '%s'",
				 last->name);
			return;
		}
}

static void complain_syntax(struct reading *reading, struct stanza *stanza)
{
	bool defaults = stanza->kind == STANZA_DEFAULTS;
	char shown[SHOWN_SIZE];

	complain(reading, defaults ? SEVERITY_ERROR : SEVERITY_REFUSAL, reading->number,
		 "expected 'NAME = VALUE...' with a blank before '=', got '%s'%s",
		 text_escape(shown, sizeof(shown), reading->line),
		 defaults ? "" : "; the service is left out");
	stanza->broken = true;
}

/* The lines up to "}". 0 or -ENOMEM. */
static int read_attributes(struct reading *reading, struct stanza *stanza)
{
	while (next_line(reading)) {
		int result;

		if (is_alone(reading->line, '}'))
			return 0;
		result = read_attribute(reading, stanza);
		if (result == -ENOMEM)
			return result;
		if (result == 0) {
			check_comment(reading, stanza);
			continue;
		}
		complain_syntax(reading, stanza);
		if (find_keyword(reading->line) != KEYWORD_NONE)
			reading->held = true;
		else
			skip_entry(reading);
		return 0;
	}
	complain(reading,
		 stanza->kind == STANZA_DEFAULTS ? SEVERITY_ERROR : SEVERITY_REFUSAL,
		 stanza->line, "the entry has no '}'");
	stanza->broken = true;
	return 0;
}

/* "{" alone on the next line that says something. */
static bool read_opening(struct reading *reading, struct stanza *stanza)
{
	unsigned line = reading->number;

	if (next_line(reading)) {
		if (is_alone(reading->line, '{'))
			return true;
		reading->held = true;
	}
	complain(reading,
		 stanza->kind == STANZA_DEFAULTS ? SEVERITY_ERROR : SEVERITY_REFUSAL,
		 line, "expected '{' alone on the next line");
	stanza->broken = true;
	if (reading->held && find_keyword(reading->line) == KEYWORD_NONE)
		skip_entry(reading);
	return false;
}

static int read_entry(struct reading *reading, enum stanza_kind kind, const char *title)
{
	struct stanza *stanza = stanzas_add(reading->stanzas, kind, title, reading->file,
					    reading->number);

	if (stanza == NULL)
		return -ENOMEM;
	stanza->dialect = DIALECT_XINETD;
	return read_opening(reading, stanza) ? read_attributes(reading, stanza) : 0;
}

static int read_service(struct reading *reading, char *cursor)
{
	const char *title = take_word(&cursor);

	if (title != NULL)
		return read_entry(reading, STANZA_SERVICE, title);
	complain(reading, SEVERITY_REFUSAL, reading->number,
		 "a service needs a name; the entry is left out");
	skip_entry(reading);
	return 0;
}

static int read_defaults(struct reading *reading)
{
	if (reading->defaults++ == 0)
		return read_entry(reading, STANZA_DEFAULTS, NULL);
	complain(reading, SEVERITY_REFUSAL, reading->number,
		 "a file has one 'defaults' entry, and this is another; it is passed "
		 "over");
	skip_entry(reading);
	return 0;
}

static int read_include(struct reading *reading, char *cursor, bool directory)
{
	const char *path = take_word(&cursor);

	if (path == NULL) {
		complain(reading, SEVERITY_REFUSAL, reading->number, "expected a path");
		return 0;
	}
	return reading->includer->include(reading->includer, path, directory,
					  reading->number);
}

/* A line that belongs nowhere costs itself, and the entry it begins, if it does. */
static void read_junk(struct reading *reading)
{
	char shown[SHOWN_SIZE];

	complain(reading, SEVERITY_REFUSAL, reading->number,
		 "expected service, defaults, include or includedir, got '%s'",
		 text_escape(shown, sizeof(shown), reading->line));
	if (!next_line(reading))
		return;
	if (is_alone(reading->line, '{'))
		skip_entry(reading);
	else
		reading->held = true;
}

static int read_statement(struct reading *reading)
{
	enum keyword keyword = find_keyword(reading->line);
	char *cursor = reading->line;

	if (keyword == KEYWORD_NONE) {
		read_junk(reading);
		return 0;
	}
	(void)take_word(&cursor);
	if (keyword == KEYWORD_SERVICE)
		return read_service(reading, cursor);
	if (keyword == KEYWORD_DEFAULTS)
		return read_defaults(reading);
	return read_include(reading, cursor, keyword == KEYWORD_INCLUDEDIR);
}

int reader_xinetd(char *text, const char *file, struct xinetd_includer *includer,
		  struct stanzas *stanzas, struct diagnostics *diagnostics)
{
	struct reading reading = { .rest = text,
				   .file = file,
				   .includer = includer,
				   .stanzas = stanzas,
				   .diagnostics = diagnostics };
	int result = 0;

	while (result == 0 && next_line(&reading))
		result = read_statement(&reading);
	return result;
}

bool reader_xinetd_takes(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && strchr(name, '.') == NULL && name[length - 1] != '~';
}
