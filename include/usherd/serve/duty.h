/* SPDX-License-Identifier: ISC */
/*
 * The data of the engine, which is what the supervisor and each worker have in common.
 * Who may do what with it stands in engine.h, post.h, listening.h and those above them.
 *
 *   engine    one loop in one process
 *   post      a service on duty: its listeners, its tally, its plan
 *   listener  one bound socket of a post (or one that is still to be bound)
 *
 * In the supervisor, listeners of in-process services are open but not watched: a worker
 * accepts from them.
 */
#ifndef USHERD_SERVE_DUTY_H
#define USHERD_SERVE_DUTY_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/parking.h"
#include "usherd/exec/plan.h"
#include "usherd/exec/spawn.h"
#include "usherd/guard/crowd.h"
#include "usherd/guard/guard.h"
#include "usherd/guard/rates.h"
#include "usherd/internal/internal.h"
#include "usherd/loop/loop.h"
#include "usherd/model/service.h"
#include "usherd/net/accept.h"
#include "usherd/net/listener.h"
#include "usherd/serve/children.h"
#include "usherd/serve/conditions.h"
#include "usherd/serve/farewell.h"
#include "usherd/serve/launches.h"
#include "usherd/serve/report.h"
#include "usherd/serve/retries.h"

struct billboard;
struct datagram_batch;
struct denials;
struct flow;
struct inquiries;
struct ledger;
struct responder_ports;
struct stderr_pipe;

struct engine {
	struct loop *loop;               /* borrowed */
	struct reporter *reporter;       /* borrowed */
	struct children *children;       /* owned; NULL in a worker */
	struct spawner *spawner;         /* owned; NULL in a worker */
	struct launches launches;        /* of programs that are being started */
	struct sessions *sessions;       /* owned; NULL in the supervisor */
	struct relays *relays;           /* owned; NULL in the supervisor */
	struct environment *environment; /* owned; NULL in a worker */
	pid_t pid;                       /* of this process: in-process sessions' START */
	const struct responder_ports *answered_ports; /* borrowed; worker */
	bool rootless;                                /* worker: its root will be empty */
	struct reserve reserve;
	struct parking *parking; /* borrowed; NULL in a worker, or where there is none */
	struct listener *unparked[PARKING_PUT_MAX]; /* bound a moment ago */
	size_t unparked_count;
	bool mooring; /* those: what stands on the station may stay there for a moment */
	size_t bound; /* listeners that have a socket */
	uint64_t max_children;
	unsigned workers;       /* supervisor: how many for each group of services */
	bool shares;            /* worker: others take clients from the same listeners */
	size_t serving;         /* in-process sessions that run */
	struct retries retries; /* clients for whom there was no process */
	struct farewells farewells;   /* clients that are not served, but told so */
	struct conditions conditions; /* of this machine, now */
	struct denials *denials;      /* owned; a worker's: borrowed; NULL: none */
	struct timer billboards;      /* supervisor: the next look at their files */
	uint8_t *scratch; /* owned, ENGINE_SCRATCH bytes for one datagram; supervisor */
	struct datagram_batch *batch; /* owned; worker */
	struct post **posts;          /* owned array */
	size_t post_count;
	struct log_throttle short_of_resources;
	const struct internal *(*find_internal)(const char *name);
	/* What happens when a listener is ready: the callback of its watch. */
	void (*listener_ready)(struct watch *watch, short revents);
	/* Called when the set of bound listeners of an in-process service has changed. */
	void (*internal_changed)(struct engine *engine);
	/* Supervisor, or NULL: a socket of a service with type = RPC has been bound. */
	void (*rpc_changed)(struct engine *engine);
	/* Called after the end of an in-process session, and of the last farewell. */
	void (*session_over)(struct engine *engine);
	/* Supervisor: give a client of the in-process service @id, as mux_give(). */
	int (*hand_on)(struct engine *engine, const char *id, int fd);
	/* Supervisor, or NULL: how many sessions in-process service @id has. */
	uint64_t (*sessions_of)(const struct engine *engine, const char *id);
	/* Supervisor, or NULL: called before a fork, when no other thread may be about to
	 * use the C library. */
	void (*before_fork)(const struct engine *engine);
	/* Supervisor, or NULL: would that have to wait? */
	bool (*fork_must_wait)(const struct engine *engine);
	struct inquiries *inquiries; /* borrowed; supervisor, or NULL: nobody is asked */
	const struct internal_mux *targets; /* borrowed; worker */
	const char *catalogue;              /* borrowed; worker */
	void *data;                         /* the caller's */
	uint64_t bindings; /* sockets bound so far: a listener's serial number */
};

