/* SPDX-License-Identifier: ISC */
/* The header field Range (RFC 9110 section 14.2), of bytes and for one range. Pure. */
#ifndef USHERD_HTTP_RANGE_H
#define USHERD_HTTP_RANGE_H

#include <stdint.h>

struct http_range {
	uint64_t first;
	uint64_t last; /* included */
};

enum http_range_kind {
	HTTP_RANGE_WHOLE,         /* nothing, nonsense, several ranges, other units */
	HTTP_RANGE_PART,          /* as in *ret */
	HTTP_RANGE_UNSATISFIABLE, /* beyond the end */
};

/* What @value (NULL: no such field) asks for of @size bytes. */
enum http_range_kind http_range_parse(const char *value, uint64_t size,
				      struct http_range *ret);

#endif
