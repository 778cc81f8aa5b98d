/* SPDX-License-Identifier: ISC */
/*
 * The parts of redirect, among themselves. Nobody else includes this.
 *
 *   plan.c      pure: what to wait for, whose turn it is, for how long
 *   routes.c    the addresses that a service leads to
 *   pipes.c     pipes for splice(2)
 *   pump.c      the bytes of one direction
 *   stream.c    one client and its target; connect.c finds it one
 *   flow.c      the datagrams of one peer; flows.c all of them
 *   redirect.c  the in-process service
 */
#ifndef USHERD_INTERNAL_RELAY_H
#define USHERD_INTERNAL_RELAY_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "usherd/base/error.h"
#include "usherd/base/siphash.h"
#include "usherd/internal/internal.h"
#include "usherd/internal/relays.h"
#include "usherd/model/target.h"
#include "usherd/net/datagram.h"
#include "usherd/net/flow_key.h"

/* ---- plan.c ---- */

/* Bytes copied at once, and bytes after which a direction that fills the buffer is
 * spliced. */
#define RELAY_COPY_BYTES   16384
#define RELAY_SPLICE_AFTER 65536

/* A direction that moves less than this in a turn is copied again. */
#define RELAY_BULK_BYTES 4096

/* Reads of one direction, and bytes, before the next watch has its turn. */
#define RELAY_TURN_STEPS 16
#define RELAY_TURN_BYTES 1048576

/* The part of the time from @now_ns to @deadline_ns for one of @left addresses, at least
 * a millisecond. */
uint64_t relay_share_ns(uint64_t now_ns, uint64_t deadline_ns, size_t left);

/* One direction as others see it. */
struct relay_state {
	bool over;    /* nothing will be read any more */
	bool holding; /* what was read waits for room at the other side */
};

/*
 * The poll(2) events to ask for on a side that is the source of @in and the destination
 * of @out. @hung: it has said POLLHUP, and would again for ever. What is POLLERR alone
 * asks for a reset, which the kernel tells unasked.
 */
short relay_events(struct relay_state in, struct relay_state out, bool hung);

/* Shall the next turn begin with splice(2)? @bulk: did this one; @bytes: moved so far;
 * @moved: in this turn; @filled: its last read filled the buffer. */
bool relay_is_bulk(bool bulk, uint64_t bytes, size_t moved, bool filled);

/* ---- routes.c ---- */

/* How long an address that did not answer is tried after the others. */
#define ROUTE_REST_NS (UINT64_C(10) * 1000000000)

struct route {
	struct addr addr;
	int directory; /* owned; of a UNIX path in a worker without a root, or -1 */
	uint64_t rests_until_ns;
};

/* The addresses of all targets in order. Counted; only the rests change. */
struct routes {
	unsigned references;
	size_t count;
	struct route items[];
};

/* Which of them one client has tried. */
struct route_set {
	uint64_t bits;
};
static_assert(TARGET_ADDRESSES_MAX <= 64, "a bit for each address");

/* From @targets, without those that @filter (may be NULL) says lead back to us. 0 or
 * -ENOMEM. */
struct route_filter {
	bool (*refuses)(const struct route_filter *filter, const struct addr *addr);
};
int routes_new(const struct target_list *targets, const struct route_filter *filter,
	       struct routes **ret);
struct routes *routes_ref(struct routes *routes);
void routes_unref(struct routes *routes); /* NULL allowed */

/*
 * UNIX paths, by their directories: found by looking, or given, one for each path in the
 * order of the targets (taken over; -1: none). What has none cannot be reached from an
 * empty root directory.
 */
void routes_find_directories(struct routes *routes);
void routes_take_directories(struct routes *routes, int *directories, size_t count);

/* Let those of @from that are still in @routes rest as long as they were to, and keep
 * their directories if they have got no newer ones. */
void routes_remember(struct routes *routes, const struct routes *from);

/*
 * Pure: the first address that is not in @tried and does not rest; if all others rest,
 * the first of those. -1: all have been tried. @ret_left: how many have not, it included.
 */
int routes_next(const struct routes *routes, struct route_set tried, uint64_t now_ns,
		size_t *ret_left);

