/* SPDX-License-Identifier: ISC */
/* What cannot be understood is as if it were not there, as the RFC has it for dates. */
#include "usherd/http/condition.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "usherd/http/date.h"

void http_validator_make(const struct stat *status, struct http_validator *ret)
{
	(void)snprintf(ret->etag, sizeof(ret->etag),
		       "\"%" PRIx64 ".%lx-%" PRIx64 "-%" PRIx64 "\"",
		       (uint64_t)status->st_mtim.tv_sec,
		       (unsigned long)status->st_mtim.tv_nsec, (uint64_t)status->st_size,
		       (uint64_t)status->st_ino);
	ret->modified = (int64_t)status->st_mtim.tv_sec;
}

/* Is @etag in the list? With @weak also if it is called a weak one there. */
static bool list_has(const char *list, const char *etag, bool weak)
{
	for (;;) {
		bool is_weak;
		size_t length;

		list += strspn(list, " \t,");
		is_weak = strncmp(list, "W/", 2) == 0;
		if (is_weak)
			list += 2;
		if (*list != '"')
			return false;
		length = 1 + strcspn(list + 1, "\"");
		if (list[length] != '"')
			return false;
		length++;
		if ((weak || !is_weak) && length == strlen(etag) &&
		    memcmp(list, etag, length) == 0)
			return true;
		list += length;
	}
}

static bool matches(const char *value, const char *etag, bool weak)
{
	return strcmp(value, "*") == 0 || list_has(value, etag, weak);
}

static bool is_newer(const struct http_validator *validator, const char *date,
		     bool otherwise)
{
	int64_t moment;

	return http_date_parse(date, &moment) ? validator->modified > moment : otherwise;
}

enum http_outcome http_condition_decide(const struct http_conditions *conditions,
					const struct http_validator *validator)
{
	if (conditions->if_match != NULL) {
		if (!matches(conditions->if_match, validator->etag, false))
			return HTTP_OUTCOME_FAILED;
	} else if (conditions->if_unmodified_since != NULL &&
		   is_newer(validator, conditions->if_unmodified_since, false)) {
		return HTTP_OUTCOME_FAILED;
	}
	if (conditions->if_none_match != NULL)
		return matches(conditions->if_none_match, validator->etag, true)
			       ? HTTP_OUTCOME_NOT_MODIFIED
			       : HTTP_OUTCOME_SEND;
	if (conditions->if_modified_since != NULL &&
	    !is_newer(validator, conditions->if_modified_since, true))
		return HTTP_OUTCOME_NOT_MODIFIED;
	return HTTP_OUTCOME_SEND;
}

/* Both have to be the same to the letter: pieces of two files make none. */
bool http_condition_allows_range(const struct http_conditions *conditions,
				 const struct http_validator *validator)
{
	const char *value = conditions->if_range;
	int64_t moment;

	if (value == NULL)
		return true;
	if (value[0] == '"')
		return strcmp(value, validator->etag) == 0;
	return http_date_parse(value, &moment) && moment == validator->modified;
}
