/* SPDX-License-Identifier: ISC */
/*
 * inetd's tcp and udp are two sockets, one for each family: a program that knows IPv4
 * alone then sees the addresses of its clients in the form it knows. Without IPv6 on the
 * machine there is one.
 */
#include <errno.h>
#include <string.h>

#include "build_internal.h"

static bool has_default(const struct build *build, const char *name)
{
	const struct assignments *defaults = &build->defaults[1];

	return defaults->items[attribute_index(attribute_find(name))].set;
}

static bool is_everywhere(const struct stanza *stanza)
{
	const struct stanza_attribute *bind = stanza_find(stanza, "bind");

	return bind == NULL ||
	       (bind->values.count == 1 && strcmp(bind->values.items[0], "*") == 0);
}

static bool is_unix(const struct stanza *stanza)
{
	const struct stanza_attribute *protocol = stanza_find(stanza, "protocol");

	return protocol == NULL || strings_find(&protocol->values, "unix") != -1;
}

/* Each of the two would have half of what there is, and not of the same protocol. */
static bool is_raw(const struct stanza *stanza)
{
	return stanza_has_word(stanza, "socket_type", "raw");
}

/* For programs alone: in process nobody sees the difference. What has a type is reached
 * by other ways, and what the line says of families, or defaults of addresses, holds. */
static bool needs_both(const struct draft *draft)
{
	static const char *const elsewhere[] = { "flags", "type", "v6only" };
	static const char *const defaults[] = { "bind", "interface", "v6only" };
	const struct stanza *stanza = draft->stanza;

	if (stanza->dialect != DIALECT_INETD || !draft->build->ipv6 || is_unix(stanza) ||
	    is_raw(stanza) || stanza_find(stanza, "server") == NULL ||
	    !is_everywhere(stanza))
		return false;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		if (stanza_find(stanza, elsewhere[i]) != NULL)
			return false;
	if (stanza_find(stanza, "bind") != NULL)
		return true;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (has_default(draft->build, defaults[i]))
			return false;
	return true;
}

int adapt_families(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;
	struct stanza_attribute *given;

	if (!needs_both(draft))
		return 0;
	stanza_remove(stanza, "bind");
	given = stanza_add(stanza, "bind", STANZA_SET, stanza->line);
	if (given == NULL || strings_add(&given->values, "0.0.0.0") < 0 ||
	    strings_add(&given->values, "::") < 0)
		return -ENOMEM;
	given = stanza_add(stanza, "v6only", STANZA_SET, stanza->line);
	return given != NULL ? strings_add(&given->values, "yes") : -ENOMEM;
}
