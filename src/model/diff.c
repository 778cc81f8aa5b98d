/* SPDX-License-Identifier: ISC */
/*
 * Two tables compared by id and fingerprint, in time proportional to their sizes.
 * Carrying the changes out is the daemon's.
 */
#include "usherd/model/diff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* The service called @id that is to be served, or NULL. */
static struct service *find_enabled(const struct table *table, const char *id)
{
	struct service *service = table == NULL ? NULL : table_find(table, id);

	return service != NULL && !service->disable ? service : NULL;
}

static void append(struct diff *diff, enum change_kind kind, struct service *before,
		   struct service *after)
{
	diff->changes[diff->count++] = (struct change){ kind, before, after };
	diff->totals[kind]++;
}

static void append_removals(struct diff *diff, const struct table *before,
			    const struct table *after)
{
	for (size_t i = 0; i < before->count; i++) {
		struct service *service = before->services[i];

		if (!service->disable && find_enabled(after, service->id) == NULL)
			append(diff, CHANGE_REMOVE, service, NULL);
	}
}

static void append_others(struct diff *diff, const struct table *before,
			  const struct table *after)
{
	for (size_t i = 0; i < after->count; i++) {
		struct service *service = after->services[i];
		struct service *old = find_enabled(before, service->id);

		if (service->disable)
			continue;
		if (old == NULL)
			append(diff, CHANGE_ADD, NULL, service);
		else if (service_is_same(old, service))
			append(diff, CHANGE_KEEP, old, service);
		else
			append(diff, CHANGE_REPLACE, old, service);
	}
}

int diff_compute(const struct table *before, const struct table *after, struct diff *ret)
{
	struct diff diff = { 0 };
	size_t most = after->count + (before == NULL ? 0 : before->count);

	diff.changes = calloc(most > 0 ? most : 1, sizeof(*diff.changes));
	if (diff.changes == NULL)
		return -ENOMEM;
	if (before != NULL)
		append_removals(&diff, before, after);
	append_others(&diff, before, after);
	*ret = diff;
	return 0;
}

void diff_done(struct diff *diff)
{
	free(diff->changes);
	*diff = (struct diff){ 0 };
}
