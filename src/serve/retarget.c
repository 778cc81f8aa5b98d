/* SPDX-License-Identifier: ISC */
/* Between the supervisor's view of a redirected service and its workers. When targets are
 * looked up is lookups.c's. */
#include "usherd/serve/retarget.h"

#include "serve_internal.h"
#include "usherd/serve/order.h"

struct retarget_counts retarget_count(const struct workers *workers, const char *id)
{
	struct retarget_counts counts = { 0 };

	for (const struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next) {
		const struct tally *tally = worker_tally(worker, id);

		if (tally == NULL || worker->draining)
			continue;
		counts.active += tally->active;
		counts.admitted += tally->admitted;
		counts.unreached += tally->unreached;
	}
	return counts;
}

bool retarget_send(const struct workers *workers, const char *id,
		   const struct target_list *targets, const int *directories,
		   size_t directory_count)
{
	bool sent = true;

	for (const struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next)
		if (!worker->draining && worker->channel != -1 &&
		    worker_tally(worker, id) != NULL &&
		    order_retarget(worker->channel, id, targets, directories,
				   directory_count) < 0)
			sent = false;
	return sent;
}
