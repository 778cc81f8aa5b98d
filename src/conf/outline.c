/* SPDX-License-Identifier: ISC */
/*
 * The structure of native configuration text: which '{' is a section and which a list,
 * where every name stands, what is left open. Whether a name exists is not asked here.
 */
#include "outline_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(const struct scan *scan, const struct word *word)
{
	if (word->quoted || !isalpha((unsigned char)scan->text[word->start]))
		return false;
	for (size_t i = 1; i < word->length; i++) {
		unsigned char byte = (unsigned char)scan->text[word->start + i];
		if (!isalnum(byte) && byte != '_')
			return false;
	}
	return true;
}

/* NULL when out of memory, which is then the result of the scan. */
static struct outline_item *outline_add(struct scan *scan, const struct word *name)
{
	struct outline *outline = scan->outline;
	if (outline->count == scan->capacity) {
		size_t capacity = scan->capacity == 0 ? 64 : scan->capacity * 2;
		void *items =
			reallocarray(outline->items, capacity, sizeof(*outline->items));
		if (items == NULL) {
			scan->result = -ENOMEM;
			return NULL;
		}
		outline->items = items;
		scan->capacity = capacity;
	}
	struct outline_item *item = &outline->items[outline->count];
	*item = (struct outline_item){ .line = name->line,
				       .parent = scan->section,
				       .start = name->start };
	item->name = strndup(scan->text + name->start, name->length);
	if (item->name == NULL) {
		scan->result = -ENOMEM;
		return NULL;
	}
	outline->count++;
	return item;
}

static struct opened *innermost(struct scan *scan)
{
	return scan->depth > 0 ? &scan->opened[scan->depth - 1] : NULL;
}

static bool in_list(struct scan *scan)
{
	const struct opened *inner = innermost(scan);
	return inner != NULL && inner->kind == NESTING_LIST;
}

/* Words that no '=' or '{' follows. */
static void refuse_stray_words(struct scan *scan, size_t used)
{
	if (scan->word_count <= used)
		return;
	char buffer[WORD_TEXT_SIZE];
	scan_complain(
		scan, scan->words[0].line,
		"unexpected '%s': a name and '=' come before a value, several values "
		"are written { a, b }",
		scan_word_text(scan, &scan->words[0], buffer));
}

static void forget_words(struct scan *scan)
{
	scan->word_count = 0;
	scan->value_next = false;
	scan->comma_missing = false;
	scan->value_below = false;
}

/* The @index-th word from the end: 0 is the last. NULL when it was not kept. */
static const struct word *recent_word(const struct scan *scan, size_t index)
{
	if (scan->word_count <= index || scan->word_count > 3)
		return NULL;
	return &scan->words[scan->word_count - 1 - index];
}

static void close_unfinished_list(struct scan *scan)
{
	if (!in_list(scan))
		return;
	scan_complain(scan, innermost(scan)->line, "'{' of this list is never closed");
	scan->depth--;
}

/* A NAME=VALUE among the elements, or the first assignment after a list that was not
 * closed? In the second case a ',' is missing as well. */
static bool refuse_equal_in_list(struct scan *scan)
{
	const struct word *word = recent_word(scan, 0);
	char buffer[WORD_TEXT_SIZE];
	if (!in_list(scan) || word == NULL || scan->comma_missing)
		return false;
	scan_complain(scan, word->line, "'%s=' and what follows must be inside quotes",
		      scan_word_text(scan, word, buffer));
	scan->word_count = 0;
	scan->value_next = true;
	scan->value_line = scan->line;
	return true;
}

static void expect_value(struct scan *scan)
{
	forget_words(scan);
	scan->value_next = true;
	scan->value_line = scan->line;
}

static void complain_no_name(struct scan *scan)
{
	if (scan->word_count != 0)
		return;
	if (scan->value_below)
		scan_complain(scan, scan->value_line, "'=' without a value after it");
	else
		scan_complain(scan, scan->line,
			      "'=' without a name before it; a value with '=' must be "
			      "inside quotes");
}

static void add_assignment(struct scan *scan, const struct word *name, bool append)
{
	char buffer[WORD_TEXT_SIZE];
	if (!is_name(scan, name)) {
		scan_complain(scan, name->line, "'%s' is not a name",
			      scan_word_text(scan, name, buffer));
		return;
	}
	struct outline_item *item = outline_add(scan, name);
	if (item == NULL)
		return;
	item->kind = OUTLINE_ASSIGNMENT;
	item->append = append;
}

