/* SPDX-License-Identifier: ISC */
/*
 * What libconfuse gets wrong is checked before it sees the text: comments, quotes,
 * braces, odd bytes. The scan also notes where every section and assignment stands,
 * because libconfuse forgets that.
 */
#ifndef USHERD_CONF_PRESCAN_H
#define USHERD_CONF_PRESCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "usherd/conf/diagnostics.h"

#define OUTLINE_TOP ((size_t)-1)

enum outline_kind {
	OUTLINE_SECTION,   /* name [title] { */
	OUTLINE_ASSIGNMENT /* name = or name += */
};

struct outline_item {
	enum outline_kind kind;
	char *name;    /* owned, an identifier */
	unsigned line; /* of the name */
	bool titled;   /* section */
	bool append;   /* assignment with += */
	size_t parent; /* index of the section it stands in, or OUTLINE_TOP */
	size_t start;  /* of the name, in the text */
	size_t end;    /* section: past its '}' */
};

struct outline {
	struct outline_item *items; /* owned, in the order of the text */
	size_t count;
};

/*
 * Check the @length bytes of @text (a NUL follows them) and blank its comments in place
 * (newlines stay, so that lines keep their numbers). Every problem found is added to
 * @diagnostics with
 * @file. Returns 0, -EINVAL when there were problems, or -ENOMEM; in every case @ret is
 * to be given to outline_done().
 */
int prescan(char *text, size_t length, const char *file, struct outline *ret,
	    struct diagnostics *diagnostics);
void outline_done(struct outline *outline);

#endif