/* ---- pipes.c ---- */

/* What a wide pipe takes, the most that the kernel gives unless told otherwise
 * (pipe-max-size, pipe(7)), and how many there are; the least that is worth its calls. */
#define RELAY_PIPE_BYTES 1048576
#define RELAY_PIPE_LEAST 65536
#define RELAY_PIPES_WIDE 16

struct relay_pipe {
	struct relay_pipe *next; /* while idle */
	int out;                 /* to read from */
	int in;                  /* to write to */
	bool wide;
};

struct relay_pipes {
	struct relay_pipe *idle[2]; /* owned; by being wide */
	size_t idle_count;
	size_t wide_count; /* open, idle or not */
	size_t count;      /* all that are open */
	unsigned rest;     /* takes that do not try to open one */
};

/* One for a while, empty; NULL when there is none to be had. */
struct relay_pipe *relay_pipes_take(struct relay_pipes *pipes);
/* Back, empty; or with something in it, which is lost. */
void relay_pipes_give(struct relay_pipes *pipes, struct relay_pipe *pipe, bool empty);
void relay_pipes_done(struct relay_pipes *pipes); /* none is taken any more */

#define RELAY_SCRATCH 65536

struct relays {
	struct loop *loop; /* borrowed */
	struct relay_pipes pipes;
	uint8_t scratch[RELAY_SCRATCH]; /* holds nothing between two turns */
};
static_assert(RELAY_COPY_BYTES <= RELAY_SCRATCH, "a copy fits");

/* ---- pump.c ---- */

/* One direction. All zero at the beginning. */
struct pump {
	uint64_t bytes;          /* read from the source */
	struct relay_pipe *pipe; /* taken, while there is something in it */
	size_t inside;           /* bytes in it */
	uint8_t *pending;        /* owned; copied and not yet taken, or NULL */
	uint32_t pending_start;
	uint32_t pending_end;
	bool bulk;   /* spliced */
	bool ready;  /* the sockets are fit for it */
	bool spoken; /* something has been sent */
	bool prompt; /* TCP_NODELAY is set on the destination */
	bool ended;  /* the source has come to its end */
	bool over;   /* its end has been passed on, or the destination has gone */
};

enum pump_result {
	PUMP_WAITS,  /* for the source or the destination: see pump_state() */
	PUMP_ENDED,  /* everything has been passed on; the end has not */
	PUMP_BROKEN, /* the destination takes nothing any more */
	PUMP_RESET,  /* the source was reset, or timed out */
};

/*
 * Move what there is, as much as a turn may. @hung_up: the source's end is known to be in
 * its queue. *ret_moved: did any byte move?
 */
enum pump_result pump_turn(struct pump *pump, struct relays *relays, int from, int to,
			   bool hung_up, bool *ret_moved);
struct relay_state pump_state(const struct pump *pump);
/* Bytes read and not passed on. */
size_t pump_held(const struct pump *pump);
/* Forget what is held. */
void pump_drop(struct pump *pump, struct relays *relays);

/* ---- stream.c, connect.c ---- */

/* Probes of a peer that has vanished are asked for only in sessions older than this: for
 * most, that saves four calls. */
#define STREAM_SETTLED_NS (UINT64_C(30) * 1000000000)

/* Between two tries on a UNIX socket whose queue is full. */
#define STREAM_RETRY_NS (UINT64_C(20) * 1000000)

/* Memory of a session that holds nothing back. */
#define STREAM_SIZE_MAX 512

/* The sessions of one service. */
struct streams {
	struct relays *relays; /* borrowed */
	struct routes *routes; /* counted: of those who come next */
	struct stream *all;    /* owned, each */
	uint64_t connect_timeout_ns;
	uint64_t idle_timeout_ns; /* 0: none */
};

enum {
	STREAM_CLIENT,
	STREAM_TARGET
};

enum stream_phase {
	STREAM_CONNECTING, /* the target's socket is on its way */
	STREAM_QUEUEING,   /* or has to be tried again soon */
	STREAM_FAILED,     /* no address is left: the timer ends it */
	STREAM_MOVING
};

struct stream_side {
	struct watch watch;
	bool hung; /* POLLHUP was seen, and would be again for ever */
};

