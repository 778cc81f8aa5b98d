/* SPDX-License-Identifier: ISC */
/* What may be said and what one may be called. Pure. */
#include <ctype.h>
#include <string.h>

#include "chat.h"

/* Code points that make a terminal do something other than show a character, or show
 * text where it does not stand. */
static const struct {
	uint32_t first, last;
} unwanted[] = {
	{ 0x0000, 0x001f },   /* C0 */
	{ 0x007f, 0x009f },   /* DEL, C1 */
	{ 0x061c, 0x061c },   /* direction */
	{ 0x200e, 0x200f },   /* likewise */
	{ 0x2028, 0x202e },   /* line and paragraph, direction */
	{ 0x2060, 0x206f },   /* invisible formatting, direction */
	{ 0xfeff, 0xfeff },   /* byte order mark */
	{ 0xfff9, 0xfffb },   /* annotations */
	{ 0xe0000, 0xe0fff }, /* tags */
};

static bool is_unwanted(uint32_t point)
{
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
		if (point >= unwanted[i].first && point <= unwanted[i].last)
			return true;
	return false;
}

/* RFC 3629: how long the sequences are, and what each length begins with. */
static const struct {
	uint8_t mask, lead;
	uint32_t least; /* shorter ones stand for what is below */
} forms[] = {
	{ 0x80, 0x00, 0x0000 },
	{ 0xe0, 0xc0, 0x0080 },
	{ 0xf0, 0xe0, 0x0800 },
	{ 0xf8, 0xf0, 0x10000 },
};

/* The length of the valid sequence at @bytes, with its code point; 0 if there is none. */
static size_t decode(const uint8_t *bytes, size_t size, uint32_t *ret)
{
	size_t form = 0;
	uint32_t point;

	while (form < 4 && (bytes[0] & forms[form].mask) != forms[form].lead)
		form++;
	if (form == 4 || form >= size)
		return 0;
	point = (uint32_t)bytes[0] & (uint8_t)~forms[form].mask;
	for (size_t i = 1; i <= form; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (bytes[i] & 0x3f);
	}
	if (point < forms[form].least || point > 0x10ffff ||
	    (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret = point;
	return form + 1;
}

size_t chat_clean(char *text, size_t length)
{
	size_t kept = 0;
	size_t count;

	for (size_t at = 0; at < length; at += count) {
		uint32_t point = 0;

		count = decode((const uint8_t *)text + at, length - at, &point);
		if (count == 0) {
			text[kept++] = '?';
			count = 1;
		} else if (point == '\t') {
			text[kept++] = ' ';
		} else if (!is_unwanted(point)) {
			memmove(text + kept, text + at, count);
			kept += count;
		}
	}
	text[kept] = '\0';
	return kept;
}

char *chat_trim(char *text)
{
	size_t length;

	text += strspn(text, " ");
	length = strlen(text);
	while (length > 0 && text[length - 1] == ' ')
		length--;
	text[length] = '\0';
	return text;
}

/* ASCII only: names that look alike must not be different names. */
bool chat_nick_is_good(const char *nick, size_t length)
{
	if (length < 1 || length > CHAT_NICK_MAX || nick[0] == '/')
		return false;
	for (size_t i = 0; i < length; i++)
		if (nick[i] <= 0x20 || nick[i] >= 0x7f)
			return false;
	return true;
}

void chat_fold(const char *nick, char folded[CHAT_NICK_MAX + 1])
{
	size_t i;

	for (i = 0; i < CHAT_NICK_MAX && nick[i] != '\0'; i++)
		folded[i] = (char)tolower((unsigned char)nick[i]);
	folded[i] = '\0';
}
