/* SPDX-License-Identifier: ISC */
/*
 * Looks at native configuration text before libconfuse 3.3 does. That library counts
 * lines wrongly after comments, takes the end of the file inside a section or a comment
 * for success, eats a bare '*' or '+', cuts a word at \0 and keeps its lexer state
 * after a bad escape. Here each of these is either repaired or refused with its line.
 *
 * This is no second parser: values are not looked into, names not looked up.
 */
#include "outline_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/text.h"

static void blank(struct scan *scan, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (scan->text[scan->position + i] != '\n')
			scan->text[scan->position + i] = ' ';
	scan->position += count;
}

static void scan_line_comment(struct scan *scan)
{
	const char *from = scan->text + scan->position;
	const char *end = memchr(from, '\n', scan->length - scan->position);
	blank(scan, end != NULL ? (size_t)(end - from) : scan->length - scan->position);
}

static void scan_block_comment(struct scan *scan)
{
	unsigned line = scan->line;
	const char *from = scan->text + scan->position;
	const char *end = memmem(from + 2, scan->length - scan->position - 2, "*/", 2);
	size_t count =
		end != NULL ? (size_t)(end - from) + 2 : scan->length - scan->position;
	for (size_t i = 0; i < count; i++)
		scan->line += from[i] == '\n';
	if (end == NULL)
		scan_complain(scan, line, "comment is never closed");
	blank(scan, count);
}

/*
 * After a backslash in double quotes libconfuse takes octal digits up to \377, and
 * leaves its lexer inside the string after anything else that begins with a digit. \0
 * in whatever spelling would end the word early.
 */
static bool escape_is_bad(const char *text)
{
	if (text[0] == 'x') {
		char digits[3] = { text[1], '\0', '\0' };
		if (isxdigit((unsigned char)digits[0]) &&
		    isxdigit((unsigned char)text[2]))
			digits[1] = text[2];
		return isxdigit((unsigned char)digits[0]) &&
		       strspn(digits, "0") == strlen(digits);
	}
	size_t digits = strspn(text, "0123456789");
	if (digits == 0)
		return false;
	unsigned value = 0;
	for (size_t i = 0; i < digits && i < 4; i++) {
		if (text[i] > '7')
			return true;
		value = value * 8 + (unsigned)(text[i] - '0');
	}
	return digits > 3 || value == 0 || value > 255;
}

/* For a message: as much as libconfuse would look at. */
static int escape_length(const char *text)
{
	size_t length = strspn(text, "0123456789");
	if (text[0] == 'x') {
		length = 1 + strspn(text + 1, "0123456789abcdefABCDEF");
		return length > 3 ? 3 : (int)length;
	}
	return length > 8 ? 8 : (int)length;
}

/* "${NAME}" or "${NAME:-default}" at the position: its length, 0 when it is not closed
 * on its line before @end. */
static size_t scan_variable(struct scan *scan, char end)
{
	const char *from = scan->text + scan->position;
	size_t length = strcspn(from, "}\n");
	if (from[length] != '}' || memchr(from, end, length) != NULL) {
		scan_complain(scan, scan->line, "'${' is not closed by a '}'");
		return 0;
	}
	if (memmem(from, length, ":-", 2) == NULL) {
		char name[WORD_TEXT_SIZE];
		size_t size = length - 2 < sizeof(name) ? length - 1 : sizeof(name);
		(void)snprintf(name, size, "%s", from + 2);
		if (getenv(name) == NULL)
			scan_complain(scan, scan->line,
				      "'%s' is not set in the environment; "
				      "'${%s:-value}' gives a default",
				      name, name);
	}
	return length + 1;
}

/* One step inside a double-quoted string. */
static void scan_quoted_byte(struct scan *scan)
{
	const char *from = scan->text + scan->position;
	size_t step = 1;
	if (from[0] == '\\') {
		if (escape_is_bad(from + 1))
			scan_complain(scan, scan->line,
				      "'\\%.*s' is no character: \\1 to \\377 (octal) or "
				      "\\x01 to \\xff expected",
				      escape_length(from + 1), from + 1);
		step = from[1] != '\n' && scan->position + 1 < scan->length ? 2 : 1;
	} else if (from[0] == '$' && from[1] == '{') {
		step = scan_variable(scan, '"');
		step = step == 0 ? 2 : step;
	}
	scan->position += step;
}

/* CRLF line ends are let through: the '\r' of an open string is not its fault. */
static void refuse_control(struct scan *scan, char byte)
{
	if (iscntrl((unsigned char)byte) && byte != '\t' && byte != '\r')
		scan_complain(scan, scan->line,
			      "control character 0x%02x must be written as \\x%02x",
			      (unsigned)(unsigned char)byte,
			      (unsigned)(unsigned char)byte);
}

