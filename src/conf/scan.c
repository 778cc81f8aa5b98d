/* SPDX-License-Identifier: ISC */
/* Looking at the text of a pre-scan and complaining about it. Moves nothing. */
#include "scan_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "usherd/base/text.h"

void scan_complain(struct scan *scan, unsigned line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char text[256];
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	diagnostics_add(scan->diagnostics, SEVERITY_ERROR, scan->file, line, "%s", text);
	if (scan->result == 0)
		scan->result = -EINVAL;
}

char scan_peek(const struct scan *scan, size_t ahead)
{
	size_t at = scan->position + ahead;
	return at < scan->length ? scan->text[at] : '\0';
}

const char *scan_word_text(const struct scan *scan, const struct word *word,
			   char buffer[WORD_TEXT_SIZE])
{
	struct text text;
	text_init(&text, buffer, WORD_TEXT_SIZE);
	text_add_escaped(&text, scan->text + word->start, word->length);
	return buffer;
}
