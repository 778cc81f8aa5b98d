/* SPDX-License-Identifier: ISC */
/*
 * The tallies of the services that one or several workers serve together, in memory that
 * these share with the supervisor and with their successors: so that limits hold over
 * all of them, and over a reload, while sessions of the old workers run on beside those
 * of the new ones.
 *
 * Each worker has a slot, with a tally for each service. Only it writes there, the others
 * read; what all of them count is the sum over the slots. Where there are several, a
 * decision and the count that follows from it are one under the ledger's lock. The
 * supervisor never takes that lock: it clears the slot of a worker that is gone, and
 * takes nothing it finds here for a place in memory or a size.
 *
 * The memory is a memfd_create(2) of fixed size: it is inherited over fork(2), and can be
 * mapped by another program that is told what stands in it.
 */
#ifndef USHERD_SERVE_LEDGER_H
#define USHERD_SERVE_LEDGER_H

#include <stddef.h>

#include "usherd/base/pack.h"
#include "usherd/guard/guard.h"
#include "usherd/guard/rates.h"
#include "usherd/model/service.h"

struct ledger;

/* One page for each service in each of @slots, from 1. 0 or a negative errno. */
int ledger_new(struct service *const *services, size_t count, unsigned slots,
	       struct ledger **ret);
/* Unmaps it. NULL allowed. */
void ledger_free(struct ledger *ledger);

unsigned ledger_slots(const struct ledger *ledger);

/* The tally of service @id in @slot; NULL if the ledger has none. */
struct tally *ledger_find(const struct ledger *ledger, const char *id, unsigned slot);

/* Where all who share the ledger count arrivals of service @id; NULL as above. With one
 * slot it is its tally's, and is cleared with that. */
struct arrivals *ledger_arrivals(const struct ledger *ledger, const char *id);

/* Where all who share the ledger count arrivals by their source; NULL as above, and if
 * the service did not want it. */
struct rates *ledger_rates(const struct ledger *ledger, const char *id);

/* The tally of @slot on the page at @index, and the id it is for; NULL: there are no more
 * pages. */
const struct tally *ledger_page(const struct ledger *ledger, size_t index, unsigned slot,
				const char **ret_id);

/* Nothing of this slot runs any more: its worker is gone. For the ledger's maker. */
void ledger_clear(struct ledger *ledger, unsigned slot);

/*
 * Keep the other workers out until ledger_unlock(). Waits for them; one that has died
 * with the lock keeps nobody out. False: it cannot be had, nothing may be counted.
 * Always true, and nothing, with one slot.
 */
bool ledger_lock(struct ledger *ledger);
void ledger_unlock(struct ledger *ledger);

/* The memory, owned by the ledger, close-on-exec; -1 for one that was unpacked. */
int ledger_fd(const struct ledger *ledger);
/* What stands where in it, for ledger_unpack() in another program. */
void ledger_pack(const struct ledger *ledger, struct packer *packer);
/* The ledger in the memory @fd, which may be closed afterwards. 0, -EBADMSG if @fd and
 * what was packed do not belong together, or another negative errno. */
int ledger_unpack(struct unpacker *unpacker, int fd, struct ledger **ret);

#endif
