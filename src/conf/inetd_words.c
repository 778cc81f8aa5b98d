/* SPDX-License-Identifier: ISC */
/* Lines of inetd.conf into words, in place. Knows nothing of what they mean. */
#include <stdlib.h>
#include <string.h>

#include "inetd_internal.h"

static bool ends_word(char byte, bool pairs)
{
	if (byte == '\0' || strchr(INETD_BLANKS "\r\n", byte) != NULL)
		return true;
	return pairs && strchr(",;#=", byte) != NULL;
}

static int hex_digit(char byte)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = byte != '\0' ? strchr(digits, byte | 0x20) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

/* What stands behind a backslash; steps over it. What is unknown stands for itself. */
static char take_escape(char **from)
{
	static const char names[] = "ntr";
	static const char bytes[] = "\n\t\r";
	const char *known = strchr(names, **from);
	char byte = *(*from)++;

	if (known != NULL && byte != '\0')
		return bytes[known - names];
	if (byte == 'x') {
		int high = hex_digit((*from)[0]);
		int low = high >= 0 ? hex_digit((*from)[1]) : -1;

		if (low < 0)
			return byte;
		*from += 2;
		return (char)(high * 16 + low);
	}
	return byte;
}

/* From behind the opening quote to behind the closing one. */
static bool take_quoted(char **from, char **to, char quote, bool pairs)
{
	while (**from != '\0' && **from != '\n') {
		char byte = *(*from)++;

		if (byte == quote)
			return true;
		if (byte == '\\' && pairs && **from != '\0' && **from != '\n')
			byte = take_escape(from);
		*(*to)++ = byte;
	}
	return false;
}

static bool is_quote(char byte)
{
	return byte == '"' || byte == '\'';
}

bool inetd_take_word(char **cursor, bool pairs, char **ret_word, char *ret_stop)
{
	char *from = *cursor + strspn(*cursor, INETD_BLANKS);
	char *to = from;
	bool quotable = true;
	bool closed = true;

	*ret_word = from;
	while (closed && !ends_word(*from, pairs)) {
		if (is_quote(*from) && quotable) {
			char quote = *from++;

			closed = take_quoted(&from, &to, quote, pairs);
		} else {
			*to++ = *from++;
		}
		quotable = pairs;
	}
	*ret_stop = *from;
	*cursor = *from != '\0' ? from + 1 : from;
	*to = '\0';
	return closed;
}

char *inetd_skip_line(char *at)
{
	char *end = strchr(at, '\n');

	return end != NULL ? end + 1 : NULL;
}

static bool word_is(const char *word, size_t length, const char *const *known)
{
	for (; *known != NULL; known++)
		if (strlen(*known) == length && strncmp(*known, word, length) == 0)
			return true;
	return false;
}

/* The second word of the line, and its length. */
static const char *second_word(const char *line, size_t *ret_length)
{
	const char *word = line + strspn(line, INETD_BLANKS);

	word += strcspn(word, INETD_BLANKS "\r\n");
	word += strspn(word, INETD_BLANKS);
	*ret_length = strcspn(word, INETD_BLANKS "\r\n,:/");
	return word;
}

bool inetd_begins_pairs(const char *line)
{
	static const char *const switches[] = { "on", "off", NULL };
	size_t length;
	const char *word = second_word(line, &length);

	return word_is(word, length, switches);
}

bool inetd_begins_entry(const char *line)
{
	static const char *const types[] = { "stream", "dgram",     "raw",
					     "rdm",    "seqpacket", NULL };
	size_t length;
	const char *word = second_word(line, &length);

	return line[0] == '.' || word_is(word, length, types) || inetd_begins_pairs(line);
}
