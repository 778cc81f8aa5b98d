/* SPDX-License-Identifier: ISC */
/* Addresses of xinetd's access lists that mean more than they say, written out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"
#include "usherd/base/prefix_words.h"

/* "192.0.2.0" is "192.0.2.0/24" there. What has a mask or braces is clear, and what is no
 * address is complained of later. */
static int adapt_word(char **word)
{
	struct prefix blocks[PREFIX_WORD_MAX];
	char text[ADDR_TEXT_SIZE];
	size_t count = 0;
	char *copy;

	if (strpbrk(*word, "/{") != NULL ||
	    prefix_parse_word(*word, PREFIX_TRAILING_ZEROS, blocks, &count, NULL) < 0 ||
	    count != 1)
		return 0;
	copy = strdup(prefix_format(&blocks[0], text));
	if (copy == NULL)
		return -ENOMEM;
	free(*word);
	*word = copy;
	return 0;
}

static int adapt_list(struct stanza_attribute *list)
{
	int result = 0;

	for (size_t i = 0; i < list->values.count && result == 0; i++)
		result = adapt_word(&list->values.items[i]);
	return result;
}

int adapt_addresses(struct stanzas *stanzas)
{
	int result = 0;

	for (size_t i = 0; i < stanzas->count; i++) {
		struct stanza *stanza = &stanzas->items[i];

		for (size_t k = 0; k < stanza->count && result == 0 &&
				   stanza->dialect == DIALECT_XINETD;
		     k++) {
			struct stanza_attribute *given = &stanza->attributes[k];

			if (strcmp(given->name, "only_from") == 0 ||
			    strcmp(given->name, "no_access") == 0)
				result = adapt_list(given);
		}
	}
	return result;
}
