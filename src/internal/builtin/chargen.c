/* SPDX-License-Identifier: ISC */
/*
 * RFC 864, chargen: lines of 72 characters out of the ring of the 95 printing ones, each
 * line starting one further than the line before, without end.
 */
#include <string.h>

#include "builtins.h"

#define RING_SIZE 95
#define LINE_TEXT 72
#define LINE_SIZE (LINE_TEXT + 2)

/* RFC 864: the answer to a datagram has 0 to 512 characters. */
#define DATAGRAM_SIZE 512

/* The ring, and as much of it again as the last line reaches past its end. */
static const char ring[RING_SIZE + LINE_TEXT] = " !\"#$%&'()*+,-./0123456789:;<=>?"
						"@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"
						"`abcdefghijklmnopqrstuvwxyz{|}~"
						" !\"#$%&'()*+,-./0123456789:;<=>?"
						"@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"
						"`abcdef";

static const char line_end[] = { '\r', '\n' };

static size_t chargen_produce(uint64_t *position, uint8_t *buffer, size_t size,
			      const struct builtin_moment *moment)
{
	size_t line = (size_t)(*position / LINE_SIZE % RING_SIZE);
	size_t column = (size_t)(*position % LINE_SIZE);
	size_t done = 0;

	(void)moment;
	while (done < size) {
		bool is_text = column < LINE_TEXT;
		const char *from =
			is_text ? &ring[line + column] : &line_end[column - LINE_TEXT];
		size_t count = (is_text ? LINE_TEXT : LINE_SIZE) - column;
		if (count > size - done)
			count = size - done;
		memcpy(buffer + done, from, count);
		done += count;
		column += count;
		if (column == LINE_SIZE) {
			column = 0;
			line = (line + 1) % RING_SIZE;
		}
	}
	*position += done;
	return done;
}

/* Unlike the RFC's, never longer than the request: a forged sender gains nothing. */
static ssize_t chargen_answer(const uint8_t *request, size_t length, uint8_t *reply,
			      size_t size, const struct builtin_moment *moment)
{
	uint64_t position = 0;

	(void)request;
	if (length > DATAGRAM_SIZE)
		length = DATAGRAM_SIZE;
	if (length > size)
		return -1;
	return (ssize_t)chargen_produce(&position, reply, length, moment);
}

const struct builtin builtins_chargen = {
	.name = "chargen",
	.input = BUILTIN_INPUT_IGNORE,
	.produce = chargen_produce,
	.answer = chargen_answer,
};
