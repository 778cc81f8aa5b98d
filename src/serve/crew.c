/* SPDX-License-Identifier: ISC */
/* Who belongs together. When a worker is started is workers.c's affair. */
#include "usherd/serve/crew.h"

#include <errno.h>
#include <stdlib.h>

#include "usherd/model/table.h"

_Static_assert(WORKERS_MAX <= 64, "a bit for each of them");

int crew_new(const struct group *group, struct crew **ret)
{
	struct crew *crew = calloc(1, sizeof(*crew));
	int r;

	if (crew == NULL)
		return -ENOMEM;
	r = group_ledger(group, &crew->ledger);
	if (r < 0) {
		free(crew);
		return r;
	}
	crew->references = 1;
	crew->signature = group->signature;
	crew->owner = group->owner;
	*ret = crew;
	return 0;
}

struct crew *crew_ref(struct crew *crew)
{
	crew->references++;
	return crew;
}

void crew_unref(struct crew *crew)
{
	if (crew == NULL || --crew->references > 0)
		return;
	ledger_free(crew->ledger);
	free(crew);
}

int crew_vacancy(const struct crew *crew)
{
	for (unsigned slot = 0; slot < ledger_slots(crew->ledger); slot++)
		if ((crew->manned >> slot & 1) == 0)
			return (int)slot;
	return -1;
}

void crew_enter(struct crew *crew, unsigned slot)
{
	crew->manned |= UINT64_C(1) << slot;
}

void crew_leave(struct crew *crew, unsigned slot)
{
	crew->manned &= ~(UINT64_C(1) << slot);
	ledger_clear(crew->ledger, slot);
}
