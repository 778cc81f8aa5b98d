/* SPDX-License-Identifier: ISC */
/* Reading "PORT , PORT : USERID : SYSTEM : USER", RFC 1413 section 4. */
#include "usherd/guard/userid.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "usherd/base/text.h"

#define WORD "USERID"

struct rest {
	const char *at;
	const char *end;
};

static void skip_blanks(struct rest *rest)
{
	while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t'))
		rest->at++;
}

static bool take_byte(struct rest *rest, char byte)
{
	skip_blanks(rest);
	if (rest->at == rest->end || *rest->at != byte)
		return false;
	rest->at++;
	return true;
}

static bool take_port(struct rest *rest, uint16_t expected)
{
	uint32_t port = 0;
	bool any = false;

	skip_blanks(rest);
	for (; rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9'; rest->at++) {
		port = port * 10 + (uint32_t)(*rest->at - '0');
		if (port > UINT16_MAX)
			return false;
		any = true;
	}
	return any && port == expected;
}

static bool take_word(struct rest *rest, const char *word)
{
	size_t length = strlen(word);

	skip_blanks(rest);
	if ((size_t)(rest->end - rest->at) < length ||
	    strncasecmp(rest->at, word, length) != 0)
		return false;
	rest->at += length;
	return true;
}

/* A system, a colon, and somebody. */
static bool names_somebody(struct rest rest)
{
	const char *system;

	skip_blanks(&rest);
	system = rest.at;
	while (rest.at < rest.end && *rest.at != ':')
		rest.at++;
	if (rest.at == system || !take_byte(&rest, ':'))
		return false;
	skip_blanks(&rest);
	return rest.at < rest.end;
}

const char *userid_word(enum userid_outcome outcome)
{
	static const char *const words[] = {
		[USERID_KNOWN] = "none",
		[USERID_NO_SERVER] = "no server",
		[USERID_TIMEOUT] = "timeout",
		[USERID_UNREADABLE] = "error while receiving response",
		[USERID_BAD_RESPONSE] = "bad response",
		[USERID_SYSTEM_ERROR] = "system error",
	};

	return words[outcome];
}

enum userid_outcome userid_parse(const char *line, size_t length, uint16_t peer_port,
				 uint16_t local_port, char ret[USERID_TEXT_SIZE])
{
	struct rest rest = { line, line + length };
	struct text text;

	if (!take_port(&rest, peer_port) || !take_byte(&rest, ',') ||
	    !take_port(&rest, local_port) || !take_byte(&rest, ':') ||
	    !take_word(&rest, WORD) || !take_byte(&rest, ':') || !names_somebody(rest))
		return USERID_BAD_RESPONSE;
	skip_blanks(&rest);
	text_init(&text, ret, USERID_TEXT_SIZE);
	text_add_bytes(&text, rest.at, (size_t)(rest.end - rest.at));
	return USERID_KNOWN;
}
