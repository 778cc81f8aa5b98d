/* SPDX-License-Identifier: ISC */
/* RFC 862, echo: everything received comes back. The stream side is session.c's. */
#include <string.h>

#include "builtins.h"

/* A datagram comes back identical or not at all; an empty one comes back too. */
static ssize_t echo_answer(const uint8_t *request, size_t length, uint8_t *reply,
			   size_t size, const struct builtin_moment *moment)
{
	(void)moment;
	if (length > size)
		return -1;
	if (length > 0)
		memcpy(reply, request, length);
	return (ssize_t)length;
}

const struct builtin builtins_echo = {
	.name = "echo",
	.input = BUILTIN_INPUT_ECHO,
	.answer = echo_answer,
};
