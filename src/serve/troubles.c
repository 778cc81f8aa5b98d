/* SPDX-License-Identifier: ISC */
/* The memory of what failed; small, as there are few owners. */
#include "usherd/serve/troubles.h"

#include <stdlib.h>

#include "usherd/base/backoff.h"

static struct trouble *find(const struct troubles *troubles, uint64_t owner)
{
	for (size_t i = 0; i < troubles->count; i++)
		if (troubles->items[i].owner == owner)
			return &troubles->items[i];
	return NULL;
}

static struct trouble *find_or_make(struct troubles *troubles, uint64_t owner)
{
	struct trouble *trouble = find(troubles, owner);
	struct trouble *items;

	if (trouble != NULL)
		return trouble;
	items = reallocarray(troubles->items, troubles->count + 1, sizeof(*items));
	if (items == NULL)
		return NULL;
	troubles->items = items;
	items[troubles->count] = (struct trouble){ .owner = owner };
	return &items[troubles->count++];
}

uint64_t troubles_note(struct troubles *troubles, uint64_t owner, uint64_t now_ns,
		       uint64_t first_ns, uint64_t most_ns)
{
	struct trouble *trouble = find_or_make(troubles, owner);

	if (trouble == NULL)
		return now_ns + most_ns;
	trouble->not_before_ns =
		now_ns + backoff_ns(trouble->failures, first_ns, most_ns);
	trouble->failures++;
	return trouble->not_before_ns;
}

uint64_t troubles_not_before(const struct troubles *troubles, uint64_t owner)
{
	const struct trouble *trouble = find(troubles, owner);

	return trouble != NULL ? trouble->not_before_ns : 0;
}

void troubles_forget(struct troubles *troubles, uint64_t owner)
{
	struct trouble *trouble = find(troubles, owner);

	if (trouble != NULL)
		*trouble = troubles->items[--troubles->count];
}

void troubles_done(struct troubles *troubles)
{
	free(troubles->items);
	*troubles = (struct troubles){ 0 };
}
