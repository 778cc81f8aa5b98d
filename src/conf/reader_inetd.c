/* SPDX-License-Identifier: ISC */
/*
 * inetd.conf line by line: NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]. A line
 * that begins with a blank goes on with the entry above it, as in all of the BSDs. Values
 * are not looked into but for what the fields themselves are made of.
 */
#include "usherd/conf/reader_inetd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inetd_internal.h"
#include "usherd/base/text.h"

#define SHOWN_SIZE    48
#define INCLUDE       ".include"
#define FIELD_COUNT   6
#define ENTRY_PATTERN "'NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]'"

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* An empty line, or a comment. */
static bool says_nothing(const char *line)
{
	line += strspn(line, INETD_BLANKS "\r");
	return *line == '\0' || *line == '\n' || *line == '#';
}

/* End the line at its newline, and be past that. */
static void cut_line(struct inetd_reading *reading, char *line)
{
	char *end = strchr(line, '\n');

	reading->at = end != NULL ? end + 1 : NULL;
	if (end != NULL)
		*end = '\0';
}

/* Join the lines that go on with this one. What looks like an entry of its own and is
 * none, for a blank before it, was hardly meant so. */
static void join_lines(struct inetd_reading *reading)
{
	while (reading->at != NULL && is_blank(reading->at[0]) &&
	       !says_nothing(reading->at)) {
		char *next = reading->at;
		char *end = next - 1;

		reading->number++;
		if (inetd_begins_entry(next))
			inetd_complain(
				reading, SEVERITY_WARNING, reading->number,
				"this looks like an entry, but begins with a blank: "
				"it goes on with the one above");
		*end = ' ';
		if (end[-1] == '\r')
			end[-1] = ' ';
		cut_line(reading, next);
	}
}

/* The words that are left; those of one line share its fate. 0, -EINVAL or -ENOMEM. */
static int take_words(char *cursor, struct strings *ret)
{
	for (;;) {
		char *word;
		char stop;
		const char *begin = cursor + strspn(cursor, INETD_BLANKS "\r");
		bool quoted = *begin == '"' || *begin == '\'';

		if (*begin == '\0')
			return 0;
		if (!inetd_take_word(&cursor, false, &word, &stop))
			return -EINVAL;
		if ((word[0] != '\0' || quoted) && strings_add(ret, word) < 0)
			return -ENOMEM;
	}
}

static int refuse_line(struct inetd_reading *reading, unsigned line, const char *title)
{
	struct stanza *stanza =
		stanzas_add(reading->stanzas, STANZA_SERVICE, title, reading->file, line);

	if (stanza == NULL)
		return -ENOMEM;
	stanza->dialect = DIALECT_INETD;
	stanza->broken = true;
	return 0;
}

static int read_fields(struct inetd_reading *reading, unsigned line,
		       struct strings *words)
{
	struct inetd_entry entry = { .line = line,
				     .name = words->items[0],
				     .socket_type = words->items[1],
				     .protocol = words->items[2],
				     .wait = words->items[3],
				     .user = words->items[4],
				     .program = words->items[5] };
	int result = 0;

	for (size_t i = FIELD_COUNT; i < words->count && result == 0; i++)
		result = strings_add(&entry.arguments, words->items[i]);
	if (result == 0)
		result = inetd_add_entry(reading, &entry);
	strings_done(&entry.arguments);
	return result;
}

/* `ADDRESS:` alone; `*:` goes back to all addresses. */
static int set_address(struct inetd_reading *reading, const char *word)
{
	size_t length = strlen(word) - 1;
	char *address = NULL;

	if (length > 0 && strcmp(word, "*:") != 0) {
		address = strndup(word, length);
		if (address == NULL)
			return -ENOMEM;
	}
	free(reading->address);
	reading->address = address;
	return 0;
}

static int read_entry(struct inetd_reading *reading, char *line)
{
	unsigned number = reading->number;
	struct strings words = { 0 };
	char shown[SHOWN_SIZE];
	const char *first;
	int result;

	cut_line(reading, line);
	join_lines(reading);
	result = take_words(line, &words);
	first = words.count > 0 ? words.items[0] : "?";
	if (result == -EINVAL) {
		inetd_complain(reading, SEVERITY_REFUSAL, number,
			       "a quote is not closed on its line; the service is left "
			       "out");
		result = refuse_line(reading, number, first);
	} else if (result == 0 && words.count == 1 && strlen(first) > 1 &&
		   first[strlen(first) - 1] == ':') {
		result = set_address(reading, first);
	} else if (result == 0 && words.count < FIELD_COUNT) {
		inetd_complain(reading, SEVERITY_REFUSAL, number,
			       "expected " ENTRY_PATTERN ", got %zu %s, of which the "
			       "first is '%s'; the service is left out",
			       words.count, words.count == 1 ? "field" : "fields",
			       text_escape(shown, sizeof(shown), first));
		result = refuse_line(reading, number, first);
	} else if (result == 0) {
		result = read_fields(reading, number, &words);
	}
	strings_done(&words);
	return result;
}

static int read_include(struct inetd_reading *reading, char *line)
{
	char *cursor = line + strlen(INCLUDE);
	char *pattern;
	char stop;

	cut_line(reading, line);
	if (!inetd_take_word(&cursor, false, &pattern, &stop) || pattern[0] == '\0') {
		inetd_complain(reading, SEVERITY_REFUSAL, reading->number,
			       "expected '" INCLUDE " PATTERN'");
		return 0;
	}
	return reading->includer->include(reading->includer, pattern, reading->address,
					  reading->number);
}

/* "#@" and a policy of IPsec, for all services that follow; "#@" alone ends it. */
static void read_policy(struct inetd_reading *reading, const char *line)
{
	line += 2;
	line += strspn(line, INETD_BLANKS "\r");
	if (*line != '\0' && *line != '\n')
		inetd_complain(
			reading, SEVERITY_WARNING, reading->number,
			"a policy of IPsec is not set by usherd; ip-xfrm(8) sets it "
			"for ports");
}

static bool is_include(const char *line)
{
	return strncmp(line, INCLUDE, strlen(INCLUDE)) == 0 &&
	       is_blank(line[strlen(INCLUDE)]);
}

static int read_line(struct inetd_reading *reading, char *line)
{
	if (says_nothing(line)) {
		if (strncmp(line, "#@", 2) == 0)
			read_policy(reading, line);
		reading->at = inetd_skip_line(line);
		return 0;
	}
	if (is_include(line))
		return read_include(reading, line);
	if (inetd_begins_pairs(line))
		return inetd_read_pairs(reading, line);
	return read_entry(reading, line);
}

int reader_inetd(char *text, const char *file, const char *address,
		 struct inetd_includer *includer, struct stanzas *stanzas,
		 struct diagnostics *diagnostics)
{
	struct inetd_reading reading = { .at = text,
					 .file = file,
					 .includer = includer,
					 .stanzas = stanzas,
					 .diagnostics = diagnostics };
	int result = 0;

	if (address != NULL) {
		reading.address = strdup(address);
		if (reading.address == NULL)
			return -ENOMEM;
	}
	while (result == 0 && reading.at != NULL) {
		reading.number++;
		result = read_line(&reading, reading.at);
	}
	free(reading.address);
	return result;
}
