/* SPDX-License-Identifier: ISC */
/*
 * Text in a fixed buffer. Once something has been cut nothing more is added, so that
 * what stands in the buffer is always the beginning of what was asked for. Allocates
 * nothing and knows nothing of where the text goes.
 */
#include "usherd/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ESCAPE_SIZE 4 /* \xHH */

void text_init(struct text *text, char *buffer, size_t size)
{
	*text = (struct text){ .data = buffer, .size = size };
	buffer[0] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	size_t room = text->size - 1 - text->length;

	if (text->truncated || length == 0)
		return;
	if (length > room) {
		text->truncated = true;
		length = room;
	}
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_addf(struct text *text, const char *format, ...)
{
	size_t room = text->size - text->length; /* with the NUL */
	va_list arguments;
	int length;

	if (text->truncated)
		return;
	va_start(arguments, format);
	length = vsnprintf(text->data + text->length, room, format, arguments);
	va_end(arguments);
	if (length < 0) { /* an argument that cannot be converted: add nothing */
		text->data[text->length] = '\0';
		text->truncated = true;
		return;
	}
	text->truncated = (size_t)length >= room;
	text->length += text->truncated ? room - 1 : (size_t)length;
}

/* Returns the length of the harmless form of @byte, written to @ret. */
static size_t escape_byte(unsigned char byte, char ret[ESCAPE_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	static const struct {
		unsigned char byte;
		char letter;
	} letters[] = { { '\n', 'n' }, { '\t', 't' }, { '\\', '\\' }, { '\'', '\'' } };

	ret[0] = '\\';
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		if (letters[i].byte == byte) {
			ret[1] = letters[i].letter;
			return 2;
		}
	}
	if (byte >= 0x20 && byte <= 0x7e) {
		ret[0] = (char)byte;
		return 1;
	}
	ret[1] = 'x';
	ret[2] = digits[byte >> 4];
	ret[3] = digits[byte & 0xf];
	return 4;
}

void text_add_escaped(struct text *text, const char *bytes, size_t length)
{
	char escaped[ESCAPE_SIZE];

	for (size_t i = 0; i < length && !text->truncated; i++) {
		size_t need = escape_byte((unsigned char)bytes[i], escaped);

		/* Half an escape could be taken for something else. */
		if (need > text->size - 1 - text->length)
			text->truncated = true;
		text_add_bytes(text, escaped, need);
	}
}

bool text_copy(char *buffer, size_t size, const char *source)
{
	struct text text;

	text_init(&text, buffer, size);
	text_add(&text, source);
	return !text.truncated;
}

const char *text_escape(char *buffer, size_t size, const char *source)
{
	struct text text;

	text_init(&text, buffer, size);
	text_add_escaped(&text, source, strlen(source));
	return buffer;
}
