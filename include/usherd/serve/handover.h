/* SPDX-License-Identifier: ISC */
/*
 * A worker that is another program: what it has to know of its plan goes through a
 * memfd_create(2) whose descriptor is its one argument; sockets, ledgers and the channel
 * are inherited under their numbers.
 *
 * The services travel as their fingerprints, so nothing is looked up a second time. Who
 * hands over is trusted, but may be older or newer than the program that is found: then
 * it is refused.
 */
#ifndef USHERD_SERVE_HANDOVER_H
#define USHERD_SERVE_HANDOVER_H

#include "usherd/serve/worker.h"

/* Makes a service of its fingerprint: conf_recall(). */
typedef int handover_recall(const char *fingerprint, struct service **ret,
			    struct error *err);

/*
 * In the forked child: write down @plan and @channel and let everything they name be
 * inherited. *ret_fd has no close-on-exec flag. 0 or a negative errno.
 */
int handover_write(const struct worker_plan *plan, int channel, int *ret_fd);

struct handover {
	struct worker_plan plan; /* its pointers lead into the handover; denials: owned */
	int channel;
	struct post **posts; /* owned; service and listeners alone are set */
	size_t post_count;
	struct ledger *ledger; /* owned */
	struct ledger **predecessors;
	size_t predecessor_count;
};

/*
 * In the program: read it back from @fd, which stays open; what is named is close-on-exec
 * again. 0, -EPROTO for another version, -EBADMSG for nonsense, or another negative
 * errno; ret->channel is then the channel if that could be read, else -1, and there is
 * nothing to be freed. @err is not NULL.
 */
int handover_read(int fd, handover_recall *recall, struct handover *ret,
		  struct error *err);
void handover_done(struct handover *handover); /* closes no descriptor */

/*
 * The whole main() of a worker's executable, which serves what @find_internal knows. Only
 * returns when it cannot begin, with the exit status.
 */
int handover_serve(int argc, char *const argv[], handover_recall *recall,
		   const struct internal *(*find_internal)(const char *name));

#endif
