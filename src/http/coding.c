/* SPDX-License-Identifier: ISC */
/* A name, or "*", is accepted unless its weight is zero; a name counts before "*". */
#include "usherd/http/coding.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* ";q=0", "; q=0.000": refused. Anything else, nonsense included, is a preference. */
static bool is_refused(const char *parameters, size_t length)
{
	size_t at = 0;

	while (at < length && strchr("; \t", parameters[at]) != NULL)
		at++;
	if (length - at < 3 || strncasecmp(parameters + at, "q=", 2) != 0)
		return false;
	at += 2;
	while (at < length && strchr("0. \t", parameters[at]) != NULL)
		at++;
	return at == length;
}

static bool is_name(const char *item, size_t length, const char *name)
{
	return length == strlen(name) && strncasecmp(item, name, length) == 0;
}

bool http_coding_accepts_gzip(const char *value)
{
	bool others = false;

	while (value != NULL && *value != '\0') {
		size_t length = strcspn(value, ",");
		size_t start = strspn(value, " \t");
		size_t end = start + strcspn(value + start, ",; \t");

		if (start < length) {
			bool accepted = !is_refused(value + end, length - end);

			if (is_name(value + start, end - start, "gzip") ||
			    is_name(value + start, end - start, "x-gzip"))
				return accepted;
			if (is_name(value + start, end - start, "*"))
				others = accepted;
		}
		value += length;
		value += *value == ',';
	}
	return others;
}
