/* SPDX-License-Identifier: ISC */
/* The words of RFC 1413 section 3 and 4. Pure. */
#include <stdio.h>

#include "ident.h"

#define DIGITS_MAX 5 /* RFC 1413, <integer> */

struct cursor {
	const char *at;
	const char *end;
};

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
		cursor->at++;
}

/* A port, or 0 for anything else. */
static uint16_t take_port(struct cursor *cursor)
{
	uint32_t value = 0;
	int digits = 0;

	skip_blanks(cursor);
	for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
	     cursor->at++, digits++)
		if (digits < DIGITS_MAX)
			value = value * 10 + (uint32_t)(*cursor->at - '0');
	skip_blanks(cursor);
	return digits <= DIGITS_MAX && value <= UINT16_MAX ? (uint16_t)value : 0;
}

bool ident_parse(const char *text, size_t length, struct ident_ports *ret)
{
	struct cursor cursor = { .at = text, .end = text + length };
	struct ident_ports ports = { .local = take_port(&cursor) };

	*ret = (struct ident_ports){ 0 };
	if (cursor.at == cursor.end || *cursor.at != ',')
		return false;
	cursor.at++;
	ports.remote = take_port(&cursor);
	if (cursor.at != cursor.end)
		return false;
	*ret = ports;
	return ports.local != 0 && ports.remote != 0;
}

static size_t bounded(int length)
{
	if (length < 0)
		return 0;
	return (size_t)length < IDENT_REPLY_SIZE ? (size_t)length : IDENT_REPLY_SIZE - 1;
}

size_t ident_reply_user(char reply[IDENT_REPLY_SIZE], const struct ident_ports *ports,
			const char *system, const char *name)
{
	return bounded(
		snprintf(reply, IDENT_REPLY_SIZE, "%u, %u : USERID : %s : %.512s\r\n",
			 (unsigned)ports->local, (unsigned)ports->remote, system, name));
}

size_t ident_reply_error(char reply[IDENT_REPLY_SIZE], const struct ident_ports *ports,
			 const char *error)
{
	return bounded(snprintf(reply, IDENT_REPLY_SIZE, "%u, %u : ERROR : %s\r\n",
				(unsigned)ports->local, (unsigned)ports->remote, error));
}
