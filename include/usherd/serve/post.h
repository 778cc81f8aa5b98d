/* SPDX-License-Identifier: ISC */
/*
 * Posts and their listeners: putting services on duty, taking them off, and changing them
 * under running sessions. Nothing here serves a client.
 */
#ifndef USHERD_SERVE_POST_H
#define USHERD_SERVE_POST_H

#include "usherd/serve/engine.h"

/*
 * A post for @service with its plan, without listeners, not yet known to the engine.
 * Takes a reference of the service. 0 or a negative errno; nothing is left behind on
 * failure.
 */
int post_new(struct engine *engine, struct service *service, struct post **ret,
	     struct error *err);
struct post *post_ref(struct post *post);
void post_unref(struct post *post);

/* Make room for @count further posts, so that engine_enlist() cannot fail. */
int engine_reserve(struct engine *engine, size_t count);
/* Put on duty; the engine takes the caller's reference over. */
void engine_enlist(struct engine *engine, struct post *post);
/* Take off duty: sessions go on, listeners must be gone; drops the reference. */
void engine_dismiss(struct engine *engine, struct post *post);
struct post *engine_find(const struct engine *engine, const char *id); /* or NULL */

/*
 * Let @post serve what @fresh was made for, from the next client on; counters and running
 * sessions stay with it, a pause ends. Takes @fresh (not enlisted, no listeners) over.
 */
void post_replace(struct post *post, struct post *fresh);

/* A listener, not open, room for it in the post made. NULL when out of memory. */
struct listener *listener_new(const struct endpoint *endpoint);
/* Stop watching, close, remove a UNIX node of ours, free. NULL allowed. */
void listener_free(struct listener *listener);
/* Give @post room for @count listeners. 0 or -ENOMEM. */
int post_reserve(struct post *post, size_t count);
/* Hand @listener over to @post, which has room. */
void post_attach(struct post *post, struct listener *listener);
/* Take all listeners away from @post into @ret (room for post->listener_count). */
size_t post_detach_all(struct post *post, struct listener **ret);

/*
 * Bind what is not bound and watch what is to be watched. A failure is reported with
 * service, address and reason; a transient one is tried again with back-off.
 */
void listener_activate(struct listener *listener);

/* Take the already open @fd for the listener (inherited, or a worker's). */
void listener_take(struct listener *listener, int fd);

/* Watch again / not at all, according to the state of post and listener. */
void listener_update(struct listener *listener);

/* Look away from one listener for @ns. */
void listener_rest(struct listener *listener, uint64_t ns);

/* cps was exceeded: refuse at once (TCP) or look away (the others) until @until_ns. */
void post_pause(struct post *post, uint64_t until_ns);

#endif
