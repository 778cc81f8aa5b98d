/* SPDX-License-Identifier: ISC */
/*
 * Clients about whom something has to be found out before they are served: each is held,
 * with his place in instances and per_source taken, until his inquiry has ended. In the
 * supervisor, which waits for none of them.
 *
 * INQUIRIES_MAX processes at once, of which INQUIRIES_PER_SOURCE for one source (an IPv4
 * address, an IPv6 /64); up to INQUIRIES_WAITING clients wait for one to become free, and
 * not longer than for an answer. Senders of datagrams, whose addresses may be forged,
 * have at most half of either. Whoever is one too many, waits too long or gets no answer
 * is refused. What the resolver has said counts for a short time for further clients from
 * the same address, and so does a refusal by libwrap for those who send datagrams, or had
 * no answer from the resolver.
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
	/* With fd -1 the sender of a datagram, who has none, and where it came to. */
	struct connection connection;
	const struct inquiries_ends *ends; /* borrowed; NULL: those of the inquiries */
	const struct courtesy *courtesy;   /* borrowed, or NULL */
	unsigned tries;                    /* of his program, that have failed */
	bool told;                         /* he has been sent something */
};

/* What becomes of him. Each takes him over: connection, place and memory. */
struct inquiries_ends {
	void (*serve)(struct held_client *client);
	void (*refuse)(struct held_client *client, enum reason reason);
	/* He has gone, or nobody is served any more. */
	void (*let_go)(struct held_client *client);
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

/* What has to be found out before this client of @post is served: enum inquiry_question.
 */
unsigned inquiries_questions(const struct post *post,
			     const struct connection *connection);

/* Was the sender @peer of a datagram refused a moment ago? The reason holds for this one
 * as well; else REASON_NONE. */
enum reason inquiries_recall(const struct post *post, const struct addr *peer);

/* Hold @client. His end comes later, or within this call; to be served only if there was
 * nothing to be found out. */
void inquiries_hold(struct inquiries *inquiries, const struct held_client *client);

/* A client was refused: find out for the log who he was, if the service wants it and it
 * can be done now. The process that asks keeps the connection open, for his ident server
 * to find: true if there is one. */
bool inquiries_note_refused(struct inquiries *inquiries, struct post *post,
			    const struct connection *connection);

size_t inquiries_count(const struct inquiries *inquiries); /* clients held */

#endif
