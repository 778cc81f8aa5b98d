/* SPDX-License-Identifier: ISC */
/* What it takes to get from one table to another. Pure. */
#ifndef USHERD_MODEL_DIFF_H
#define USHERD_MODEL_DIFF_H

#include <stddef.h>

#include "usherd/model/table.h"

enum change_kind {
	CHANGE_ADD,     /* before is NULL */
	CHANGE_KEEP,    /* same fingerprint */
	CHANGE_REPLACE, /* same id, something else */
	CHANGE_REMOVE,  /* after is NULL */
};

struct change {
	enum change_kind kind;
	struct service *before; /* borrowed from the tables */
	struct service *after;
};

struct diff {
	struct change
		*changes; /* owned; removals first, then the order of the new table */
	size_t count;
	size_t totals[4]; /* by enum change_kind */
};

/* A disabled service counts as absent. @before may be NULL. 0 or -ENOMEM. */
int diff_compute(const struct table *before, const struct table *after, struct diff *ret);
void diff_done(struct diff *diff);

#endif
