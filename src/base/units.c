/* SPDX-License-Identifier: ISC */
/*
 * Numbers as administrators write them, both ways. strtoull(3) is not used: it takes
 * signs, leading space and the locale's digits. Names (users, ports, signals) are not
 * numbers and are looked up elsewhere.
 */
#include "usherd/base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "usherd/base/clock.h"
#include "usherd/base/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SHOWN_SIZE      64 /* of the refused text in a message */
#define OCTAL_MODE_MAX  07777

struct scale {
	const char *name;
	uint64_t factor;
};

/* Both largest first. */
static const struct scale sizes[] = {
	{ "T", UINT64_C(1) << 40 },
	{ "G", UINT64_C(1) << 30 },
	{ "M", UINT64_C(1) << 20 },
	{ "K", UINT64_C(1) << 10 },
};

static const struct scale durations[] = {
	{ "d", 86400 * CLOCK_NS_PER_SECOND },
	{ "h", 3600 * CLOCK_NS_PER_SECOND },
	{ "m", 60 * CLOCK_NS_PER_SECOND },
	{ "s", CLOCK_NS_PER_SECOND },
	{ "ms", CLOCK_NS_PER_MS },
};

/* -EINVAL: the text is not of the right kind. */
static int refuse(struct error *err, const char *text, const char *expected)
{
	char shown[SHOWN_SIZE];

	return error_set(err, -EINVAL, "expected %s, got '%s'", expected,
			 text_escape(shown, sizeof(shown), text));
}

/* -ERANGE: the text is of the right kind and too large or too small. */
static int refuse_range(struct error *err, const char *text, const char *range)
{
	char shown[SHOWN_SIZE];

	return error_set(err, -ERANGE, "'%s' is out of range, expected %s",
			 text_escape(shown, sizeof(shown), text), range);
}

/*
 * Read the digits at *cursor and step past them. 0, -EINVAL when there is none, -ERANGE
 * when they do not fit (they are stepped past all the same).
 */
static int scan_digits(const char **cursor, uint64_t *ret)
{
	uint64_t value = 0;
	int result = 0;

	if (**cursor < '0' || **cursor > '9')
		return -EINVAL;
	for (; **cursor >= '0' && **cursor <= '9'; (*cursor)++) {
		uint64_t digit = (uint64_t)(**cursor - '0');

		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			result = -ERANGE;
	}
	if (result == 0)
		*ret = value;
	return result;
}

/* The whole of @text as digits. */
static int scan_number(const char *text, uint64_t *ret)
{
	const char *cursor = text;
	uint64_t value = 0;
	int result = scan_digits(&cursor, &value);

	if (*cursor != '\0')
		return -EINVAL;
	if (result == 0)
		*ret = value;
	return result;
}

int units_parse_unsigned(const char *text, uint64_t min, uint64_t max, uint64_t *ret,
			 struct error *err)
{
	char range[64];
	uint64_t value = 0;
	int result = scan_number(text, &value);

	(void)snprintf(range, sizeof(range), "a number from %" PRIu64 " to %" PRIu64, min,
		       max);
	if (result == -EINVAL)
		return refuse(err, text, range);
	if (result != 0 || value < min || value > max)
		return refuse_range(err, text, range);
	*ret = value;
	return 0;
}

int units_parse_signed(const char *text, int64_t min, int64_t max, int64_t *ret,
		       struct error *err)
{
	bool negative = text[0] == '-';
	bool sign = negative || text[0] == '+';
	uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	uint64_t magnitude = 0;
	char range[64];
	int64_t value;
	int result = scan_number(text + (sign ? 1 : 0), &magnitude);

	(void)snprintf(range, sizeof(range), "a number from %" PRId64 " to %" PRId64, min,
		       max);
	if (result == -EINVAL)
		return refuse(err, text, range);
	if (result != 0 || magnitude > limit)
		return refuse_range(err, text, range);
	/* Negated without passing through +2^63, which int64_t does not have. */
	value = negative && magnitude > 0 ? -(int64_t)(magnitude - 1) - 1
					  : (int64_t)magnitude;
	if (value < min || value > max)
		return refuse_range(err, text, range);
	*ret = value;
	return 0;
}

int units_parse_count(const char *text, uint64_t *ret, struct error *err)
{
	uint64_t value = 0;
	int result;

	if (strcasecmp(text, "UNLIMITED") == 0) {
		*ret = UNITS_UNLIMITED;
		return 0;
	}
	result = scan_number(text, &value);
	if (result == -EINVAL)
		return refuse(err, text, "a number or UNLIMITED");
	/* A number never means UNLIMITED. */
	if (result != 0 || value == UNITS_UNLIMITED)
		return refuse_range(err, text, "less than 2^64 - 1 or UNLIMITED");
	*ret = value;
	return 0;
}

/* The factor that the rest of a size stands for; 0 when it is none. */
static uint64_t size_factor(const char *suffix)
{
	if (*suffix == '\0')
		return 1;
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		if (strcasecmp(suffix, sizes[i].name) == 0)
			return sizes[i].factor;
	return 0;
}

