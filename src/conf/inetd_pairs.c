/* SPDX-License-Identifier: ISC */
/*
 * NetBSD's entries, inetd.conf(5) "Key-Values Notation":
 *   NAME on|off KEY = VALUE..., KEY = VALUE...;
 * over as many lines as it takes. Where a mistake leaves the end of the entry in doubt,
 * the line that looks like the begin of another is one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inetd_internal.h"
#include "usherd/base/text.h"

#define SHOWN_SIZE 48

struct pairs {
	struct inetd_reading *reading;
	struct inetd_entry entry;
	struct strings values; /* of the present key */
	char *cursor;
	char stop;           /* the byte that ended the last word, already behind */
	const char *problem; /* NULL: none yet */
	char shown[SHOWN_SIZE];
	bool over;           /* the entry is, with or without ";" */
	bool in_line;        /* the cursor has left the first column */
	struct strings kept; /* what the entry borrows */
};

static void fail(struct pairs *pairs, const char *problem, const char *got)
{
	if (pairs->problem != NULL)
		return;
	pairs->problem = problem;
	(void)text_escape(pairs->shown, sizeof(pairs->shown), got);
}

/* The line has been left behind; what begins another entry ends this one. */
static void enter_line(struct pairs *pairs)
{
	if (*pairs->cursor != '\0')
		pairs->reading->number++;
	if (*pairs->cursor == '\0' || inetd_begins_entry(pairs->cursor)) {
		fail(pairs, "the entry has no ';'", "");
		pairs->over = true;
		pairs->reading->number -= *pairs->cursor != '\0';
	}
}

/* What ended the last word may say that more is to be stepped over. */
static void settle_stop(struct pairs *pairs)
{
	if (pairs->stop == '#') {
		pairs->cursor += strcspn(pairs->cursor, "\n");
		pairs->stop = *pairs->cursor;
		pairs->cursor += pairs->stop != '\0';
	}
	if (pairs->stop == '\n' || pairs->stop == '\0')
		enter_line(pairs);
}

/* The next word, or NULL where there is none before a ',', ';' or '='. */
static char *next_word(struct pairs *pairs)
{
	while (!pairs->over) {
		char *word = NULL;
		bool quoted =
			strchr("\"'", *(pairs->cursor +
					strspn(pairs->cursor, INETD_BLANKS))) != NULL;

		if (*pairs->cursor == '\0')
			quoted = false;
		if (!inetd_take_word(&pairs->cursor, true, &word, &pairs->stop))
			fail(pairs, "a quote is not closed", "");
		settle_stop(pairs);
		if (word[0] != '\0' || quoted)
			return word;
		if (pairs->stop != '\0' && strchr(",;=", pairs->stop) != NULL)
			return NULL;
	}
	return NULL;
}

/* Step over blanks and lines to the mark that must be next. */
static bool expect_mark(struct pairs *pairs, char mark)
{
	if (pairs->over || pairs->stop == mark)
		return pairs->stop == mark;
	return next_word(pairs) == NULL && pairs->stop == mark && !pairs->over;
}

static bool ends_values(const struct pairs *pairs)
{
	return pairs->over || (pairs->stop != '\0' && strchr(",;", pairs->stop) != NULL);
}

/* 0 or -ENOMEM. */
static int read_values(struct pairs *pairs)
{
	int result = 0;

	strings_done(&pairs->values);
	pairs->stop = '\0';
	do {
		const char *word = next_word(pairs);

		if (word != NULL)
			result = strings_add(&pairs->values, word);
		if (pairs->stop == '=')
			fail(pairs, "expected ',' or ';' before another '='", "");
	} while (result == 0 && !ends_values(pairs));
	return result;
}

/* The one value, kept for as long as the entry. */
static char *keep(struct pairs *pairs, const char *value)
{
	return strings_add(&pairs->kept, value) == 0
		       ? pairs->kept.items[pairs->kept.count - 1]
		       : NULL;
}

static int take_yes(struct pairs *pairs, const char *value)
{
	if (strcmp(value, "yes") == 0)
		pairs->entry.wait = "wait";
	else if (strcmp(value, "no") == 0)
		pairs->entry.wait = "nowait";
	else
		fail(pairs, "wait: expected yes or no, got", value);
	return 0;
}

static int warn_unused(struct pairs *pairs, const char *key)
{
	if (pairs->values.count > 0)
		inetd_complain(pairs->reading, SEVERITY_WARNING, pairs->reading->number,
			       "'%s' has no effect", key);
	return 0;
}

