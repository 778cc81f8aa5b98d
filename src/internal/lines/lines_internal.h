/* SPDX-License-Identifier: ISC */
/* What the files of lines/ share. A session is settled at the end of each of its turns,
 * in lines.c alone: there it is ended, if it has come to that, and nowhere else. */
#ifndef USHERD_INTERNAL_LINES_INTERNAL_H
#define USHERD_INTERNAL_LINES_INTERNAL_H

#include "usherd/internal/lines.h"

struct lines {
	struct loop *loop;               /* borrowed */
	const struct lines_rules *rules; /* borrowed */
	void *data;
	uint64_t idle_ns;         /* 0: none */
	struct line_session *all; /* owned, each */
	size_t count;
	/* Both hold nothing between two turns. */
	uint8_t scratch[LINES_READ_MAX];
	char text[]; /* line_max bytes and a NUL */
};

static inline uint64_t lines_now_ns(const struct line_session *session)
{
	return loop_now_ns(session->lines->loop);
}

/* It is to end, at the end of this turn or when it is settled next. */
void lines_condemn(struct line_session *session, enum lines_end why);

/* Send what is kept, as far as the client takes it. */
void lines_flush(struct line_session *session);

/* May input be taken? Whoever does not take what it was told is not asked for more. */
bool lines_may_take(const struct line_session *session);

/* Take lines: of what was read before, then of what can be read now. */
void lines_take_held(struct line_session *session);
void lines_take_fresh(struct line_session *session);

/* Read and forget. */
void lines_linger(struct line_session *session);

#endif
