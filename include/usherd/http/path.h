/* SPDX-License-Identifier: ISC */
/*
 * Targets of requests (RFC 9112 section 3.2) as paths beneath a directory, and back.
 * Pure.
 */
#ifndef USHERD_HTTP_PATH_H
#define USHERD_HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "usherd/base/text.h"

/* With the NUL; longer ones name no file, see PATH_MAX. */
#define HTTP_PATH_SIZE 4096

struct http_path {
	char text[HTTP_PATH_SIZE]; /* "", "a", "a/b": no slash at either end, no dots */
	bool directory;            /* written with a slash at its end, or as "/" */
};

/*
 * What @target, "/a%20b/../c?query" or "http://host/c", means: percent-encodings undone,
 * empty segments, "." and ".." resolved. Returns 0; -EINVAL if it means nothing (a wrong
 * encoding, a control character, above the root, no path at all); -ENOENT if no file can
 * be meant (a slash inside a name) or one that is hidden: a name that begins with a dot,
 * but for ".well-known" at the top (RFC 8615); -ENAMETOOLONG.
 */
int http_path_decode(const char *target, struct http_path *ret);

/* Add @path, which may hold any bytes, with all but unreserved characters (RFC 3986) and
 * slashes percent-encoded. */
void http_path_encode(const char *path, struct text *ret);

/* Is a file of this name, one segment, kept from everybody? With a dot in front, or with
 * a control character inside. */
bool http_path_is_hidden(const char *name);

#endif