/* Where the value of a key goes. */
static const struct key {
	const char *name;
	size_t field; /* of struct inetd_entry */
	enum {
		KEY_WORD,
		KEY_WAIT,
		KEY_ARGUMENTS,
		KEY_UNUSED
	} kind;
} keys[] = {
	{ "bind", offsetof(struct inetd_entry, bind), KEY_WORD },
	{ "socktype", offsetof(struct inetd_entry, socket_type), KEY_WORD },
	{ "protocol", offsetof(struct inetd_entry, protocol), KEY_WORD },
	{ "user", offsetof(struct inetd_entry, user), KEY_WORD },
	{ "group", offsetof(struct inetd_entry, group), KEY_WORD },
	{ "exec", offsetof(struct inetd_entry, program), KEY_WORD },
	{ "service_max", offsetof(struct inetd_entry, per_minute), KEY_WORD },
	{ "ip_max", offsetof(struct inetd_entry, per_source_per_minute), KEY_WORD },
	{ "wait", offsetof(struct inetd_entry, wait), KEY_WAIT },
	{ "args", 0, KEY_ARGUMENTS },
	{ "accept_max", 0, KEY_UNUSED },
	{ "acceptfilter", 0, KEY_UNUSED },
	{ "sndbuf", 0, KEY_UNUSED },
	{ "recvbuf", 0, KEY_UNUSED },
	{ "ipsec", 0, KEY_UNUSED },
};

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static int take_word(struct pairs *pairs, const struct key *key)
{
	char **field = (char **)((char *)&pairs->entry + key->field);

	if (pairs->values.count != 1) {
		fail(pairs, "expected one value, no more and no less, of", key->name);
		return 0;
	}
	if (*field != NULL) {
		fail(pairs, "given twice:", key->name);
		return 0;
	}
	if (key->kind == KEY_WAIT)
		return take_yes(pairs, pairs->values.items[0]);
	*field = keep(pairs, pairs->values.items[0]);
	return *field != NULL ? 0 : -ENOMEM;
}

static int take_values(struct pairs *pairs, const char *name)
{
	const struct key *key = find_key(name);

	if (key == NULL) {
		fail(pairs, "unknown key", name);
		return 0;
	}
	if (key->kind == KEY_UNUSED)
		return warn_unused(pairs, key->name);
	if (key->kind != KEY_ARGUMENTS)
		return take_word(pairs, key);
	return strings_add_all(&pairs->entry.arguments, &pairs->values);
}

/* KEY = VALUE... up to the ',' or ';'. 0 or -ENOMEM. */
static int read_pair(struct pairs *pairs)
{
	char *name = next_word(pairs);
	char *kept;
	int result;

	if (pairs->over)
		return 0;
	if (name == NULL) {
		if (pairs->stop == '=')
			fail(pairs, "expected a key before '='", "");
		return 0;
	}
	kept = keep(pairs, name);
	if (kept == NULL)
		return -ENOMEM;
	if (!expect_mark(pairs, '=')) {
		fail(pairs, "expected '=' behind", kept);
		return 0;
	}
	result = read_values(pairs);
	if (result == 0 && pairs->problem == NULL)
		result = take_values(pairs, kept);
	return result;
}

/* To the end of an entry that is not understood. */
static void skip_entry(struct pairs *pairs)
{
	while (!pairs->over && pairs->stop != ';')
		(void)next_word(pairs);
}

static int add_entry(struct pairs *pairs)
{
	struct inetd_reading *reading = pairs->reading;
	struct stanza *stanza;

	if (pairs->problem == NULL)
		return inetd_add_entry(reading, &pairs->entry);
	inetd_complain(reading, pairs->entry.off ? SEVERITY_WARNING : SEVERITY_REFUSAL,
		       pairs->entry.line, "%s%s%s%s; the service is left out",
		       pairs->problem, pairs->shown[0] != '\0' ? " '" : "", pairs->shown,
		       pairs->shown[0] != '\0' ? "'" : "");
	stanza = stanzas_add(reading->stanzas, STANZA_SERVICE, pairs->entry.name,
			     reading->file, pairs->entry.line);
	if (stanza == NULL)
		return -ENOMEM;
	stanza->dialect = DIALECT_INETD;
	stanza->broken = true;
	return 0;
}

/* What is behind ';' on its line is read as a line of its own. */
static void leave(struct pairs *pairs)
{
	struct inetd_reading *reading = pairs->reading;
	size_t blanks = strspn(pairs->cursor, INETD_BLANKS "\r");

	if (pairs->over) {
		reading->at = *pairs->cursor != '\0' ? pairs->cursor : NULL;
		return;
	}
	pairs->cursor += blanks;
	if (*pairs->cursor == '\n' || *pairs->cursor == '#' || *pairs->cursor == '\0')
		reading->at = inetd_skip_line(pairs->cursor);
	else {
		reading->at = pairs->cursor;
		reading->number--;
	}
}

int inetd_read_pairs(struct inetd_reading *reading, char *line)
{
	struct pairs pairs = { .reading = reading, .cursor = line };
	int result = 0;
	char *word;

	pairs.entry.line = reading->number;
	word = next_word(&pairs);
	pairs.entry.name = keep(&pairs, word != NULL ? word : "");
	word = next_word(&pairs);
	pairs.entry.off = word != NULL && strcmp(word, "off") == 0;
	if (pairs.entry.name == NULL)
		result = -ENOMEM;
	while (result == 0 && pairs.problem == NULL && !pairs.over && pairs.stop != ';')
		result = read_pair(&pairs);
	skip_entry(&pairs);
	if (result == 0)
		result = add_entry(&pairs);
	leave(&pairs);
	strings_done(&pairs.values);
	strings_done(&pairs.kept);
	strings_done(&pairs.entry.arguments);
	return result;
}