int units_parse_size(const char *text, uint64_t *ret, struct error *err)
{
	const char *cursor = text;
	uint64_t value = 0;
	uint64_t factor;
	int result;

	if (strcasecmp(text, "UNLIMITED") == 0) {
		*ret = UNITS_UNLIMITED;
		return 0;
	}
	result = scan_digits(&cursor, &value);
	factor = size_factor(cursor);
	if (result == -EINVAL || factor == 0)
		return refuse(err, text,
			      "bytes with an optional K, M, G or T, "
			      "or UNLIMITED");
	if (result != 0 || __builtin_mul_overflow(value, factor, &value) ||
	    value == UNITS_UNLIMITED)
		return refuse_range(err, text, "less than 2^64 - 1 bytes or UNLIMITED");
	*ret = value;
	return 0;
}

/* Step past the unit at *cursor. Returns its place in durations[], or the number of
 * places when there is none. A bare number counts as seconds. */
static size_t scan_duration_unit(const char **cursor)
{
	size_t length = strcspn(*cursor, "0123456789");

	for (size_t i = 0; i < COUNT_OF(durations); i++) {
		if (strlen(durations[i].name) == length &&
		    strncmp(*cursor, durations[i].name, length) == 0) {
			*cursor += length;
			return i;
		}
	}
	return COUNT_OF(durations);
}

/* One or more NUMBER UNIT pairs, each unit smaller than the one before. */
static int scan_pairs(const char *text, uint64_t *ret_ns)
{
	const char *cursor = text;
	uint64_t total = 0;
	size_t next = 0;
	bool fits = true;

	do {
		uint64_t value = 0;
		int result = scan_digits(&cursor, &value);
		size_t unit = scan_duration_unit(&cursor);

		if (result == -EINVAL || unit == COUNT_OF(durations) || unit < next)
			return -EINVAL;
		next = unit + 1;
		if (result != 0 ||
		    __builtin_mul_overflow(value, durations[unit].factor, &value) ||
		    __builtin_add_overflow(total, value, &total))
			fits = false;
	} while (*cursor != '\0');
	if (!fits)
		return -ERANGE;
	*ret_ns = total;
	return 0;
}

int units_parse_duration(const char *text, uint64_t *ret_ns, struct error *err)
{
	uint64_t value = 0;
	int result = scan_number(text, &value);

	if (result == -EINVAL)
		result = scan_pairs(text, &value);
	else if (result == 0 &&
		 __builtin_mul_overflow(value, CLOCK_NS_PER_SECOND, &value))
		result = -ERANGE;
	if (result == -EINVAL)
		return refuse(err, text, "a duration such as 90, 500ms or 1h30m");
	if (result != 0 || value > UNITS_DURATION_MAX)
		return refuse_range(err, text, "less than 292 years");
	*ret_ns = value;
	return 0;
}

int units_parse_boolean(const char *text, bool *ret, struct error *err)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "yes", true },    { "no", false }, { "true", true },
		{ "false", false }, { "on", true },  { "off", false },
	};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			*ret = words[i].value;
			return 0;
		}
	}
	return refuse(err, text, "yes or no");
}

int units_parse_mode(const char *text, unsigned *ret, struct error *err)
{
	unsigned value = 0;

	if (text[0] == '\0' || text[strspn(text, "01234567")] != '\0')
		return refuse(err, text, "an octal mode from 0 to 07777");
	for (const char *digit = text; *digit != '\0'; digit++) {
		value = value * 8 + (unsigned)(*digit - '0');
		if (value > OCTAL_MODE_MAX)
			return refuse_range(err, text, "an octal mode from 0 to 07777");
	}
	*ret = value;
	return 0;
}

/* In the largest of @count scales that divides @value, or else in @smallest. */
static void format_scaled(uint64_t value, const struct scale *scales, size_t count,
			  const struct scale *smallest, char buffer[UNITS_TEXT_SIZE])
{
	const struct scale *chosen = smallest;

	for (size_t i = 0; i < count && value != 0; i++) {
		if (value % scales[i].factor == 0) {
			chosen = &scales[i];
			break;
		}
	}
	(void)snprintf(buffer, UNITS_TEXT_SIZE, "%" PRIu64 "%s", value / chosen->factor,
		       chosen->name);
}

void units_format_count(uint64_t value, char buffer[UNITS_TEXT_SIZE])
{
	if (value == UNITS_UNLIMITED)
		(void)snprintf(buffer, UNITS_TEXT_SIZE, "UNLIMITED");
	else
		(void)snprintf(buffer, UNITS_TEXT_SIZE, "%" PRIu64, value);
}

void units_format_size(uint64_t bytes, char buffer[UNITS_TEXT_SIZE])
{
	static const struct scale byte = { "", 1 };

	if (bytes == UNITS_UNLIMITED)
		units_format_count(bytes, buffer);
	else
		format_scaled(bytes, sizes, COUNT_OF(sizes), &byte, buffer);
}

void units_format_duration(uint64_t ns, char buffer[UNITS_TEXT_SIZE])
{
	const struct scale *ms = &durations[COUNT_OF(durations) - 1];

	if (ns / ms->factor == 0)
		(void)snprintf(buffer, UNITS_TEXT_SIZE, "0");
	else
		format_scaled(ns, durations, COUNT_OF(durations), ms, buffer);
}
