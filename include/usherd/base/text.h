/* SPDX-License-Identifier: ISC */
/*
 * Building text in a buffer of fixed size, never past its end.
 *
 * The buffer belongs to the caller and is NUL-terminated after every call. What does
 * not fit is cut and remembered in `truncated`; from then on nothing more is added.
 */
#ifndef USHERD_BASE_TEXT_H
#define USHERD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *data;    /* borrowed */
	size_t size;   /* of data, > 0 */
	size_t length; /* without the NUL, < size */
	bool truncated;
};

void text_init(struct text *text, char *buffer, size_t size);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
/* In decimal; as text_addf(text, "%ju"), without its cost: for what is written at every
 * connection. */
void text_add_number(struct text *text, uintmax_t number);
void text_addf(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Add bytes a client or a file controls so that they stay on one line and cannot be
 * taken for anything else: control characters, bytes above 0x7e, the backslash and the
 * single quote become \n, \t, \\, \' or \xHH. An escape is never cut in half.
 */
void text_add_escaped(struct text *text, const char *bytes, size_t length);

/* Copy @source into @buffer of @size bytes, cut to fit. Returns false if it was cut. */
bool text_copy(char *buffer, size_t size, const char *source);

/* Write @source, escaped as above, into @buffer of @size bytes, cut to fit. Returns
 * @buffer: for user data in the arguments of error_set(). */
const char *text_escape(char *buffer, size_t size, const char *source);

#endif
