/* SPDX-License-Identifier: ISC */
/*
 * Failures in words. Each sentence is built aside and copied last, so that the old
 * sentence may be an argument of the new one. Neither logs nor exits.
 */
#include "usherd/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "usherd/base/text.h"

static void format_sentence(char buffer[ERROR_TEXT_SIZE], const char *format,
			    va_list arguments) __attribute__((format(printf, 2, 0)));

static void format_sentence(char buffer[ERROR_TEXT_SIZE], const char *format,
			    va_list arguments)
{
	if (vsnprintf(buffer, ERROR_TEXT_SIZE, format, arguments) < 0)
		buffer[0] = '\0';
}

int error_set(struct error *err, int code, const char *format, ...)
{
	char sentence[ERROR_TEXT_SIZE];
	int saved = errno;
	va_list arguments;

	if (err == NULL)
		return code;
	va_start(arguments, format);
	format_sentence(sentence, format, arguments);
	va_end(arguments);
	err->code = code;
	(void)text_copy(err->text, sizeof(err->text), sentence);
	errno = saved;
	return code;
}

int error_set_errno(struct error *err, int code, const char *format, ...)
{
	char sentence[ERROR_TEXT_SIZE];
	int saved = errno;
	struct text text;
	va_list arguments;

	if (err == NULL)
		return code;
	va_start(arguments, format);
	format_sentence(sentence, format, arguments);
	va_end(arguments);
	err->code = code;
	text_init(&text, err->text, sizeof(err->text));
	text_addf(&text, "%s: %s", sentence, strerror(-code));
	errno = saved;
	return code;
}

void error_prefix(struct error *err, const char *format, ...)
{
	char context[ERROR_TEXT_SIZE];
	char sentence[ERROR_TEXT_SIZE];
	int saved = errno;
	struct text text;
	va_list arguments;

	if (err == NULL)
		return;
	va_start(arguments, format);
	format_sentence(context, format, arguments);
	va_end(arguments);
	(void)text_copy(sentence, sizeof(sentence), err->text);
	text_init(&text, err->text, sizeof(err->text));
	text_addf(&text, "%s: %s", context, sentence);
	errno = saved;
}
