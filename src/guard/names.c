/* SPDX-License-Identifier: ISC */
/* Host names and domains, compared. */
#include "usherd/guard/names.h"

#include <string.h>
#include <strings.h>

bool names_is_domain(const char *pattern)
{
	return pattern[0] == '.';
}

static size_t length_of(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

bool names_match(const char *pattern, const char *name)
{
	size_t wanted = length_of(pattern);
	size_t length = length_of(name);

	if (wanted == 0 || length < wanted)
		return false;
	/* Something has to stand before the dot. */
	if (names_is_domain(pattern) ? length == wanted : length != wanted)
		return false;
	return strncasecmp(name + length - wanted, pattern, wanted) == 0;
}
