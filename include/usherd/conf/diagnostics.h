/* SPDX-License-Identifier: ISC */
/* All problems of a configuration, by file and line: "file:line: error: ...". */
#ifndef USHERD_CONF_DIAGNOSTICS_H
#define USHERD_CONF_DIAGNOSTICS_H

#include <stdarg.h>
#include <stddef.h>

enum severity {
	SEVERITY_NOTE, /* nothing is wrong: something to know */
	SEVERITY_WARNING,
	SEVERITY_REFUSAL, /* an error that costs one service, and nothing else */
	SEVERITY_ERROR,   /* an error that costs the whole load */
};

struct diagnostic {
	enum severity severity;
	char *file;    /* owned; NULL: none */
	unsigned line; /* 0: none */
	char *text;    /* owned */
};

struct diagnostics {
	struct diagnostic *items; /* owned */
	size_t count;
	size_t refusals;
	size_t errors;
};

/* Past 1,000 entries, or out of memory, problems are only counted. */
void diagnostics_add(struct diagnostics *list, enum severity severity, const char *file,
		     unsigned line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void diagnostics_addv(struct diagnostics *list, enum severity severity, const char *file,
		      unsigned line, const char *format, va_list arguments)
	__attribute__((format(printf, 5, 0)));

/* Put the entries of one file together, by line; files stay in the order in which they
 * first appear, entries of one line in theirs. */
void diagnostics_sort(struct diagnostics *list);

/* "file:line: error: text" into @buffer. */
const char *diagnostic_format(const struct diagnostic *item, char *buffer, size_t size);
void diagnostics_done(struct diagnostics *list);

#endif
