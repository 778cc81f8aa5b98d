/* SPDX-License-Identifier: ISC */
/* Listeners over time: bound now or later, open or closed for a while. */
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

/*
 * Have the kernel refuse the clients of a TCP listener that is open here, those that wait
 * included, for @ns or until listener_open_door(); then it is watched again. 0, or a
 * negative errno and it goes on as it was.
 */
int listener_close_door(struct listener *listener, uint64_t ns);
/* Does nothing to one that is open. One whose post rests is opened at the end of that. */
void listener_open_door(struct listener *listener);

/* The same for all listeners of @post, where a place is free. */
void post_open_doors(struct post *post);

#endif
