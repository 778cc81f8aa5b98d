/* SPDX-License-Identifier: ISC */
/*
 * chat: a room for everybody who connects with a line of text, nc(1) or telnet(1). Who
 * gives a name is let in; each service is one room.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/chat.h"
#include "services.h"

#define OUTPUT_MAX 8192
#define TRIES_MAX  3
#define BEHIND_NS  (UINT64_C(10) * 1000000)
#define BURST_NS   ((CHAT_BURST - 1) * CHAT_PACE_NS)

static struct room *room_of(const struct line_session *session)
{
	return lines_data(session);
}

static void greet(struct line_session *session, const struct connection *connection)
{
	(void)connection;
	lines_sendf(session, "--- welcome to %s\r\n--- your name? (or an empty line)\r\n",
		    room_of(session)->name);
}

/*
 * Every line is paid for with CHAT_PACE_NS, and one may be in debt by BURST_NS: nothing
 * is lost of what comes faster, it waits, in the end at the client.
 */
static uint64_t due_ns(struct line_session *session, uint64_t now_ns)
{
	const struct member *member = (struct member *)session;

	if (room_is_behind(room_of(session)))
		return now_ns + BEHIND_NS;
	return member->paid_ns > BURST_NS ? member->paid_ns - BURST_NS : 0;
}

static void pay(struct member *member, uint64_t now_ns)
{
	if (member->paid_ns < now_ns)
		member->paid_ns = now_ns;
	member->paid_ns += CHAT_PACE_NS;
}

static void refuse_name(struct member *member, const char *why)
{
	struct line_session *session = &member->session;

	lines_sendf(session, "--- %s\r\n", why);
	if (++member->tries < TRIES_MAX)
		return;
	lines_sendf(session, "--- goodbye\r\n");
	lines_finish(session);
}

static void let_in(struct room *room, struct member *member, const char *nick)
{
	struct line_session *session = &member->session;

	if (room_join(room, member, nick[0] != '\0' ? nick : NULL) < 0) {
		lines_sendf(session, "--- there is no room\r\n");
		lines_finish(session);
		return;
	}
	lines_settle(session);
	lines_sendf(session,
		    "--- you are %s; %zu others are here; /help lists the commands\r\n",
		    member->nick, room->count - 1);
}

static void take_name(struct room *room, struct member *member, const char *nick)
{
	char why[128];

	if (strcmp(nick, "/quit") == 0) {
		lines_finish(&member->session);
	} else if (nick[0] != '\0' && !chat_nick_is_good(nick, strlen(nick))) {
		(void)snprintf(why, sizeof(why),
			       "a name is 1 to %d printing ASCII characters, the first "
			       "no slash",
			       CHAT_NICK_MAX);
		refuse_name(member, why);
	} else if (nick[0] != '\0' && room_has(room, nick, NULL)) {
		(void)snprintf(why, sizeof(why), "%s is somebody else's name", nick);
		refuse_name(member, why);
	} else {
		let_in(room, member, nick);
	}
}

static void say(struct room *room, struct member *member, const char *text, bool cut)
{
	char message[CHAT_MESSAGE_SIZE];
	int length =
		snprintf(message, sizeof(message), "<%s> %s\r\n", member->nick, text);

	room_say(room, member, message, (size_t)length);
	if (cut)
		lines_sendf(&member->session, "--- your line was cut to %d bytes\r\n",
			    CHAT_LINE_MAX);
}

static void take_line(struct line_session *session, char *text, size_t length, bool cut)
{
	struct member *member = (struct member *)session;
	struct room *room = room_of(session);

	pay(member, loop_now_ns(room->loop));
	(void)chat_clean(text, length);
	if (!member->joined)
		take_name(room, member, chat_trim(text));
	else if (text[0] == '/')
		chat_command(room, member, text);
	else if (text[strspn(text, " ")] != '\0')
		say(room, member, text, cut);
}

static void room_for_more(struct line_session *session)
{
	room_tell(room_of(session), (struct member *)session);
}

static void say_farewell(struct line_session *session, enum lines_end why)
{
	static const char *const words[] = {
		[LINES_END_CLIENT] = "has left",
		[LINES_END_SERVICE] = "has left",
		[LINES_END_IDLE] = "has been silent for too long",
		[LINES_END_SLOW] = "does not keep up and is dropped",
		[LINES_END_CLOSING] = "has left",
	};
	struct member *member = (struct member *)session;
	struct room *room = room_of(session);

	if (!member->joined)
		return;
	room_leave(room, member);
	room_announce(room, NULL, "*** %s %s\r\n", member->nick, words[why]);
}

static const struct lines_rules rules = {
	.session_size = sizeof(struct member),
	.line_max = CHAT_LINE_MAX,
	.output_max = OUTPUT_MAX,
	.settle_ns = CHAT_NICK_NS,
	.telnet = true,
	.begin = greet,
	.line = take_line,
	.line_due_ns = due_ns,
	.writable = room_for_more,
	.gone = say_farewell,
};

int chat_open(const struct internal *internal, const struct internal_setup *setup,
	      void **ret_state, struct error *err)
{
	uint64_t idle_ns = setup->service->idle_timeout_ns;
	struct room *room = calloc(1, sizeof(*room));

	(void)internal;
	if (room == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	room_init(room, setup->loop, setup->service->id);
	if (lines_new(setup->loop, &rules, idle_ns > 0 ? idle_ns : CHAT_IDLE_NS, room,
		      &room->lines) < 0) {
		free(room);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*ret_state = room;
	return 0;
}

void chat_drain(void *state)
{
	room_announce(
		state, NULL,
		"*** a new room has opened; who comes from now on will be there\r\n");
}

void chat_close(void *state)
{
	struct room *room = state;

	lines_free(room->lines);
	room_done(room);
	free(room);
}

int chat_stream(void *state, const struct connection *connection,
		const struct session_owner *owner, struct error *err)
{
	struct room *room = state;

	return lines_start(room->lines, connection, owner, err);
}