static void scan_quoted(struct scan *scan)
{
	char quote = scan->text[scan->position];
	size_t start = scan->position++;
	while (scan->position < scan->length && scan_peek(scan, 0) != quote &&
	       scan_peek(scan, 0) != '\n') {
		refuse_control(scan, scan_peek(scan, 0));
		if (quote == '"')
			scan_quoted_byte(scan);
		else if (scan_peek(scan, 0) == '\\' && scan_peek(scan, 1) != '\n' &&
			 scan->position + 1 < scan->length)
			scan->position += 2;
		else
			scan->position++;
	}
	if (scan_peek(scan, 0) != quote) {
		scan_complain(scan, scan->line, "string is not closed on its line");
		outline_word(scan, start, true);
		return;
	}
	scan->position++;
	outline_word(scan, start, true);
	char next = scan_peek(scan, 0);
	if (next != '\0' && strchr(" \t\r\n={}+,#", next) == NULL)
		scan_complain(scan, scan->line, "a blank is missing after the string");
}

/* "${...}" as a whole word, which libconfuse knows. What is not closed swallows the rest
 * of its line, so that it costs one error. */
static void scan_bare_variable(struct scan *scan)
{
	size_t start = scan->position;
	size_t length = scan_variable(scan, '\n');
	if (length == 0)
		length = strcspn(scan->text + start, "\n");
	scan->position += length;
	outline_word(scan, start, true);
}

static bool ends_word(const struct scan *scan)
{
	char byte = scan_peek(scan, 0);
	return iscntrl((unsigned char)byte) || strchr(" #\"'={},", byte) != NULL ||
	       (byte == '+' && scan_peek(scan, 1) == '=');
}

/* Bytes that libconfuse would eat, or take for something else, depending on its version.
 * They are kept in the word, so that they cost one error. */
static bool is_odd(const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (strchr("*+()", word[i]) != NULL ||
		    (i > 0 && word[i] == '/' && word[i - 1] == '/') ||
		    (i > 0 && word[i] == '{' && word[i - 1] == '$'))
			return true;
	return false;
}

static void scan_word(struct scan *scan)
{
	struct word word = { .start = scan->position };
	const char *text = scan->text + word.start;
	if (text[0] == '$' && text[1] == '{') {
		scan_bare_variable(scan);
		if (!ends_word(scan))
			scan_complain(scan, scan->line,
				      "'${...}' inside a word must be in double quotes");
		return;
	}
	while (!ends_word(scan)) {
		scan->position++;
		if (scan_peek(scan, 0) == '{' && scan->text[scan->position - 1] == '$')
			scan->position +=
				strcspn(scan->text + scan->position, "} \t\r\n") + 1;
		if (scan->position > scan->length)
			scan->position = scan->length;
	}
	word.length = scan->position - word.start;
	char next = scan_peek(scan, 0);
	char buffer[WORD_TEXT_SIZE];
	if (is_odd(text, word.length))
		scan_complain(scan, scan->line, "'%s' must be inside quotes",
			      scan_word_text(scan, &word, buffer));
	else if (next == '"' || next == '\'')
		scan_complain(scan, scan->line,
			      "a quote inside the word '%s': quote all "
			      "of it",
			      scan_word_text(scan, &word, buffer));
	outline_word(scan, word.start, false);
}

static void scan_control(struct scan *scan, char byte)
{
	if (byte == '\r' && scan_peek(scan, 1) == '\n')
		scan->text[scan->position] = ' ';
	else
		scan_complain(scan, scan->line, "unexpected control character 0x%02x",
			      (unsigned)(unsigned char)byte);
	scan->position++;
}

/* True when the position was at punctuation, which is then behind it. */
static bool scan_punctuation(struct scan *scan, char byte)
{
	if (byte == '=' || (byte == '+' && scan_peek(scan, 1) == '=')) {
		scan->position += byte == '+' ? 2 : 1;
		outline_assignment(scan, byte == '+');
		return true;
	}
	if (byte == '{')
		outline_open(scan);
	else if (byte == '}')
		outline_close(scan);
	else if (byte == ',')
		outline_comma(scan);
	else
		return false;
	scan->position++;
	return true;
}

static void scan_token(struct scan *scan)
{
	char byte = scan_peek(scan, 0);
	char next = scan_peek(scan, 1);
	if (byte == '\n') {
		scan->line++;
		scan->position++;
	} else if (byte == ' ' || byte == '\t') {
		scan->position++;
	} else if (byte == '#' || (byte == '/' && next == '/')) {
		scan_line_comment(scan);
	} else if (byte == '/' && next == '*') {
		scan_block_comment(scan);
	} else if (byte == '"' || byte == '\'') {
		scan_quoted(scan);
	} else if (iscntrl((unsigned char)byte)) {
		scan_control(scan, byte);
	} else if (!scan_punctuation(scan, byte)) {
		scan_word(scan);
	}
}

int prescan(char *text, size_t length, const char *file, struct outline *ret,
	    struct diagnostics *diagnostics)
{
	*ret = (struct outline){ 0 };
	struct scan scan = { .text = text,
			     .length = length,
			     .line = 1,
			     .file = file,
			     .diagnostics = diagnostics,
			     .outline = ret,
			     .section = OUTLINE_TOP };
	while (scan.position < scan.length && scan.result != -ENOMEM)
		scan_token(&scan);
	if (scan.result != -ENOMEM)
		outline_end(&scan);
	return scan.result;
}
