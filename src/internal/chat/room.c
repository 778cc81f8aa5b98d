/* SPDX-License-Identifier: ISC */
/*
 * What is said stands once, in a ring that all members read, each from its own place: a
 * member costs no memory for what it has not taken, and who is so far behind that the
 * ring has come round is dropped. A sweep goes through the members, some in each turn of
 * the loop, and tells each all that is new to it, in one call if there is much; so what a
 * turn costs does not grow with the number of members, nor with that of the lines.
 *
 * While a sweep has not come round, at most half a ring is let in: otherwise many who
 * speak at once would make those late who only have not been told yet.
 */
/* Out of memory makes HASH_ADD leave hh.tbl NULL in place of ending the process. */
#define HASH_NONFATAL_OOM 1

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "chat.h"
#include "usherd/base/text.h"

/* More than this in wait for the sweep, and nothing is said or announced any more. */
#define BEHIND_SAY      (CHAT_RING_SIZE / 2)
#define BEHIND_ANNOUNCE (CHAT_RING_SIZE / 4 * 3)

#define GUESTS_TRIED    1000

/* In front of every text in the ring. */
struct entry {
	uint32_t author; /* serial, 0: nobody */
	uint32_t length; /* of the text */
};

static void ring_write(struct room *room, uint64_t at, const void *data, size_t size)
{
	size_t start = at % CHAT_RING_SIZE;
	size_t first = size < CHAT_RING_SIZE - start ? size : CHAT_RING_SIZE - start;

	memcpy(room->ring + start, data, first);
	memcpy(room->ring, (const uint8_t *)data + first, size - first);
}

static void ring_read(const struct room *room, uint64_t at, void *data, size_t size)
{
	size_t start = at % CHAT_RING_SIZE;
	size_t first = size < CHAT_RING_SIZE - start ? size : CHAT_RING_SIZE - start;

	memcpy(data, room->ring + start, first);
	memcpy((uint8_t *)data + first, room->ring, size - first);
}

static void start_sweep(struct room *room)
{
	if (!loop_timer_is_armed(&room->sweep))
		(void)loop_timer_set(room->loop, &room->sweep, loop_now_ns(room->loop));
}

void room_say(struct room *room, const struct member *author, const char *text,
	      size_t length)
{
	struct entry entry = { .author = author != NULL ? author->serial : 0,
			       .length = (uint32_t)length };

	ring_write(room, room->head, &entry, sizeof(entry));
	ring_write(room, room->head + sizeof(entry), text, length);
	room->head += sizeof(entry) + length;
	start_sweep(room);
}

void room_announce(struct room *room, const struct member *author, const char *format,
		   ...)
{
	char message[CHAT_MESSAGE_SIZE];
	va_list arguments;
	int length;

	if (room->head - room->swept > BEHIND_ANNOUNCE) {
		room->unannounced++;
		return;
	}
	va_start(arguments, format);
	length = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(message))
		room_say(room, author, message, (size_t)length);
}

bool room_is_behind(struct room *room)
{
	if (room->head - room->swept <= BEHIND_SAY)
		return false;
	start_sweep(room);
	return true;
}

/* What is new to @member from its place on, as much as scratch holds. Own words, unless
 * a part of them is out already, are passed over. Returns the number of bytes. */
static size_t collect(struct room *room, struct member *member)
{
	uint64_t at = member->position;
	size_t offset = member->offset;
	size_t size = 0;

	while (at < room->head) {
		struct entry entry;

		ring_read(room, at, &entry, sizeof(entry));
		if (entry.author != member->serial) {
			size_t rest = entry.length - offset;

			if (rest > sizeof(room->scratch) - size)
				break;
			ring_read(room, at + sizeof(entry) + offset, room->scratch + size,
				  rest);
			size += rest;
		} else if (size == 0) {
			member->position = at + sizeof(entry) + entry.length;
		}
		at += sizeof(entry) + entry.length;
		offset = 0;
	}
	return size;
}

/* @count bytes of what was collected have been taken. */
static void advance(const struct room *room, struct member *member, size_t count)
{
	while (count > 0) {
		struct entry entry;
		size_t rest;

		ring_read(room, member->position, &entry, sizeof(entry));
		rest = entry.length - member->offset;
		if (entry.author == member->serial) {
			member->position += sizeof(entry) + entry.length;
		} else if (count < rest) {
			member->offset += (uint32_t)count;
			count = 0;
		} else {
			member->position += sizeof(entry) + entry.length;
			member->offset = 0;
			count -= rest;
		}
	}
}

