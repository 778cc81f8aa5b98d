/* SPDX-License-Identifier: ISC */
/* What inquiries.c (all of them) and inquiring.c (one of them) share. */
#ifndef USHERD_INQUIRIES_INTERNAL_H
#define USHERD_INQUIRIES_INTERNAL_H

#include "usherd/serve/hosts_rules.h"
#include "usherd/serve/inquiries.h"
#include "usherd/serve/known_names.h"

struct inquiries {
	struct engine *engine; /* borrowed */
	struct inquiries_ends ends;
	struct credentials credentials; /* owned */
	bool root;
	struct inquiry *waiting, *running; /* lists */
	size_t waiting_count, running_count, held;
	size_t datagrams_waiting, datagrams_running; /* of those */
	struct timer retry;
	struct known_names known;
	struct known_names unwrapped; /* senders of datagrams whom libwrap has refused */
	struct hosts_rules hosts;
	uint64_t notes_ns; /* when the second began */
	unsigned notes;    /* begun in it */
};

struct inquiry {
	struct child child; /* first: a child leads back here */
	struct inquiry *prev, *next;
	struct inquiries *inquiries; /* NULL when they have gone */
	struct held_client client;   /* serving is NULL: nobody waits for the answer */
	struct post *post;           /* counted */
	struct service *service;     /* counted; whose questions these are */
	unsigned questions;
	bool datagram;      /* about the sender of one */
	struct watch watch; /* of a client that goes away */
	struct timer timer;
	int fd; /* owned; the answers; -1: it waits for its turn */
};

/* inquiring.c */
struct inquiry *inquiry_new(struct inquiries *inquiries, struct post *post,
			    const struct connection *connection, unsigned questions);
void inquiry_free(struct inquiry *inquiry);
/* Make its process. 0; or a negative errno, and it is still the caller's. */
int inquiry_begin(struct inquiry *inquiry);
/* The client is somebody else's now. */
struct held_client inquiry_steal_client(struct inquiry *inquiry);
void inquiry_let_go(struct inquiry *inquiry);
void inquiry_refuse(struct inquiry *inquiry, enum reason reason);
void inquiry_leave_queue(struct inquiry *inquiry);

/* inquiries.c: those whose turn it is. */
void inquiries_begin(struct inquiries *inquiries);

#endif