struct stream {
	struct stream *prev, *next; /* in streams->all */
	struct streams *streams;    /* borrowed */
	struct session_owner owner;
	struct stream_side sides[2]; /* by STREAM_CLIENT, STREAM_TARGET */
	struct pump pumps[2];        /* by their source */
	struct timer timer;
	enum stream_phase phase;
	bool settled;   /* keep-alive probes have been asked for */
	bool resetting; /* its end is a reset */
	uint64_t started_ns;
	uint64_t moved_ns; /* when the last byte moved */
	/* Until it is connected: */
	struct routes *routes; /* counted */
	struct route_set tried;
	uint64_t until_ns;         /* of all attempts */
	uint64_t attempt_until_ns; /* of the present one */
	int error;                 /* of the last one, or 0 */
	int route;                 /* which one that was */
};
static_assert(sizeof(struct stream) <= STREAM_SIZE_MAX, "sessions are many");

/* As struct internal has it. */
int stream_start(struct streams *streams, int fd, const struct session_owner *owner,
		 struct error *err);
/* Both sockets closed, everything freed, `ended` called. */
void stream_end(struct stream *stream);
/* The target's socket is there: begin to move bytes. 0 or a negative errno. */
int stream_connected(struct stream *stream);
int stream_set_timer(struct stream *stream, uint64_t deadline_ns);

/* Begin with the next address. When no address is left, the timer ends the session. 0 or
 * -ENOMEM. */
int connect_next(struct stream *stream);
/* The timer before it is connected. May end the session. */
void connect_timer_fired(struct stream *stream);

/* ---- flow.c: the datagrams of one peer; flows.c: whose they are ---- */

/* How long a flow lasts in which no datagram moves, unless idle_timeout says. */
#define FLOWS_IDLE_NS (UINT64_C(60) * 1000000000)

/* Answers of one target taken before others have their turn. */
#define FLOW_TURN 16

/* A listener's socket, for answers: the listener itself may be closed before its flows
 * have ended. */
struct flow_outlet {
	struct flow_outlet *next;
	int listener; /* which one: its number */
	int fd;       /* owned */
};

/* The flows of one service. */
struct flows {
	struct relays *relays;               /* borrowed */
	struct routes *const *routes;        /* borrowed; the service's present ones */
	const struct responder_ports *ports; /* borrowed */
	uint64_t idle_ns;
	struct siphash_key secret;
	struct flow *by_key;
	struct flow *oldest; /* owned, each: the one that has been idle longest first */
	struct flow_outlet *outlets;
	struct timer timer; /* for the oldest */
};

struct flow {
	UT_hash_handle hh;        /* of flows->by_key */
	struct flow *prev, *next; /* from flows->oldest */
	struct flows *flows;      /* borrowed */
	struct session_owner owner;
	struct flow_key key;
	struct datagram request;    /* its addresses: whom to answer, and from where */
	struct flow_outlet *outlet; /* borrowed */
	struct watch watch;         /* the socket connected to the target */
	struct routes *routes;      /* counted; the list that @route is of */
	int route;
	int error;     /* what the target's host has said last, or 0 */
	bool answered; /* something has come from a target */
	bool failed;   /* owner.failed has been called */
	uint64_t moved_ns;
	uint64_t bytes_in;
	uint64_t bytes_out;
};

int flows_init(struct flows *flows, const struct internal_setup *setup,
	       struct routes *const *routes);
void flows_done(struct flows *flows);
/* As struct internal has them. */
bool flows_forward(struct flows *flows, const struct datagram *request);
int flows_open(struct flows *flows, int listener, const struct datagram *first,
	       const struct session_owner *owner, struct error *err);
/* A datagram has moved: it is the youngest now. */
void flows_touch(struct flow *flow);
/* Out of the table, freed, `ended` called. */
void flows_end(struct flow *flow);

/* Find a target and open the socket for it. 0 or a negative errno. */
int flow_connect(struct flow *flow);
/* To the target. What cannot be sent is lost, as datagrams are. */
void flow_send(struct flow *flow, const struct datagram *datagram);
/* What it holds, but the memory. */
void flow_close(struct flow *flow);

#endif