void outline_assignment(struct scan *scan, bool append)
{
	if (refuse_equal_in_list(scan))
		return;
	close_unfinished_list(scan);
	const struct word *name = recent_word(scan, 0);
	if (name != NULL && name->length == 1 && scan->text[name->start] == '-') {
		scan_complain(scan, name->line,
			      "there is no '-='; '=' and '+=' are known");
	} else {
		refuse_stray_words(scan, 1);
		if (name != NULL)
			add_assignment(scan, name, append);
		else
			complain_no_name(scan);
	}
	expect_value(scan);
}

static void open_section(struct scan *scan)
{
	const struct word *name = recent_word(scan, scan->word_count > 1 ? 1 : 0);
	unsigned line = name != NULL ? name->line : scan->line;
	refuse_stray_words(scan, 2);
	if (scan->depth > 0) {
		scan_complain(
			scan, line,
			"a section begins inside the one opened at line %u; is a '}' "
			"missing before it?",
			scan->opened[0].line);
		scan->depth = 0;
		scan->section = OUTLINE_TOP;
	}
	scan->opened[0] = (struct opened){ .kind = NESTING_SECTION, .line = line };
	scan->depth = 1;
	if (name == NULL) {
		if (scan->word_count == 0)
			scan_complain(scan, line,
				      "'{' without the name of a section before it");
		return;
	}
	if (!is_name(scan, name)) {
		char buffer[WORD_TEXT_SIZE];
		scan_complain(scan, line, "'%s' is not the name of a section",
			      scan_word_text(scan, name, buffer));
		return;
	}
	struct outline_item *item = outline_add(scan, name);
	if (item == NULL)
		return;
	item->kind = OUTLINE_SECTION;
	item->titled = scan->word_count > 1;
	scan->section = scan->outline->count - 1;
}

void outline_open(struct scan *scan)
{
	if (scan->value_next && !in_list(scan)) {
		scan->opened[scan->depth++] =
			(struct opened){ .kind = NESTING_LIST, .line = scan->line };
	} else {
		close_unfinished_list(scan);
		open_section(scan);
	}
	forget_words(scan);
}

void outline_close(struct scan *scan)
{
	if (scan->value_next)
		scan_complain(scan, scan->value_line, "'=' without a value after it");
	if (scan->depth == 0) {
		scan_complain(scan, scan->line, "'}' without a '{' before it");
	} else if (in_list(scan)) {
		scan->depth--;
	} else {
		refuse_stray_words(scan, 0);
		scan->depth--;
		if (scan->section != OUTLINE_TOP)
			scan->outline->items[scan->section].end = scan->position + 1;
		scan->section = OUTLINE_TOP;
	}
	forget_words(scan);
}

void outline_word(struct scan *scan, size_t start, bool quoted)
{
	struct word word = { .start = start,
			     .length = scan->position - start,
			     .line = scan->line,
			     .quoted = quoted };
	if (scan->value_next) {
		forget_words(scan);
		scan->value_below = scan->line != scan->value_line;
		return;
	}
	if (in_list(scan) && scan->word_count == 1) {
		char buffer[WORD_TEXT_SIZE];
		char next = scan_peek(scan, strspn(scan->text + scan->position, " \t"));
		/* A name with its '=' says that the list was not closed. */
		if (next != '=' && next != '+' && next != '{')
			scan_complain(scan, word.line, "',' is missing before '%s'",
				      scan_word_text(scan, &word, buffer));
		scan->word_count = 0;
		scan->comma_missing = true;
	}
	if (scan->word_count < 3)
		scan->words[scan->word_count] = word;
	scan->word_count++;
}

void outline_comma(struct scan *scan)
{
	if (!in_list(scan))
		scan_complain(scan, scan->line,
			      "',' outside a list; a list is written { a, b }");
	forget_words(scan);
}

void outline_end(struct scan *scan)
{
	if (scan->value_next)
		scan_complain(scan, scan->value_line, "'=' without a value after it");
	else if (!in_list(scan))
		refuse_stray_words(scan, 0);
	close_unfinished_list(scan);
	if (scan->depth > 0)
		scan_complain(scan, scan->opened[0].line,
			      "'{' of this section is never closed");
}

void outline_done(struct outline *outline)
{
	for (size_t i = 0; i < outline->count; i++)
		free(outline->items[i].name);
	free(outline->items);
	*outline = (struct outline){ 0 };
}
