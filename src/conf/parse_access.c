/* SPDX-License-Identifier: ISC */
/*
 * Lists of those who may, or may not, connect. Here words become blocks of addresses and
 * names; that a name is one is seen to by access.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "usherd/base/host.h"
#include "usherd/base/prefix_words.h"
#include "usherd/model/policy.h"
#include "value_internal.h"

/* ".example.org", or a host. What the resolver would take for an address is no name: no
 * client would ever be called that. */
static bool is_name(const char *text)
{
	struct in_addr ignored;

	if (text[0] == '.')
		return host_is_name(text + 1);
	return host_is_name(text) && inet_aton(text, &ignored) == 0;
}

static int add_prefixes(struct prefix_list *list, const struct prefix *more, size_t count)
{
	struct prefix *items =
		reallocarray(list->items, list->count + count, sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		items[list->count + i] = more[i];
	list->items = items;
	list->count += count;
	return 0;
}

static int add_word(struct prefix_list *list, const char *word, struct error *err)
{
	struct prefix found[PREFIX_WORD_MAX];
	size_t count = 0;
	int r;

	if (is_name(word))
		return strings_add(&list->names, word);
	r = prefix_parse_word(word, PREFIX_EXACT, found, &count, err);
	return r < 0 ? r : add_prefixes(list, found, count);
}

VALUE_PARSER(prefixes)
{
	struct prefix_list *target =
		(struct prefix_list *)((char *)object + attribute->offset);
	struct prefix_list list = { .given = true };
	int r = 0;

	for (size_t i = 0; i < values->count && r == 0; i++)
		r = add_word(&list, values->items[i], err);
	if (r == 0)
		r = prefix_list_compile(&list);
	if (r < 0) {
		prefix_list_done(&list);
		return r == -ENOMEM ? error_set(err, r, "out of memory") : r;
	}
	prefix_list_done(target);
	*target = list;
	return 0;
}

/* Words of hosts_access(5) that a name must not be mistaken for. */
static bool is_daemon(const char *text)
{
	return text[0] != '\0' && strpbrk(text, " \t,:@/") == NULL;
}

VALUE_PARSER(libwrap)
{
	char **target = (char **)((char *)object + attribute->offset);
	const char *word = values->items[0];
	char *copy = NULL;

	if (!is_daemon(word))
		return error_set(err, -EINVAL,
				 "expected yes, no or the name of a "
				 "daemon as in hosts_access(5)");
	if (strcasecmp(word, "no") != 0) {
		copy = strdup(strcasecmp(word, "yes") == 0 ? "yes" : word);
		if (copy == NULL)
			return error_set(err, -ENOMEM, "out of memory");
	}
	free(*target);
	*target = copy;
	return 0;
}
