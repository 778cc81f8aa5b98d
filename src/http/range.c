/* SPDX-License-Identifier: ISC */
/* A server may ignore any Range; so it does with all that is not simple. */
#include "usherd/http/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define UNIT "bytes="

/* Digits at *at, any number of them; what is too large is as good as the largest. */
static bool read_number(const char **at, uint64_t *ret)
{
	const char *start = *at;
	uint64_t number = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++) {
		uint64_t digit = (uint64_t)(**at - '0');

		if (number > (UINT64_MAX - digit) / 10)
			number = UINT64_MAX;
		else
			number = number * 10 + digit;
	}
	*ret = number;
	return *at > start;
}

/* "-500": the last so many bytes. */
static enum http_range_kind suffix(uint64_t count, uint64_t size, struct http_range *ret)
{
	if (count == 0 || size == 0)
		return HTTP_RANGE_UNSATISFIABLE;
	ret->first = count < size ? size - count : 0;
	ret->last = size - 1;
	return HTTP_RANGE_PART;
}

static enum http_range_kind clip(uint64_t first, uint64_t last, uint64_t size,
				 struct http_range *ret)
{
	if (first > last)
		return HTTP_RANGE_WHOLE;
	if (first >= size)
		return HTTP_RANGE_UNSATISFIABLE;
	ret->first = first;
	ret->last = last < size ? last : size - 1;
	return HTTP_RANGE_PART;
}

enum http_range_kind http_range_parse(const char *value, uint64_t size,
				      struct http_range *ret)
{
	uint64_t first = 0;
	uint64_t last = UINT64_MAX;
	bool has_first, has_last;

	if (value == NULL || strncasecmp(value, UNIT, strlen(UNIT)) != 0)
		return HTTP_RANGE_WHOLE;
	value += strlen(UNIT);
	value += strspn(value, " \t");
	has_first = read_number(&value, &first);
	if (*value++ != '-')
		return HTTP_RANGE_WHOLE;
	has_last = read_number(&value, &last);
	if (value[strspn(value, " \t")] != '\0' || (!has_first && !has_last))
		return HTTP_RANGE_WHOLE;
	if (!has_first)
		return suffix(last, size, ret);
	return clip(first, has_last ? last : UINT64_MAX, size, ret);
}
