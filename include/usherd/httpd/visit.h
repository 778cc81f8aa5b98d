/* SPDX-License-Identifier: ISC */
/*
 * The connections of the service `http`, from their arrival until their owner was told of
 * their end. The library reads, answers and closes them; here is known since when a head
 * is waited for and who is to go.
 *
 * The library (0.9.75) waits for edges, and takes a read that did not fill its buffer for
 * the last there is to come. An end of the stream that came together with bytes it does
 * not see. So a client that left is seen off: once all it sent has been read, an edge
 * with nothing but the end in it is made. A client whose time is up may go on sending;
 * for it both directions are shut down, which is a hang-up that nothing hides.
 */
#ifndef USHERD_HTTPD_VISIT_H
#define USHERD_HTTPD_VISIT_H

#include <stdbool.h>
#include <stdint.h>

#include "usherd/internal/internal.h"
#include "usherd/loop/loop.h"

struct visits;

struct visit {
	struct visit *prev, *next; /* in one of the lists */
	struct visits *visits;     /* borrowed */
	struct session_owner owner;
	struct timer deadline; /* of the head of a request */
	struct watch
		leaving; /* the client's end of the stream; the library's descriptor */
	uint64_t bytes_in;
	uint64_t bytes_out;
	bool answered; /* at least one request */
	bool busy;     /* with another one */
	bool overdue;  /* its head did not come in time */
	bool parting;
};

struct visits {
	struct loop *loop;       /* borrowed */
	void (*run)(void *data); /* the library, then visits_settle() */
	void *data;
	uint64_t idle_ns;
	struct visit *present; /* owned, each */
	struct visit *parting; /* likewise: to be seen off */
	struct visit *ended;   /* likewise: closed, but not told yet */
	bool draining;
};

/* A new one, in no way watched yet. NULL: no memory. */
struct visit *visit_begin(struct visits *visits, const struct connection *connection,
			  const struct session_owner *owner);

/* The library has taken it in. */
void visit_greet(struct visit *visit);

/* The head of a request is there; its answer is complete. */
void visit_head_arrived(struct visit *visit);
void visit_answered(struct visit *visit);

/* The library is about to close it, or has refused it (@open: the descriptor is there
 * still). Forgotten, and its owner told, in the next visits_settle(). */
void visit_end(struct visit *visit, bool open);

/* To be called after every run of the library, not within: sees off, tells owners. */
void visits_settle(struct visits *visits);

/* Who waits for a further request is seen off, the others after their answer. */
void visits_drain(struct visits *visits);

#endif
