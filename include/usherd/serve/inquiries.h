/* SPDX-License-Identifier: ISC */
/*
 * Clients about whom something has to be found out before they are served: each is held,
 * with his place in instances and per_source taken, until his inquiry has ended. In the
 * supervisor, which waits for none of them.
 *
 * INQUIRIES_MAX processes at once, of which INQUIRIES_PER_SOURCE for one source (an IPv4
 * address, an IPv6 /64); up to INQUIRIES_WAITING clients wait for one to become free, and
 * not longer than for an answer. Whoever is one too many, waits too long or gets no
 * answer is refused. What the resolver has said counts for a short time for further
 * clients from the same address.
 */
#ifndef USHERD_SERVE_INQUIRIES_H
#define USHERD_SERVE_INQUIRIES_H

#include "usherd/serve/dispatch.h"
#include "usherd/serve/inquiry.h"
#include "usherd/serve/serving.h"

#define INQUIRIES_MAX        32
#define INQUIRIES_PER_SOURCE 4
#define INQUIRIES_WAITING    1024

struct inquiries;

/* A client who is held; all of it is his. */
struct held_client {
	struct serving *serving; /* his place */
	struct connection connection;
	const struct courtesy *courtesy; /* borrowed, or NULL */
	unsigned tries;                  /* of his program, that have failed */
	bool told;                       /* he has been sent something */
};

/* What becomes of him. Both take him over: connection, place and memory. */
struct inquiries_ends {
	void (*serve)(struct held_client *client);
	void (*refuse)(struct held_client *client, enum reason reason);
};

/* @root: the supervisor is. 0 or -ENOMEM. */
int inquiries_new(struct engine *engine, bool root, const struct inquiries_ends *ends,
		  struct inquiries **ret);
/* Before the engine's children. Whoever is held is let go. NULL allowed. */
void inquiries_free(struct inquiries *inquiries);

/* To be called before the first client, and after each reload: the rights that inquiries
 * are made with, which are copied. What was known of names is forgotten. */
void inquiries_refresh(struct inquiries *inquiries,
		       const struct credentials *credentials);

/* Has anything to be found out about clients of @service? */
bool inquiries_concern(const struct service *service);

/* What has to be found out before this client of @post is served: enum inquiry_question.
 */
unsigned inquiries_questions(const struct post *post,
			     const struct connection *connection);

/* Hold @client. His end comes later, or within this call. */
void inquiries_hold(struct inquiries *inquiries, const struct held_client *client);

/* A client was refused: find out for the log who he was, if the service wants it and it
 * can be done now. The process that asks keeps the connection open, for his ident server
 * to find: true if there is one. */
bool inquiries_note_refused(struct inquiries *inquiries, struct post *post,
			    const struct connection *connection);

size_t inquiries_count(const struct inquiries *inquiries); /* clients held */

#endif