#define ENGINE_SCRATCH 65536

/* How many lines of a kind a service has written in the current second. */
struct line_budget {
	uint64_t window_ns;
	unsigned written;
	unsigned suppressed;
};

/* Redirected services in the supervisor: when their targets were looked up last. */
struct lookups_state {
	uint64_t asked_ns; /* 0: never */
	uint64_t admitted; /* what its workers had counted then */
	uint64_t unreached;
	bool wanted;  /* soon, whatever was counted */
	bool running; /* it is going on */
	bool unsent;  /* a worker has not been told of the last answer */
};

struct post {
	unsigned references;   /* the engine's, and one for each child or session */
	struct engine *engine; /* borrowed */
	struct service *service;
	struct plan *plan;               /* counted; NULL but for a program */
	const struct internal *internal; /* NULL for a program, and for a sensor */
	void *state;                     /* owned, made by it; worker */
	struct target_list targets;      /* owned; where it leads to now */
	struct lookups_state lookup;     /* supervisor */
	struct billboard *billboard;     /* counted; NULL but for in-process services */
	struct stderr_pipe *stderr_pipe; /* owned; with stderr = log, else NULL */
	struct sock_fprog screen; /* owned; with flags = INTERCEPT, else no filter */
	struct tally *tally;      /* own_tally, or in a worker's ledger (borrowed) */
	struct tally own_tally;
	struct arrivals *arrivals; /* the tally's, or all workers' (borrowed) */
	struct rates *rates; /* own_rates, or all workers' (borrowed); NULL: not wanted */
	struct rates *own_rates; /* owned */
	struct ledger *ledger;   /* borrowed; whose lock is needed to count, or NULL */
	/* Worker: what those beside it, and predecessors that still have sessions, count;
	 * borrowed entries. */
	const struct tally **elsewhere; /* owned array */
	size_t elsewhere_count;
	struct listener **listeners; /* owned array, owned entries */
	size_t listener_count;
	struct timer pause;          /* armed while cps rests the service */
	uint64_t kill_at_ns;         /* its programs were told to end by then; 0: not */
	struct flow *flows;          /* datagram, wait = no: by peer */
	size_t held_bytes;           /* of peers that are asked about */
	struct log_throttle trouble; /* messages of starts that fail */
	struct log_throttle crowds;  /* messages of doors that are closed */
	bool doors_closed;           /* some may be */
	struct line_budget failures; /* FAIL lines */
	struct line_budget answers;  /* START lines of in-process datagrams */
	struct line_budget notes;    /* what an in-process service has to say */
};

/* A running wait = yes program; embedded in what else is kept about it. */
struct holder {
	struct listener *listener; /* NULL when the listener has gone meanwhile */
	bool runs;                 /* else its first client is asked about */
};

struct listener {
	struct post *post;     /* borrowed; NULL while in a pool between two posts */
	struct engine *engine; /* borrowed */
	struct endpoint endpoint;
	struct addr local; /* bound address, normalised */
	int fd;            /* owned; -1 while not bound, or parked: see berth.h */
	int ticket;        /* owned; what parking_get() takes; -1: not parked */
	unsigned holds;
	uint64_t serial;           /* another one for every socket it has had */
	bool screened;             /* it has a packet filter of ours */
	bool adopted;              /* inherited: the UNIX node is not ours to remove */
	struct node_identity node; /* of a UNIX path: which one is ours */
	struct watch watch;
	struct timer timer;    /* unbound: next try; resting: end of the rest */
	struct crowd crowd;    /* of clients refused because the service is full */
	bool closed;           /* its door is, until the timer fires; see door.h */
	unsigned failures;     /* of binding, or quick ends of a wait program, in a row */
	struct holder *holder; /* the wait program that has the socket now, or NULL */
	uint64_t head;         /* what was first in the queue when it was started */
	unsigned unmoved;      /* quick ends in a row that left as many in the queue */
};

#endif
