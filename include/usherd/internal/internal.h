/* SPDX-License-Identifier: ISC */
/*
 * The in-process services, each behind the same few functions: what `internal = NAME`
 * names. A worker opens one for each of its services, gives it the clients that the guard
 * has let in, and hears of their ends; who may come in, what is counted and what is
 * logged is none of its concern.
 */
#ifndef USHERD_INTERNAL_INTERNAL_H
#define USHERD_INTERNAL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "usherd/base/error.h"
#include "usherd/internal/builtin.h"
#include "usherd/internal/relays.h"
#include "usherd/internal/responder.h"
#include "usherd/internal/session.h"
#include "usherd/loop/loop.h"
#include "usherd/model/service.h"
#include "usherd/net/accept.h"

/* Services that can be reached by name, and the way to them. */
struct internal_mux {
	const struct service *
		*services; /* owned by whoever made it; by name, case apart */
	size_t count;
	/*
	 * Have services[@index] serve the client @fd as if it had come by itself. 0: it
	 * will be, or told that it cannot, and the caller closes its descriptor without
	 * another word; or a negative errno.
	 */
	int (*hand_over)(const struct internal_mux *mux, size_t index, int fd);
	void *data; /* of whoever made it */
};

/* What it is made with. */
struct internal_setup {
	struct loop *loop;             /* borrowed */
	struct sessions *sessions;     /* borrowed; this loop's */
	const struct service *service; /* borrowed; outlives what is opened */
	struct relays *relays;         /* borrowed; this loop's */
	/* Where the service's redirect leads to now. */
	const struct target_list *targets; /* borrowed for the call */
	/* UDP ports that in-process services answer on. */
	const struct responder_ports *ports; /* borrowed */
	/* The root directory will be empty. */
	bool rootless;
	/* Write a line to the log, as the service's. False if there have been so many of
	 * late that it is left out. */
	bool (*note)(void *note_data, const char *text);
	void *note_data;
	const struct internal_mux *mux; /* borrowed; NULL unless it needs it */
	const char *catalogue;          /* borrowed; which services there are, likewise */
	/* What runs as of a moment ago: @ret_length bytes that are good for a second.
	 * NULL unless it needs it. */
	const void *(*roll)(const void *roll_data, size_t *ret_length);
	const void *roll_data; /* borrowed; outlives what is opened */
};

/* What a worker has to be left with beyond its sockets: services that differ in it are
 * never in the same worker. */
enum internal_need {
	INTERNAL_CONNECTS = 1 << 0,   /* makes connections of its own */
	INTERNAL_ASKS = 1 << 1,       /* asks the kernel about connections of others */
	INTERNAL_HANDS_OVER = 1 << 2, /* gives clients to other services */
	INTERNAL_LISTS = 1 << 3,      /* says which services there are */
	INTERNAL_WATCHES = 1 << 4,    /* says what runs */
};

struct internal {
	const char *name;
	const char *rfc; /* or NULL */
	unsigned needs;  /* enum internal_need */
	/* What its clients share is the memory of one process: a second worker cannot
	 * serve some of them. */
	bool one_worker;
	/*
	 * The program that serves it, by its name in the directory of such
	 * (exec/libexec.h), for what the supervisor is not to have in its memory. The
	 * functions below are then that program's, and NULL here; it is for streams.
	 * NULL: usherd itself.
	 */
	const char *executable;
	/* What it says, where that is a pure function; datagrams are answered with it by
	 * responder.c. NULL for others. */
	const struct builtin *builtin;
	/*
	 * Make what the clients of one service share. Called in the worker before it
	 * gives up its rights: may open files, may block. 0 with *ret_state, or a
	 * negative errno.
	 */
	int (*open)(const struct internal *internal, const struct internal_setup *setup,
		    void **ret_state, struct error *err);
	/* Optional: the directory, open as long as the state is, beneath which sessions
	 * will open files for reading. */
	int (*directory)(const void *state);
	/* Optional: no more clients will come; sessions that only wait for what their
	 * client might still want should end. */
	void (*drain)(void *state);
	/* End every session of it (each `ended` is called) and free it. */
	void (*close)(void *state);
	/*
	 * Serve connection->fd, which is owned by the session from success on, and closed
	 * before owner->ended is called, once, at its end; never from within this call.
	 * The connection and the owner are copied. Never blocks. NULL: not for streams. 0
	 * or a negative errno, the descriptor then stays the caller's.
	 */
	int (*stream)(void *state, const struct connection *connection,
		      const struct session_owner *owner, struct error *err);
	/*
	 * Datagrams that belong together, those of one peer to one address of ours: a
	 * flow. NULL where each is answered for itself. forward() takes @request if its
	 * flow is known; false: it is not, and may be the @first of one. open_flow() is
	 * to datagrams what stream() is to connections; @listener, where the peer's
	 * datagrams come from and its answers leave, stays the caller's, and may be
	 * closed before the flow ends.
	 */
	bool (*forward)(void *state, const struct datagram *request);
	int (*open_flow)(void *state, int listener, const struct datagram *first,
			 const struct session_owner *owner, struct error *err);
	/*
	 * Lead those who come from now on to @targets. @directories: descriptors (taken
	 * over in any case) of the directories of those that are paths, in their order,
	 * or -1. NULL for services that lead nowhere. 0 or -ENOMEM.
	 */
	int (*retarget)(void *state, const struct target_list *targets, int *directories,
			size_t directory_count);
};

/* Borrowed, or NULL. */
const struct internal *internal_find(const char *name);

/* Is there one for streams / for datagrams? */
bool internal_exists(const char *name, bool stream);

/* All that `internal` may name, in alphabetical order; NULL past the end. What is there
 * as well, but by an attribute of its own: SERVICE_REDIRECT. */
const struct internal *internal_at(size_t index);

#endif
