/* SPDX-License-Identifier: ISC */
/* What flows.c and flows_held.c, peers about whom somebody is asked, share. */
#ifndef USHERD_FLOWS_INTERNAL_H
#define USHERD_FLOWS_INTERNAL_H

#include "usherd/net/flow_key.h"
#include "usherd/serve/pending.h"
#include "usherd/serve/serving.h"

struct flow {
	struct serving serving; /* first: a child leads back here */
	UT_hash_handle hh;      /* of post->flows */
	struct flow_key key;
	struct endpoint endpoint; /* of the listener it came by */
	struct addr local;        /* of its socket */
	int fd;                   /* owned: the program's socket; -1: not made yet */
	struct pending_list held; /* until then */
	size_t held_bytes;        /* of that; 0: nobody is asked about him */
	struct timer idle;
	uint64_t idle_ns;
	uint64_t made_wall_ns;
	uint64_t read_mark; /* of its socket, before the program could read */
	bool told_to_end;
};

/* flows.c: nobody is asked about its peer any more, start its program. */
void flow_resume(struct flow *flow);

/* flows_held.c: its program has not been started, and will not be. */
void flow_abandon(struct flow *flow);
/* Has more to be found out about its peer, whose @first is? True: then it has been taken
 * over, until flow_resume() or its end. */
bool flow_hold(struct flow *flow, const struct datagram *first);
/* Its peer is asked about: let this one wait, too. False: out of memory, or of what there
 * may be of it. */
bool flow_keep(struct flow *flow, const struct datagram *datagram);

#endif
