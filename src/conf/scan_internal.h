/* SPDX-License-Identifier: ISC */
/* The state of a pre-scan, which its two halves share: prescan.c cuts the text into words
 * and punctuation, outline.c follows its structure. */
#ifndef USHERD_SCAN_INTERNAL_H
#define USHERD_SCAN_INTERNAL_H

#include "usherd/conf/prescan.h"

#define WORD_TEXT_SIZE 64

struct word {
	size_t start;
	size_t length;
	unsigned line;
	bool quoted;
};

enum nesting {
	NESTING_SECTION,
	NESTING_LIST
};

/* A list may stand in a section; nothing else nests. */
struct opened {
	enum nesting kind;
	unsigned line;
};

struct scan {
	char *text;
	size_t length;
	size_t position;
	unsigned line;
	const char *file;
	struct diagnostics *diagnostics;
	struct outline *outline;
	size_t capacity; /* of outline->items */
	int result;
	struct opened opened[2];
	size_t depth;
	size_t section;       /* index in the outline, or OUTLINE_TOP */
	struct word words[3]; /* the first words since the last complete statement */
	size_t word_count;    /* may exceed the array: further words are only counted */
	bool value_next;      /* after = or += */
	unsigned value_line;  /* of that = or += */
	bool value_below;     /* the last value was not on the line of its = */
	bool comma_missing;   /* between the words of a list */
};

void scan_complain(struct scan *scan, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The byte @ahead of the position, NUL past the end. */
char scan_peek(const struct scan *scan, size_t ahead);

/* The word for a message, cut and escaped. */
const char *scan_word_text(const struct scan *scan, const struct word *word,
			   char buffer[WORD_TEXT_SIZE]);

#endif