void room_tell(struct room *room, struct member *member)
{
	size_t size, sent;

	if (!lines_is_open(&member->session))
		return;
	if (room->head - member->position > CHAT_RING_SIZE) {
		lines_doom(&member->session, LINES_END_SLOW);
		return;
	}
	do {
		size = member->session.wants_room ? 0 : collect(room, member);
		sent = size > 0 ? lines_push(&member->session, room->scratch, size) : 0;
		advance(room, member, sent);
	} while (size > 0 && sent == size);
}

static void admit_gaps(struct room *room)
{
	unsigned count = room->unannounced;

	if (count == 0 || room->head - room->swept > BEHIND_SAY)
		return;
	room->unannounced = 0;
	room_announce(room, NULL, "*** %u have come or gone without a word\r\n", count);
}

static void sweep_fired(struct timer *timer)
{
	struct room *room = timer->data;

	if (room->sweep_next == NULL) {
		room->sweep_next = room->members;
		room->sweep_head = room->head;
	}
	for (int i = 0; i < CHAT_TURN_MEMBERS && room->sweep_next != NULL; i++) {
		struct member *member = room->sweep_next;

		room->sweep_next = member->next;
		room_tell(room, member);
	}
	if (room->sweep_next != NULL) {
		start_sweep(room);
		return;
	}
	room->swept = room->sweep_head;
	admit_gaps(room);
	if (room->head > room->swept)
		start_sweep(room);
}

void room_init(struct room *room, struct loop *loop, const char *name)
{
	room->loop = loop;
	room->name = name;
	room->sweep.fired = sweep_fired;
	room->sweep.data = room;
}

void room_done(struct room *room)
{
	loop_timer_cancel(&room->sweep);
}

bool room_has(const struct room *room, const char *nick, const struct member *but)
{
	char folded[CHAT_NICK_MAX + 1];
	const struct member *found;

	chat_fold(nick, folded);
	HASH_FIND_STR(room->by_name, folded, found);
	return found != NULL && found != but;
}

static int name_member(struct room *room, struct member *member, const char *nick)
{
	(void)text_copy(member->nick, sizeof(member->nick), nick);
	chat_fold(member->nick, member->folded);
	HASH_ADD_STR(room->by_name, folded, member);
	return member->hh.tbl != NULL ? 0 : -ENOMEM;
}

/* "guest1", or the next that is free. */
static bool choose_name(struct room *room, char nick[CHAT_NICK_MAX + 1])
{
	for (int i = 0; i < GUESTS_TRIED; i++) {
		(void)snprintf(nick, CHAT_NICK_MAX + 1, "guest%u", ++room->guests);
		if (!room_has(room, nick, NULL))
			return true;
	}
	return false;
}

int room_join(struct room *room, struct member *member, const char *nick)
{
	char chosen[CHAT_NICK_MAX + 1];

	if (nick == NULL && !choose_name(room, chosen))
		return -ENOMEM;
	member->serial = ++room->serials;
	member->position = room->head;
	if (name_member(room, member, nick != NULL ? nick : chosen) < 0)
		return -ENOMEM;
	DL_APPEND(room->members, member);
	room->count++;
	member->joined = true;
	room_announce(room, member, "*** %s has joined\r\n", member->nick);
	return 0;
}

static void remove_member(struct room *room, struct member *member)
{
	if (room->sweep_next == member)
		room->sweep_next = member->next;
	if (member->hh.tbl != NULL)
		HASH_DEL(room->by_name, member);
	member->hh.tbl = NULL;
	DL_DELETE(room->members, member);
	room->count--;
	member->joined = false;
}

int room_rename(struct room *room, struct member *member, const char *nick)
{
	char before[CHAT_NICK_MAX + 1];
	int r;

	memcpy(before, member->nick, sizeof(before));
	HASH_DEL(room->by_name, member);
	member->hh.tbl = NULL;
	r = name_member(room, member, nick);
	if (r == 0)
		room_announce(room, member, "*** %s is now %s\r\n", before, member->nick);
	return r;
}

void room_leave(struct room *room, struct member *member)
{
	remove_member(room, member);
}
