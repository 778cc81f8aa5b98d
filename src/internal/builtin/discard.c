/* SPDX-License-Identifier: ISC */
/* RFC 863, discard: everything received is thrown away, nothing is ever said. */
#include "builtins.h"

static ssize_t discard_answer(const uint8_t *request, size_t length, uint8_t *reply,
			      size_t size, const struct builtin_moment *moment)
{
	(void)request;
	(void)length;
	(void)reply;
	(void)size;
	(void)moment;
	return -1;
}

const struct builtin builtins_discard = {
	.name = "discard",
	.input = BUILTIN_INPUT_DISCARD,
	.answer = discard_answer,
};
