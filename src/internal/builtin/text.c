/* SPDX-License-Identifier: ISC */
/*
 * Services that say one short thing and end: hands out the text they render, whole or in
 * pieces. Does not know any of the texts.
 */
#include <assert.h>
#include <string.h>

#include "builtins.h"

/*
 * A position is the moment of the first call above the number of bytes handed out since,
 * so that the pieces belong to one text although the clock goes on between them. 54 bits
 * of seconds are 285 million years either way.
 */
#define OFFSET_BITS 10
#define OFFSET_MASK ((UINT64_C(1) << OFFSET_BITS) - 1)

static_assert(BUILTINS_TEXT_SIZE <= OFFSET_MASK, "an offset fits its bits");

size_t builtins_produce_text(uint64_t *position, uint8_t *buffer, size_t size,
			     const struct builtin_moment *moment, builtins_render *render)
{
	struct builtin_moment start = *moment;
	uint8_t text[BUILTINS_TEXT_SIZE];
	size_t offset = (size_t)(*position & OFFSET_MASK);

	/* gcc and clang shift signed numbers arithmetically, so this brings back the
	 * sign of a moment before 1970 too. */
	if (offset > 0)
		start.wall_seconds = (int64_t)*position >> OFFSET_BITS;
	size_t length = render(&start, text);
	if (offset >= length)
		return 0;
	size_t count = length - offset < size ? length - offset : size;
	memcpy(buffer, text + offset, count);
	*position = ((uint64_t)start.wall_seconds << OFFSET_BITS) | (offset + count);
	return count;
}

ssize_t builtins_answer_text(size_t limit, uint8_t *reply, size_t size,
			     const struct builtin_moment *moment, builtins_render *render)
{
	uint8_t text[BUILTINS_TEXT_SIZE];
	size_t length = render(moment, text);

	if (length == 0)
		return -1;
	if (length > limit)
		length = limit;
	if (length > size)
		return -1;
	memcpy(reply, text, length);
	return (ssize_t)length;
}
