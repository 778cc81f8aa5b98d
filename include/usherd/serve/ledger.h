/* SPDX-License-Identifier: ISC */
/*
 * The tallies of one worker's services, in memory that it shares with the supervisor and
 * with its successors: so that limits hold over a reload, while sessions of the old
 * worker run on beside those of the new one. Only its worker writes a ledger; the
 * supervisor clears it when the worker is gone, and takes nothing it finds there for a
 * place in memory or a size.
 *
 * The memory is a memfd_create(2) of fixed size: it is inherited over fork(2), and can be
 * mapped by another program that is told what stands in it.
 */
#ifndef USHERD_SERVE_LEDGER_H
#define USHERD_SERVE_LEDGER_H

#include <stddef.h>

#include "usherd/base/pack.h"
#include "usherd/guard/guard.h"
#include "usherd/model/service.h"

struct ledger;

/* One page for each service. 0 or a negative errno. */
int ledger_new(struct service *const *services, size_t count, struct ledger **ret);
/* Unmaps it. NULL allowed. */
void ledger_free(struct ledger *ledger);

/* The tally of service @id; NULL if the ledger has none. */
struct tally *ledger_find(const struct ledger *ledger, const char *id);

/* Nothing runs any more: its worker is gone. For the ledger's maker. */
void ledger_clear(struct ledger *ledger);

/* The memory, owned by the ledger, close-on-exec; -1 for one that was unpacked. */
int ledger_fd(const struct ledger *ledger);
/* What stands where in it, for ledger_unpack() in another program. */
void ledger_pack(const struct ledger *ledger, struct packer *packer);
/* The ledger in the memory @fd, which may be closed afterwards. 0, -EBADMSG if @fd and
 * what was packed do not belong together, or another negative errno. */
int ledger_unpack(struct unpacker *unpacker, int fd, struct ledger **ret);

#endif
