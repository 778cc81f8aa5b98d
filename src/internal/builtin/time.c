/* SPDX-License-Identifier: ISC */
/* RFC 868, time: the seconds since 1900-01-01 as 32 bits in network order. */
#include <arpa/inet.h>
#include <string.h>

#include "builtins.h"

/* From 1900 to the Unix epoch: 70 years, 17 of them with a 29 February (RFC 868). */
#define SECONDS_BEFORE_EPOCH UINT64_C(2208988800)

/* Wraps in 2036 as the protocol does: modulo 2^32. */
static size_t time_render(const struct builtin_moment *moment,
			  uint8_t text[BUILTINS_TEXT_SIZE])
{
	uint32_t seconds =
		htonl((uint32_t)((uint64_t)moment->wall_seconds + SECONDS_BEFORE_EPOCH));

	memcpy(text, &seconds, sizeof(seconds));
	return sizeof(seconds);
}

static size_t time_produce(uint64_t *position, uint8_t *buffer, size_t size,
			   const struct builtin_moment *moment)
{
	return builtins_produce_text(position, buffer, size, moment, time_render);
}

static ssize_t time_answer(const uint8_t *request, size_t length, uint8_t *reply,
			   size_t size, const struct builtin_moment *moment)
{
	(void)request;
	(void)length;
	return builtins_answer_text(SIZE_MAX, reply, size, moment, time_render);
}

const struct builtin builtins_time = {
	.name = "time",
	.input = BUILTIN_INPUT_IGNORE,
	.produce = time_produce,
	.answer = time_answer,
};
