/* SPDX-License-Identifier: ISC */
/* What is in a file, told by its name. Pure. */
#ifndef USHERD_HTTP_TYPE_H
#define USHERD_HTTP_TYPE_H

#include <stdbool.h>

struct http_type {
	const char *extension; /* lower case */
	const char *name;      /* the value of Content-Type */
	bool compresses;       /* a compressed copy beside it is worth looking for */
};

/* By the last extension of @path, in any case; never NULL: application/octet-stream is
 * what is not known. */
const struct http_type *http_type_of(const char *path);

#endif
