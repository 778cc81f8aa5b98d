/* SPDX-License-Identifier: ISC */
/*
 * What the files of chat/ share: text.c has what may be said and what one may be called,
 * room.c who is there and how everybody gets to see everything, commands.c what a member
 * can ask for, ../chat.c the way in.
 */
#ifndef USHERD_INTERNAL_CHAT_H
#define USHERD_INTERNAL_CHAT_H

#include <uthash.h>

#include "usherd/internal/internal.h"
#include "usherd/internal/lines.h"

/* All of these are documented in usherd(8). */
#define CHAT_NICK_MAX  16  /* bytes */
#define CHAT_LINE_MAX  400 /* bytes; the rest of a line is cut off */
#define CHAT_BURST     10  /* lines that may come at once */
#define CHAT_PACE_NS   (UINT64_C(500) * 1000000)   /* for each line after those */
#define CHAT_NICK_NS   (UINT64_C(60) * 1000000000) /* time to give a name in */
#define CHAT_IDLE_NS   (UINT64_C(3600) * 1000000000)
#define CHAT_RING_SIZE 131072 /* what a member may be behind; a power of two */

/* Members served in a turn of the loop. */
#define CHAT_TURN_MEMBERS 64

/* Room for what is said in one go: a name, a line and what stands around them. */
#define CHAT_MESSAGE_SIZE (CHAT_LINE_MAX + 2 * CHAT_NICK_MAX + 64)

struct member {
	struct line_session session; /* first */
	struct member *prev, *next;  /* in the room, once it has joined */
	UT_hash_handle hh;           /* by folded name */
	bool joined;
	uint8_t tries; /* names that would not do */
	char nick[CHAT_NICK_MAX + 1];
	char folded[CHAT_NICK_MAX + 1];
	uint32_t serial;   /* unique in the room; 0 is nobody's */
	uint32_t offset;   /* bytes it has of what stands at... */
	uint64_t position; /* ...this place of the ring */
	uint64_t paid_ns;  /* until when its lines are paid for, see chat.c */
};

struct room {
	const char *name;          /* borrowed */
	struct loop *loop;         /* borrowed */
	struct lines *lines;       /* owned */
	struct member *members;    /* those who have joined, in that order */
	struct member *by_name;    /* hash of the same */
	size_t count;              /* of the same */
	uint64_t head;             /* bytes ever said */
	uint64_t swept;            /* who takes what is said has all before this */
	uint64_t sweep_head;       /* what `swept` is after this sweep */
	struct member *sweep_next; /* the next it comes to */
	struct timer sweep;
	unsigned unannounced;
	uint32_t serials;
	uint32_t guests;
	uint8_t ring[CHAT_RING_SIZE];
	char scratch[16384]; /* holds nothing between two calls */
};

/*
 * Make a line of a stranger fit for other people's terminals, in place; never longer.
 * Control characters, those of C1, of direction and of separation are dropped, a tab is
 * a space, a byte that is no UTF-8 becomes '?'. Pure. Returns the new length.
 */
size_t chat_clean(char *text, size_t length);

/* A name as it is compared. Pure. */
void chat_fold(const char *nick, char folded[CHAT_NICK_MAX + 1]);
bool chat_nick_is_good(const char *nick, size_t length);

/* Cut blanks off both ends, in place. Returns the new begin. Pure. */
char *chat_trim(char *text);

void room_init(struct room *room, struct loop *loop, const char *name);
/* All sessions are over before. */
void room_done(struct room *room);

/* All but @author (NULL: all) are to see @text, a line with its end. */
void room_say(struct room *room, const struct member *author, const char *text,
	      size_t length);
/* The same for what happens to members: left out, and counted, when there is much of it.
 */
void room_announce(struct room *room, const struct member *author, const char *format,
		   ...) __attribute__((format(printf, 3, 4)));

/* Must those who speak wait until the others have heard what was said? */
bool room_is_behind(struct room *room);

/* Tell @member what it has not been told yet, as far as it takes it. */
void room_tell(struct room *room, struct member *member);

bool room_has(const struct room *room, const char *nick, const struct member *but);
/* Under a name that nobody has, or NULL for one of the room's choice. 0 or -ENOMEM. */
int room_join(struct room *room, struct member *member, const char *nick);
int room_rename(struct room *room, struct member *member, const char *nick);
void room_leave(struct room *room, struct member *member);

/* Do what "/..." asks for. */
void chat_command(struct room *room, struct member *member, char *text);

#endif
