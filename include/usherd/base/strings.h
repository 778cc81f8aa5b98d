/* SPDX-License-Identifier: ISC */
/*
 * A growing list of strings, always followed by NULL, so that it can be handed to
 * execve(2) as it is. All zero is an empty list (items is then NULL).
 */
#ifndef USHERD_BASE_STRINGS_H
#define USHERD_BASE_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

struct strings {
	char **items; /* owned, each item owned */
	size_t count;
};

/* Append a copy of @string. Returns 0 or -ENOMEM (the list is then unchanged). */
int strings_add(struct strings *list, const char *string);

/* Append @count copies. Returns 0 or -ENOMEM. */
int strings_add_all(struct strings *list, const struct strings *others);

/* Position of the first item equal to @string, or -1. */
ptrdiff_t strings_find(const struct strings *list, const char *string);
/* Is @word among the items, in any case? */
bool strings_have_word(const struct strings *list, const char *word);

/* Remove item @index, keeping the order of the others. */
void strings_remove(struct strings *list, size_t index);

bool strings_equal(const struct strings *a, const struct strings *b);

/* Free everything and become an empty list. */
void strings_done(struct strings *list);

#endif
