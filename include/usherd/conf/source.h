/* SPDX-License-Identifier: ISC */
/* Configuration files as bytes: finding them, reading them whole, refusing what is none.
 */
#ifndef USHERD_CONF_SOURCE_H
#define USHERD_CONF_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "usherd/base/error.h"
#include "usherd/base/strings.h"

#define SOURCE_SIZE_MAX (1024 * 1024)

struct source {
	char *text;    /* owned, NUL-terminated, no NUL inside */
	size_t length; /* without the final NUL */
	dev_t device;
	ino_t inode;
};

/*
 * Read @path whole. A symbolic link is followed; what it leads to must be a regular file
 * of at most SOURCE_SIZE_MAX bytes of text (no NUL, no byte order mark). Never blocks on
 * a FIFO. 0 or a negative errno with the reason, which does not name the path.
 */
int source_read(const char *path, struct source *ret, struct error *err);

/* The same checks on bytes already in memory. */
int source_check_text(const char *text, size_t length, struct error *err);
void source_done(struct source *source);

/* @path as seen from the directory of the file @including. Owned by the caller; NULL when
 * out of memory. */
char *source_resolve(const char *path, const char *including);

/*
 * The files of @directory whose names @takes likes, as paths, sorted by byte, appended to
 * @ret. 0, -ENOMEM or another negative errno with a sentence.
 */
int source_list(const char *directory, bool (*takes)(const char *name),
		struct strings *ret, struct error *err);

/*
 * The files that @pattern (glob(7)) stands for, sorted, appended to @ret. A relative
 * pattern starts at the directory of @including. A pattern with wildcards may match
 * nothing; a plain path must exist. 0, -ENOMEM or another negative errno with a sentence.
 */
int source_expand(const char *pattern, const char *including, struct strings *ret,
		  struct error *err);

#endif
