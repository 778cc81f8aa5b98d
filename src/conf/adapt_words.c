/* SPDX-License-Identifier: ISC */
/*
 * What xinetd asks of the lines of its files beyond their values: noted, or complained
 * of, before other steps take out what means nothing here.
 */
#include <string.h>

#include "build_internal.h"

/* A line that is taken: of a word, and not one that is passed over. */
static bool is_said(const struct stanza *stanza, const char *name)
{
	for (size_t i = 0; i < stanza->count; i++) {
		const struct stanza_attribute *given = &stanza->attributes[i];

		if (strcmp(given->name, name) == 0 && given->operation == STANZA_SET &&
		    given->values.count == 1)
			return true;
	}
	return false;
}

static bool is_in(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* Empty lists of access and of what is logged mean something, these do not; and what has
 * been added to the environment stays. */
static void check_line(struct draft *draft, const struct stanza_attribute *given)
{
	static const char *const never_empty[] = { "flags", "server_args", NULL };
	static const char *const never_less[] = { "env", NULL };
	struct stanza *stanza = draft->stanza;

	if (stanza_find(stanza, given->name) == given && given->operation == STANZA_SET &&
	    given->values.count == 0 && is_in(given->name, never_empty))
		build_complain(draft->build, stanza->file, given->line,
			       "%s: expected at least 1 value, got 0", given->name);
	if (given->operation == STANZA_REMOVE && is_in(given->name, never_less))
		build_complain(draft->build, stanza->file, given->line,
			       "%s: '-=' cannot be used with it", given->name);
}

int adapt_words(struct draft *draft)
{
	const struct stanza *stanza = draft->stanza;

	if (stanza->dialect != DIALECT_XINETD)
		return 0;
	draft->wait_said = is_said(stanza, "wait");
	draft->user_said = is_said(stanza, "user");
	for (size_t i = 0; i < stanza->count; i++)
		check_line(draft, &stanza->attributes[i]);
	return 0;
}
