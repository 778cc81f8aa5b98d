/* SPDX-License-Identifier: ISC */
/*
 * Posts: putting services on duty, taking them off, and changing them under running
 * sessions. Nothing here serves a client.
 */
#ifndef USHERD_SERVE_POST_H
#define USHERD_SERVE_POST_H

#include "usherd/serve/duty.h"

/*
 * A post for @service with its plan, without listeners, not yet known to the engine.
 * Takes a reference of the service. 0 or a negative errno; nothing is left behind on
 * failure.
 */
int post_new(struct engine *engine, struct service *service, struct post **ret,
	     struct error *err);

/* Let a post that is not open yet lead to a copy of @targets. 0 or -ENOMEM. */
int post_aim(struct post *post, const struct target_list *targets);

/* An in-process post in a worker: make what its clients share, before rights are given
 * up. 0 or a negative errno. */
int post_open(struct post *post, struct error *err);
/*
 * Lead those who come to an open post from now on to @hosts, one for each of its targets.
 * @directories of those that are paths are taken, and become -1. Out of memory, it goes
 * on as before.
 */
void post_retarget(struct post *post, const struct host *hosts, int *directories,
		   size_t directory_count);
/* End the sessions that only it knows, and free what it shares. May be repeated. */
void post_close(struct post *post);

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

/* Give @post room for @count listeners in all; those it has stay. 0 or -ENOMEM. */
int post_reserve(struct post *post, size_t count);
/* Hand @listener over to @post, which has room. */
void post_attach(struct post *post, struct listener *listener);
/* Take all listeners away from @post into @ret (room for post->listener_count). */
size_t post_detach_all(struct post *post, struct listener **ret);

#endif
