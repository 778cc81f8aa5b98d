/* SPDX-License-Identifier: ISC */
/*
 * May this client be served now? Pure decisions over values: a policy, the tally of what
 * runs, the client's address and the moment. No system call, no log.
 *
 * The checks stand in one table and run in its order; the first that refuses gives the
 * reason:
 *   address (denied by all services, no_access, only_from), access_times,
 * per_source_cpm, cps, cpm, max_load, instances, per_source, process limit. Address, time
 * and the rate of one source come first, and who is refused for them counts against
 * nothing: otherwise a stranger could use up the connections per second of those who may
 * come in.
 *
 * Memory: a tally counts sources in one table that never holds more entries than there
 * are running sessions of the service; refused clients leave nothing behind.
 */
#ifndef USHERD_GUARD_GUARD_H
#define USHERD_GUARD_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/addr.h"
#include "usherd/guard/counts.h"
#include "usherd/guard/names.h"
#include "usherd/model/policy.h"

enum reason {
	REASON_NONE = 0,
	REASON_CPS,            /* "connections per second" */
	REASON_INSTANCES,      /* "service_limit" */
	REASON_PER_SOURCE,     /* "per_source_limit" */
	REASON_PROCESS_LIMIT,  /* "process_limit" */
	REASON_ADDRESS,        /* "address" */
	REASON_FORK,           /* "fork": the program could not be started */
	REASON_RESOURCES,      /* "resources": out of descriptors or memory */
	REASON_UNREACHABLE,    /* "unreachable": no target of redirect was */
	REASON_TIME,           /* "time": outside of access_times */
	REASON_LOAD,           /* "load" */
	REASON_CPM,            /* "connections per minute" */
	REASON_LIBWRAP,        /* "libwrap": hosts.allow and hosts.deny */
	REASON_PER_SOURCE_CPM, /* "per_source_cpm" */
};

/* xinetd's word for it, as in its FAIL lines. */
const char *reason_word(enum reason reason);

struct verdict {
	enum reason reason; /* REASON_NONE: allowed */
	/* With REASON_CPS and REASON_CPM: the service is to rest until then. */
	uint64_t pause_until_ns;
};

/* What came of late, per service. All zero is fresh; private but for paused_until_ns. */
struct arrivals {
	uint64_t window_start_ns; /* the current second of cps */
	uint64_t window_count;
	uint64_t paused_until_ns;
	uint64_t ended_ns; /* the pause whose end has been told */
	uint64_t due_ns;   /* of cpm: when all that came has had its share of time */
	bool overdue;      /* and the last to come had to be refused for it */
};

/* What runs, per service. All zero is fresh. */
struct tally {
	uint64_t active;              /* sessions running */
	uint64_t admitted;            /* sessions ever; wraps */
	uint64_t unreached;           /* those of which nothing came; wraps */
	struct counts counts;         /* the caller's */
	struct tally_source *sources; /* private, owned; NULL if fixed */
	size_t source_slots;          /* private */
	uint64_t seed;                /* private: of the sources' places */
	size_t source_count;          /* private */
	struct arrivals arrivals;
	bool fixed; /* private: the table stands behind, as it is */
};

/* What does not belong to one service. */
struct surroundings {
	uint64_t now_ns;
	uint64_t children;     /* programs running, all services */
	uint64_t max_children; /* UNITS_UNLIMITED: no limit */
	bool denied;           /* the client, by all services */
	bool overdue;          /* rates_take() has said so of its source */
	/* Where the policy asks for them; more than there is refuses. */
	unsigned minute; /* of the day, local time */
	uint64_t load;   /* average of the last minute, in POLICY_LOAD_UNIT */
	/* Sessions of the service that other tallies count: all, and of this source. */
	uint64_t active_elsewhere;
	uint64_t source_elsewhere;
	/* Where all processes count the service's arrivals; NULL: the tally's own. */
	const struct arrivals *arrivals;
	/* Whoever is let in is asked for his name where that matters, before he is
	 * served. Else a client whose name would have to be known is refused. */
	bool inquires;
};

