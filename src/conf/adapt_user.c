/* SPDX-License-Identifier: ISC */
/*
 * Who a service of another syntax runs as: USER.GROUP in inetd.conf, and a user that is a
 * number. Asks the databases of the machine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"

static bool is_user(struct draft *draft, const char *name)
{
	struct credentials found = { 0 };
	struct error err = { 0 };
	int result = identity_user(&draft->build->identities, name, &found, &err);

	credentials_done(&found);
	return result == 0;
}

static int give_group(struct stanza *stanza, const char *group, unsigned line)
{
	struct stanza_attribute *attribute =
		stanza_add(stanza, "group", STANZA_SET, line);

	return attribute != NULL ? strings_add(&attribute->values, group) : -ENOMEM;
}

/* The last dot that leaves a user before it; a user whose name has dots is one. */
static int split_user(struct draft *draft, struct stanza_attribute *user)
{
	char *name = user->values.items[0];
	char *dot = strrchr(name, '.');

	if (dot == NULL || dot == name || dot[1] == '\0' || is_user(draft, name))
		return 0;
	*dot = '\0';
	if (is_user(draft, name))
		return give_group(draft->stanza, dot + 1, user->line);
	*dot = '.';
	return 0;
}

int adapt_user(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;
	struct stanza_attribute *user = stanza_find(stanza, "user");
	const char *id;

	if (stanza->dialect == DIALECT_NATIVE || user == NULL ||
	    user->values.count != 1 || stanza_find(stanza, "group") != NULL)
		return 0;
	id = user->values.items[0];
	if (stanza->dialect == DIALECT_INETD)
		return split_user(draft, user);
	if (id[0] == '\0' || id[strspn(id, "0123456789")] != '\0')
		return 0;
	return give_group(stanza, id, user->line);
}
