/* SPDX-License-Identifier: ISC */
/*
 * RFC 867, daytime, in xinetd's form: "07 NOV 2031 09:05:03 UTC" and CRLF, local time.
 * The month is English whatever the locale. Does not load the time zone by hand: the
 * first localtime_r(3) does, so who gives up the file system calls tzset(3) before.
 */
#include <stdio.h>
#include <time.h>

#include "builtins.h"

static const char months[12][4] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN",
				    "JUL", "AUG", "SEP", "OCT", "NOV", "DEC" };

static size_t daytime_render(const struct builtin_moment *moment,
			     uint8_t text[BUILTINS_TEXT_SIZE])
{
	time_t seconds = (time_t)moment->wall_seconds;
	struct tm local;

	/* Fails for years that do not fit an int. */
	if (localtime_r(&seconds, &local) == NULL)
		return 0;
	int length = snprintf((char *)text, BUILTINS_TEXT_SIZE,
			      "%02d %s %lld %02d:%02d:%02d %.32s\r\n", local.tm_mday,
			      months[local.tm_mon], local.tm_year + 1900LL, local.tm_hour,
			      local.tm_min, local.tm_sec, local.tm_zone);
	return length < 0 ? 0 : (size_t)length;
}

static size_t daytime_produce(uint64_t *position, uint8_t *buffer, size_t size,
			      const struct builtin_moment *moment)
{
	return builtins_produce_text(position, buffer, size, moment, daytime_render);
}

static ssize_t daytime_answer(const uint8_t *request, size_t length, uint8_t *reply,
			      size_t size, const struct builtin_moment *moment)
{
	(void)request;
	(void)length;
	return builtins_answer_text(SIZE_MAX, reply, size, moment, daytime_render);
}

const struct builtin builtins_daytime = {
	.name = "daytime",
	.input = BUILTIN_INPUT_IGNORE,
	.produce = daytime_produce,
	.answer = daytime_answer,
};
