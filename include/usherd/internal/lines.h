/* SPDX-License-Identifier: ISC */
/*
 * Stream clients that speak in lines: what chat, ident and tcpmux have in common.
 *
 * Nothing here blocks, and nothing a client does makes it grow: a line longer than
 * line_max is cut; what a client does not take is kept up to output_max (and what the
 * socket holds before that is bounded as well), and nothing more is read from it
 * meanwhile. Input is taken in turns of LINES_READ_MAX bytes. When the client has ended
 * its direction (FIN), what it still is to be told is sent, then the session ends; text
 * without a line end that came before is no line. A session that the service ends lingers
 * as session.h has it, so that the last answer is not lost.
 *
 * Idle, a session is one allocation of session_size; buffers exist while they hold
 * something.
 */
#ifndef USHERD_INTERNAL_LINES_H
#define USHERD_INTERNAL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/error.h"
#include "usherd/internal/line_input.h"
#include "usherd/internal/session.h"
#include "usherd/loop/loop.h"
#include "usherd/net/accept.h"

#define LINES_SOCKET_BUFFER 32768 /* bytes that the kernel keeps for a client */
#define LINES_READ_MAX      2048 /* bytes read of one client before the next one's turn */

struct lines;
struct line_session;

/* Why a session is over. */
enum lines_end {
	LINES_END_CLIENT,  /* it has left: end of its input, reset */
	LINES_END_SERVICE, /* lines_finish(), lines_drop() */
	LINES_END_IDLE,    /* no byte for too long, or not settled in time */
	LINES_END_SLOW,    /* it does not take what it is told */
	LINES_END_CLOSING, /* lines_free() */
};

/* A service. All functions get its sessions and may send to any of them. */
struct lines_rules {
	size_t session_size; /* of its struct that begins with struct line_session */
	size_t line_max;     /* bytes of a line without its end */
	size_t output_max;   /* bytes kept for a client */
	uint64_t settle_ns;  /* until lines_settle() is called; 0: no deadline */
	bool telnet;
	/* Bytes behind a line's end stay in the socket, for whoever gets it next; neither
	 * is any option of the socket changed. */
	bool exact;
	/* May be NULL: a client has come; @connection is borrowed. */
	void (*begin)(struct line_session *session, const struct connection *connection);
	/* @text: NUL-terminated, may contain NULs, the callee may change it. @cut: there
	 * was more of the line, which is lost. */
	void (*line)(struct line_session *session, char *text, size_t length, bool cut);
	/* May be NULL: asked before a line is taken. When it may be, 0 for at once. */
	uint64_t (*line_due_ns)(struct line_session *session, uint64_t now_ns);
	/* May be NULL: after lines_push() has taken less than all, there is room. */
	void (*writable)(struct line_session *session);
	/* May be NULL: called once, before the descriptor is closed, never from within
	 * another function of this session. */
	void (*gone)(struct line_session *session, enum lines_end why);
};

enum lines_phase {
	LINES_OPEN,
	LINES_FINISHING, /* what is kept goes out, then the write side is shut */
	LINES_LINGERING,
	LINES_DOOMED, /* ends at the next opportunity, for the reason in `why` */
};

/* Private but for its size and place. */
struct line_session {
	struct watch watch;
	struct timer timer;
	struct line_session *prev, *next;
	struct lines *lines;
	struct session_owner owner;
	struct line_input input;
	char *partial; /* owned: input.length bytes of the line so far, or NULL */
	uint8_t *held; /* owned: read, but not to be taken yet, or NULL */
	char *out;     /* owned: not taken by the client yet, or NULL */
	uint32_t out_start, out_end;
	uint16_t held_start, held_end;
	enum lines_phase phase; /* LINES_OPEN at first */
	enum lines_end why;
	bool input_over;
	bool wants_room; /* lines_push() could not send all */
	uint32_t lingered_bytes;
	uint64_t bytes_in, bytes_out;
	uint64_t moved_ns;
	uint64_t settle_until_ns; /* UINT64_MAX: settled */
	uint64_t paused_until_ns; /* 0: not paused */
	uint64_t linger_until_ns;
};

/* @rules and @loop are borrowed; @data is for lines_data(). @idle_ns: 0 for none. 0 or
 * -ENOMEM. */
int lines_new(struct loop *loop, const struct lines_rules *rules, uint64_t idle_ns,
	      void *data, struct lines **ret);
/* Ends every session with LINES_END_CLOSING. NULL allowed. */
void lines_free(struct lines *lines);
void *lines_data(const struct line_session *session);
size_t lines_count(const struct lines *lines);

/* As the `stream` of struct internal. */
int lines_start(struct lines *lines, const struct connection *connection,
		const struct session_owner *owner, struct error *err);

/* Tell the client @data, all of it or, if there is no room, nothing and the session ends
 * with LINES_END_SLOW. Does nothing once the session is about to end. */
void lines_send(struct line_session *session, const void *data, size_t size);
void lines_sendf(struct line_session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Send as much of @data as the client takes now, behind what is kept, without keeping the
 * rest. Returns how many bytes were taken. */
size_t lines_push(struct line_session *session, const void *data, size_t size);

/* The client has said what it came for: the deadline of settle_ns is off. */
void lines_settle(struct line_session *session);

/* Take no more lines; end when the client has what it was told. */
void lines_finish(struct line_session *session);
/* Close at once, without a word to the client: the socket may be somebody else's now. */
void lines_drop(struct line_session *session);
/* End it for a reason that `gone` is told. May be called from wherever, also from the
 * functions of other sessions: it happens in the next turn. */
void lines_doom(struct line_session *session, enum lines_end why);

bool lines_is_open(const struct line_session *session);

/* The connected socket, borrowed. */
int lines_fd(const struct line_session *session);

#endif
