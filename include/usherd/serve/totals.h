/* SPDX-License-Identifier: ISC */
/*
 * What has happened at every service, whoever counted it: the supervisor for programs,
 * each worker in its ledger for in-process services. What a worker counted stays when it
 * ends, however it ends, as long as its service is there.
 */
#ifndef USHERD_SERVE_TOTALS_H
#define USHERD_SERVE_TOTALS_H

#include "usherd/guard/counts.h"
#include "usherd/serve/duty.h"
#include "usherd/serve/workers.h"

struct ledger;

/* A worker is gone: its counts are the posts' from now on. To be called once, before its
 * slot is cleared. */
void totals_keep(struct engine *engine, const struct ledger *ledger, unsigned slot);

/* Of every post of the engine, in their order, in an array that the caller frees.
 * 0 or -ENOMEM. */
int totals_collect(const struct engine *engine, const struct workers *workers,
		   struct counts **ret);

#endif
