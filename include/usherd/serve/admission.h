/* SPDX-License-Identifier: ISC */
/*
 * The guard's word on a client, what follows from it, and the places that are taken and
 * given back. Workers that share a ledger do each of these one after the other, so that
 * no two of them give the last place away.
 */
#ifndef USHERD_SERVE_ADMISSION_H
#define USHERD_SERVE_ADMISSION_H

#include "usherd/serve/duty.h"

/*
 * May @peer be served by @post now? In the supervisor what has to be found out about him,
 * see inquiries.h, is still to be asked by whoever is told yes. A refusal has been
 * recorded, and the pause that cps asks for has begun. No place is taken: for a client
 * that needs none (one answer, and it is over), or one that only this process serves.
 */
bool admission_ask(struct post *post, const struct addr *peer);

/* As admission_ask(), and take the place in the same moment. */
bool admission_take(struct post *post, const struct addr *peer,
		    struct source_key *ret_place);

/* Is there no place left, whoever comes? It may change as soon as another worker ends a
 * session. */
bool admission_is_full(const struct post *post);

/* Take a place for one that was let in before. 0 or a negative errno. */
int admission_count(struct post *post, const struct addr *peer,
		    struct source_key *ret_place);

/* Give a place back: a door that was closed for want of one opens. */
void admission_release(struct post *post, const struct source_key *place);

/* How many programs run, and the moment, for the guard. */
struct surroundings admission_surroundings(const struct engine *engine);

#endif