/* Pure: is @minute of the day one of access_times? */
bool guard_is_open(const struct policy *policy, unsigned minute);
/* Pure: do no_access and only_from let @peer in, whatever he is called? A sensor lets in
 * nobody all the same. */
bool guard_welcomes(const struct policy *policy, const struct addr *peer);

/* Pure: do they refuse @peer, whatever he is called? */
bool guard_rejects(const struct policy *policy, const struct addr *peer);

/*
 * Pure: may @peer, whom they do not reject, come in, being called so?
 * A name of only_from must be the peer's own, confirmed. For one of no_access it is
 * enough that the peer claims it, or that the host of that name has the peer's address;
 * and where a domain stands in no_access, a peer of whom no name is known for sure stays
 * out.
 */
bool guard_welcomes_named(const struct policy *policy, const struct addr *peer,
			  const struct peer_names *names);

/*
 * Count one arrival against cps. Called once for each client that is welcome now and
 * whose source is not overdue, before guard_decide(). More than cps_rate within the
 * second that began with its first arrival: those in excess are refused. Processes that
 * count together may differ a little about the moment.
 */
void arrivals_count(struct arrivals *arrivals, uint64_t now_ns);

/*
 * The same against cpm, whose policy is @policy: a minute's worth may come at once, after
 * that as many as time has passed for. Who is refused takes nothing of it.
 */
void arrivals_count_minute(struct arrivals *arrivals, const struct policy *policy,
			   uint64_t now_ns);

/*
 * The service rests until then, as a verdict said. Clients that come through all the same
 * (they were waiting already, or at another process) are refused with REASON_CPS or
 * REASON_CPM until that moment, are not counted, and do not prolong it. It ends by
 * itself. True: it begins with this call; false: one goes on, and stays as it is.
 */
bool arrivals_pause(struct arrivals *arrivals, uint64_t now_ns, uint64_t until_ns);

/* Is the end of the pause to be told? Once true for each pause, to the first who asks. */
bool arrivals_tell_end(struct arrivals *arrivals);

/* End a pause before its time and begin to count anew. */
void arrivals_resume(struct arrivals *arrivals);

/* Pure: has the service no place left, whoever comes? */
bool guard_is_full(const struct policy *policy, const struct tally *tally,
		   const struct surroundings *around);

/*
 * Pure. An address in both no_access and only_from is refused, whichever is the narrower
 * (as xinetd does it). @peer with length 0 (unknown) passes no
 * no_access that names anybody, and no only_from but one of everybody, unless the policy
 * is screened; a peer that is no IP address is in neither.
 */
struct verdict guard_decide(const struct policy *policy, const struct tally *tally,
			    const struct surroundings *around, const struct addr *peer);

/* Record a session that starts / has ended. Admit returns 0 or -ENOMEM; release once
 * after a successful admit, whatever the policy's prefixes are by then: the key is kept
 * by the caller in @source. */
struct source_key {
	struct prefix prefix;
	bool counted;
};
int tally_admit(struct tally *tally, const struct policy *policy, const struct addr *peer,
		struct source_key *ret_source);
void tally_release(struct tally *tally, const struct source_key *source);

/* Running sessions of the block that @peer lies in. */
uint64_t tally_source_active(const struct tally *tally, const struct policy *policy,
			     const struct addr *peer);
void tally_done(struct tally *tally);

/*
 * A tally whose table of sources is given and never grows, for memory that processes
 * share: one of them writes, the others may read (and may see it a moment old). It may be
 * mapped at different addresses. Placed once, by one of them.
 * @memory: tally_memory_size(@sources) bytes, all zero, aligned like malloc's. The tally
 * itself stands at its begin. Admitting fails with -ENOMEM when the table is full.
 */
size_t tally_memory_size(size_t sources);
struct tally *tally_place(void *memory, size_t sources);

#endif
