/* SPDX-License-Identifier: ISC */
/* What members can ask for. Each answer goes to the one who asked. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "chat.h"
#include "usherd/base/text.h"

/* Names that /who lists; what is longer would be a burden to write. */
#define WHO_MAX   100
#define WHO_WIDTH 72
#define WHO_SIZE  (WHO_MAX * (CHAT_NICK_MAX + 4) + 256)

static void do_nick(struct room *room, struct member *member, char *argument)
{
	if (argument[0] == '\0') {
		lines_sendf(&member->session, "--- you are %s\r\n", member->nick);
	} else if (!chat_nick_is_good(argument, strlen(argument))) {
		lines_sendf(&member->session,
			    "--- a name is 1 to %d printing ASCII characters, the first "
			    "no slash\r\n",
			    CHAT_NICK_MAX);
	} else if (room_has(room, argument, member)) {
		lines_sendf(&member->session, "--- %s is somebody else's name\r\n",
			    argument);
	} else if (room_rename(room, member, argument) < 0) {
		lines_doom(&member->session, LINES_END_SLOW);
	} else {
		lines_sendf(&member->session, "--- you are now %s\r\n", member->nick);
	}
}

static void do_who(struct room *room, struct member *member, char *argument)
{
	char buffer[WHO_SIZE];
	struct text text;
	const struct member *other = room->members;
	size_t listed = 0;
	size_t start;

	(void)argument;
	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "--- %zu here:", room->count);
	start = 0;
	for (; other != NULL && listed < WHO_MAX; other = other->next, listed++) {
		if (text.length - start > WHO_WIDTH) {
			text_add(&text, "\r\n---");
			start = text.length;
		}
		text_addf(&text, " %s", other->nick);
	}
	if (listed < room->count)
		text_addf(&text, " and %zu more", room->count - listed);
	text_add(&text, "\r\n");
	lines_send(&member->session, buffer, text.length);
}

static void do_me(struct room *room, struct member *member, char *argument)
{
	char message[CHAT_MESSAGE_SIZE];
	int length =
		snprintf(message, sizeof(message), "* %s %s\r\n", member->nick, argument);

	if (argument[0] == '\0')
		lines_sendf(&member->session, "--- what do you do?\r\n");
	else
		room_say(room, member, message, (size_t)length);
}

static void do_quit(struct room *room, struct member *member, char *argument)
{
	(void)room;
	(void)argument;
	lines_sendf(&member->session, "--- goodbye\r\n");
	lines_finish(&member->session);
}

static void do_help(struct room *room, struct member *member, char *argument);

static const struct command {
	const char *name;
	const char *usage;
	const char *help;
	void (*run)(struct room *room, struct member *member, char *argument);
} commands[] = {
	{ "/nick", "/nick NAME", "be called so", do_nick },
	{ "/who", "/who", "who is here", do_who },
	{ "/me", "/me TEXT", "say what you do", do_me },
	{ "/help", "/help", "this list", do_help },
	{ "/quit", "/quit", "leave", do_quit },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void do_help(struct room *room, struct member *member, char *argument)
{
	char buffer[512];
	struct text text;

	(void)room;
	(void)argument;
	text_init(&text, buffer, sizeof(buffer));
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		text_addf(&text, "--- %-11s %s\r\n", commands[i].usage, commands[i].help);
	text_add(&text, "--- everything else is said to all\r\n");
	lines_send(&member->session, buffer, text.length);
}

void chat_command(struct room *room, struct member *member, char *text)
{
	size_t length = strcspn(text, " ");
	char *argument = chat_trim(text + length);

	text[length] = '\0';
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcasecmp(text, commands[i].name) == 0) {
			commands[i].run(room, member, argument);
			return;
		}
	}
	lines_sendf(&member->session, "--- no such command; /help lists them\r\n");
}
