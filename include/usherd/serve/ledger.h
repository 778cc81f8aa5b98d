/* SPDX-License-Identifier: ISC */
/*
 * The tallies of one worker's services, in memory that it shares with the supervisor and
 * with its successors: so that limits hold over a reload, while sessions of the old
 * worker run on beside those of the new one. Only its worker writes a ledger; the
 * supervisor clears it when the worker is gone.
 */
#ifndef USHERD_SERVE_LEDGER_H
#define USHERD_SERVE_LEDGER_H

#include <stddef.h>

#include "usherd/guard/guard.h"
#include "usherd/model/service.h"

struct ledger;

/* One page for each service, zeroed, to be inherited over fork(2). 0 or -ENOMEM. */
int ledger_new(struct service *const *services, size_t count, struct ledger **ret);
void ledger_free(struct ledger *ledger); /* NULL allowed */

/* The tally of service @id; NULL if the ledger has none. */
struct tally *ledger_find(const struct ledger *ledger, const char *id);

/* Nothing runs any more: its worker is gone. */
void ledger_clear(struct ledger *ledger);

#endif
