/* SPDX-License-Identifier: ISC */
/*
 * What every reader produces: named attributes with words for values, and where each was
 * written. Nothing is converted or checked yet.
 */
#ifndef USHERD_CONF_STANZA_H
#define USHERD_CONF_STANZA_H

#include <stdbool.h>
#include <stddef.h>

#include "usherd/base/strings.h"
#include "usherd/model/dialect.h"

enum stanza_kind {
	STANZA_SETTINGS, /* what stands outside of sections */
	STANZA_DEFAULTS,
	STANZA_SERVICE,
};

enum stanza_operator {
	STANZA_SET,    /* = */
	STANZA_ADD,    /* += */
	STANZA_REMOVE, /* -= */
};

struct stanza_attribute {
	char *name; /* owned, as written */
	enum stanza_operator operation;
	struct strings values;
	unsigned line;
};

struct stanza {
	enum dialect dialect;
	bool broken; /* its reader has complained: it is refused as it is */
	enum stanza_kind kind;
	char *title; /* owned; NULL but for a service */
	char *file;  /* owned */
	unsigned line;
	struct stanza_attribute *attributes; /* owned, as written */
	size_t count;
};

struct stanzas {
	struct stanza *items; /* owned, in the order read */
	size_t count;
};

/* A new stanza at the end, valid until the next is added; NULL when out of memory.
 * @title may be NULL. */
struct stanza *stanzas_add(struct stanzas *list, enum stanza_kind kind, const char *title,
			   const char *file, unsigned line);

/* A new attribute without values, valid until the next is added; NULL when out of
 * memory. */
struct stanza_attribute *stanza_add(struct stanza *stanza, const char *name,
				    enum stanza_operator operation, unsigned line);

/* The first attribute of that name, or NULL. */
struct stanza_attribute *stanza_find(const struct stanza *stanza, const char *name);

/* Is @word, in any case, among the values of the first of that name? */
bool stanza_has_word(const struct stanza *stanza, const char *name, const char *word);

/* Take every attribute of that name out. */
void stanza_remove(struct stanza *stanza, const char *name);

void stanzas_done(struct stanzas *list);

#endif
