/* SPDX-License-Identifier: ISC */
/*
 * Conditional requests (RFC 9110 section 13): is what the client has still what there is?
 * Pure.
 */
#ifndef USHERD_HTTP_CONDITION_H
#define USHERD_HTTP_CONDITION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define HTTP_ETAG_SIZE 80

/* One state of one file. */
struct http_validator {
	char etag[HTTP_ETAG_SIZE]; /* strong, with its quotes */
	int64_t modified;          /* seconds since the epoch */
};

/* A file is another one when its inode, its size or its time of change is. */
void http_validator_make(const struct stat *status, struct http_validator *ret);

/* The fields of a request, each NULL if it has none. */
struct http_conditions {
	const char *if_match;
	const char *if_none_match;
	const char *if_modified_since;
	const char *if_unmodified_since;
	const char *if_range;
};

enum http_outcome {
	HTTP_OUTCOME_SEND,
	HTTP_OUTCOME_NOT_MODIFIED, /* 304 */
	HTTP_OUTCOME_FAILED,       /* 412 */
};

/* In the order of RFC 9110 section 13.2.2, for GET and HEAD. */
enum http_outcome http_condition_decide(const struct http_conditions *conditions,
					const struct http_validator *validator);

/* May a Range be honoured? */
bool http_condition_allows_range(const struct http_conditions *conditions,
				 const struct http_validator *validator);

#endif
