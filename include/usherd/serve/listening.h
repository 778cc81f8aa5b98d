/* SPDX-License-Identifier: ISC */
/* Listeners over time: bound now or later, watched, resting or held by a program. */
#ifndef USHERD_SERVE_LISTENING_H
#define USHERD_SERVE_LISTENING_H

#include "usherd/serve/duty.h"

/* A listener, not open, room for it in the post made. NULL when out of memory. */
struct listener *listener_new(const struct endpoint *endpoint);
/* Stop watching, close, remove a UNIX node of ours, free. NULL allowed. */
void listener_free(struct listener *listener);
/*
 * Bind what is not bound and watch what is to be watched. A failure is reported with
 * service, address and reason; a transient one is tried again with back-off.
 */
void listener_activate(struct listener *listener);

/* Take the already open @fd for the listener (inherited, or a worker's). */
void listener_take(struct listener *listener, int fd);

/* Of several processes that watch the listener, let another be woken for the next client.
 */
void listener_stand_back(struct listener *listener);

/* Is it bound, free, not at rest, and of a service on duty: may its clients be served? */
bool listener_is_wanted(const struct listener *listener);

/* Watch again / not at all, according to the state of post and listener. */
void listener_update(struct listener *listener);

/* Bound, and in nobody else's hands: a worker may have it. */
bool listener_is_free(const struct listener *listener);

/* Of an in-process service whose clients are asked about before they are served: the
 * supervisor takes them, and hands on those whom it lets in. */
bool listener_is_kept(const struct listener *listener);

/* Free, and a worker's to have. */
bool listener_is_lent(const struct listener *listener);

/* End the rest that cps has asked for: listen again. A failure is reported. */
void listener_reopen(struct listener *listener);

/*
 * Somebody who had the socket, too, has shut it down (poll(2) says so): listen again, or
 * bind anew, after a short rest.
 */
void listener_mend(struct listener *listener);

/*
 * Something that passes (memory, usually) keeps us from reading what waits on the
 * listener: say so, and look away for a moment.
 */
void listener_unreadable(struct listener *listener, int error);

/* Look away from one listener for @ns. */
void listener_rest(struct listener *listener, uint64_t ns);

/*
 * Have the kernel refuse the clients of a TCP listener that is open here, those that wait
 * included, for @ns or until listener_open_door(); then it is watched again. 0, or a
 * negative errno and it goes on as it was.
 */
int listener_close_door(struct listener *listener, uint64_t ns);
/* Does nothing to one that is open. One whose post rests is opened at the end of that. */
void listener_open_door(struct listener *listener);

#endif
