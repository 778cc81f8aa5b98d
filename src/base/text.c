/* SPDX-License-Identifier: ISC */
/*
 * Text in a fixed buffer. Once something has been cut nothing more is added, so that
 * what stands in the buffer is always the beginning of what was asked for. Allocates
 * nothing and knows nothing of where the text goes.
 */
#include "usherd/base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ESCAPE_SIZE   4  /* \xHH */
#define NUMBER_DIGITS 20 /* of UINT64_MAX */

static_assert(sizeof(uintmax_t) == sizeof(uint64_t), "NUMBER_DIGITS is too few");

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

void text_add_number(struct text *text, uintmax_t number)
{
	char digits[NUMBER_DIGITS];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	text_add_bytes(text, digits + first, sizeof(digits) - first);
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

static size_t plain_length(const char *bytes, const char *end)
{
	const char *at = bytes;

	while (at < end && *at >= 0x20 && *at <= 0x7e && *at != '\\' && *at != '\'')
		at++;
	return (size_t)(at - bytes);
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
	ret[1] = 'x';
	ret[2] = digits[byte >> 4];
	ret[3] = digits[byte & 0xf];
	return 4;
}

void text_add_escaped(struct text *text, const char *bytes, size_t length)
{
	const char *end = bytes + length;
	char escaped[ESCAPE_SIZE];

	while (bytes < end && !text->truncated) {
		size_t plain = plain_length(bytes, end);
		size_t need;

		text_add_bytes(text, bytes, plain);
		bytes += plain;
		if (bytes == end)
			return;
		need = escape_byte((unsigned char)*bytes++, escaped);
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
