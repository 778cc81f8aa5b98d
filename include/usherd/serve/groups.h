/* SPDX-License-Identifier: ISC */
/* Which in-process services belong into one worker, or into several that are alike: those
 * with the same credentials, the same needs and the same executable. Where there are to
 * be several, what only one can serve is kept apart. */
#ifndef USHERD_SERVE_GROUPS_H
#define USHERD_SERVE_GROUPS_H

#include <stddef.h>
#include <stdint.h>

#include "usherd/internal/responder.h"
#include "usherd/serve/duty.h"

struct ledger;

struct group {
	const struct credentials *credentials; /* borrowed from the first post */
	unsigned needs;                        /* enum internal_need */
	const char *executable;                /* or NULL; as struct internal */
	unsigned workers;                      /* how many are to serve it, from 1 */
	bool transfer;       /* clients go from or to it by way of the supervisor */
	struct post **posts; /* owned array of borrowed posts */
	size_t count;
	/* Changes with every change of the services, of their sockets or of @workers. */
	uint64_t signature;
	/* Stays the same over changes: of the credentials, needs and executable, and
	 * whether it is kept apart, alone. */
	uint64_t owner;
};

struct group_list {
	struct group *groups; /* owned */
	size_t count;
	/* Where in-process services of any group answer datagrams. */
	struct responder_ports ports;
};

/* From all posts of in-process services that have a bound socket. 0 or -ENOMEM. */
int groups_make(const struct engine *engine, struct group_list *ret);
void groups_done(struct group_list *list);

/* A ledger for its services, with a slot for each worker. 0 or a negative errno. */
int group_ledger(const struct group *group, struct ledger **ret);

#endif
