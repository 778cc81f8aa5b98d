/* SPDX-License-Identifier: ISC */
/* When clients are taken: the times of the day, the load, and for how long not; both
 * ways. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "usherd/base/clock.h"
#include "usherd/base/text.h"
#include "usherd/base/units.h"
#include "usherd/model/policy.h"
#include "value_internal.h"

#define MINUTES_PER_HOUR 60
#define HOURS_PER_DAY    24

/* Digits after the point of a load. */
#define LOAD_DIGITS 6
#define LOAD_MAX    UINT64_C(1000000)

static int parse_digits(const char **text, unsigned *ret)
{
	size_t digits = strspn(*text, "0123456789");

	if (digits < 1 || digits > 2)
		return -EINVAL;
	*ret = (unsigned)strtoul(*text, NULL, 10);
	*text += digits;
	return 0;
}

/* "H:M" with one or two digits each, up to what follows it; 24:00 is the end of the day.
 */
static int parse_minute(const char **text, char end, uint16_t *ret)
{
	unsigned hour, minute;

	if (parse_digits(text, &hour) < 0 || **text != ':')
		return -EINVAL;
	(*text)++;
	if (parse_digits(text, &minute) < 0 || **text != end ||
	    minute >= MINUTES_PER_HOUR || hour > HOURS_PER_DAY)
		return -EINVAL;
	*ret = (uint16_t)(hour * MINUTES_PER_HOUR + minute);
	return *ret > POLICY_MINUTES_PER_DAY ? -EINVAL : 0;
}

static int parse_span(const char *value, struct day_span *ret, struct error *err)
{
	struct day_span span = { 0 };
	const char *at = value;
	char shown[64];
	int r = parse_minute(&at, '-', &span.first);

	if (r == 0) {
		at++;
		r = parse_minute(&at, '\0', &span.last);
	}
	if (r < 0 || span.first == POLICY_MINUTES_PER_DAY)
		return error_set(err, -EINVAL,
				 "'%s' is no span of the day such as 8:00-17:30",
				 text_escape(shown, sizeof(shown), value));
	if (span.first == span.last)
		return error_set(err, -EINVAL, "'%s' ends when it begins",
				 text_escape(shown, sizeof(shown), value));
	*ret = span;
	return 0;
}

VALUE_PARSER(access_times)
{
	struct policy *policy = (void *)((char *)object + attribute->offset);
	struct day_span *spans;
	int r = 0;

	if (values->count == 0)
		return error_set(err, -EINVAL, "the list is empty");
	spans = calloc(values->count, sizeof(*spans));
	if (spans == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < values->count && r == 0; i++)
		r = parse_span(values->items[i], &spans[i], err);
	if (r < 0) {
		free(spans);
		return r;
	}
	free(policy->access_times);
	policy->access_times = spans;
	policy->access_time_count = values->count;
	return 0;
}

VALUE_FORMATTER(access_times)
{
	const struct policy *policy =
		(const void *)((const char *)object + attribute->offset);

	for (size_t i = 0; i < policy->access_time_count; i++) {
		const struct day_span *span = &policy->access_times[i];
		char buffer[UNITS_TEXT_SIZE];

		(void)snprintf(
			buffer, sizeof(buffer), "%d:%02d-%d:%02d",
			span->first / MINUTES_PER_HOUR, span->first % MINUTES_PER_HOUR,
			span->last / MINUTES_PER_HOUR, span->last % MINUTES_PER_HOUR);
		if (strings_add(ret, buffer) < 0)
			return -ENOMEM;
	}
	return policy->access_time_count > 0;
}

/* "2", "2.5", ".5": not by strtod(3), whose point is the locale's. -EINVAL for anything
 * else. */
static int read_load(const char *text, uint64_t *ret)
{
	size_t whole = strspn(text, "0123456789");
	const char *fraction = text[whole] == '.' ? text + whole + 1 : text + whole;
	size_t digits = strspn(fraction, "0123456789");
	uint64_t load = 0;

	if (fraction[digits] != '\0' || whole + digits == 0 || digits > LOAD_DIGITS)
		return -EINVAL;
	for (size_t i = 0; i < whole && load <= LOAD_MAX; i++)
		load = load * 10 + (uint64_t)(text[i] - '0');
	if (load > LOAD_MAX)
		return -ERANGE;
	for (size_t i = 0; i < LOAD_DIGITS; i++)
		load = load * 10 + (i < digits ? (uint64_t)(fraction[i] - '0') : 0);
	*ret = load;
	return 0;
}

VALUE_PARSER(load)
{
	uint64_t *load = (void *)((char *)object + attribute->offset);
	const char *value = values->items[0];
	char shown[64];
	uint64_t parsed;
	int r;

	if (strcasecmp(value, "UNLIMITED") == 0) {
		*load = 0;
		return 0;
	}
	r = read_load(value, &parsed);
	if (r == -ERANGE)
		return error_set(err, -ERANGE,
				 "'%s' is out of range: at most %" PRIu64 " expected",
				 text_escape(shown, sizeof(shown), value), LOAD_MAX);
	if (r < 0)
		return error_set(err, -EINVAL, "'%s' is no load such as 2.5",
				 text_escape(shown, sizeof(shown), value));
	if (parsed == 0)
		return error_set(err, -EINVAL,
				 "a load of 0 would refuse everybody; UNLIMITED is the "
				 "word for no limit");
	*load = parsed;
	return 0;
}

VALUE_FORMATTER(load)
{
	uint64_t load = *(const uint64_t *)(const void *)((const char *)object +
							  attribute->offset);
	char buffer[UNITS_TEXT_SIZE] = "UNLIMITED";

	if (load > 0) {
		int length = snprintf(buffer, sizeof(buffer), "%" PRIu64 ".%0*" PRIu64,
				      load / POLICY_LOAD_UNIT, LOAD_DIGITS,
				      load % POLICY_LOAD_UNIT);

		while (buffer[length - 1] == '0')
			buffer[--length] = '\0';
		if (buffer[length - 1] == '.')
			buffer[--length] = '\0';
	}
	return strings_add(ret, buffer) < 0 ? -ENOMEM : 1;
}

#define NS_PER_MINUTE (60 * CLOCK_NS_PER_SECOND)

/* A number alone is minutes, as in xinetd; with a unit it is a duration as everywhere. */
VALUE_PARSER(deny_time)
{
	uint64_t *deny_ns = (void *)((char *)object + attribute->offset);
	const char *value = values->items[0];
	char shown[64];
	uint64_t minutes;
	int r;

	if (strcasecmp(value, "FOREVER") == 0) {
		*deny_ns = UINT64_MAX;
		return 0;
	}
	if (strcasecmp(value, "NEVER") == 0) {
		*deny_ns = 0;
		return 0;
	}
	if (value[strspn(value, "0123456789")] != '\0') {
		r = units_parse_duration(value, deny_ns, NULL);
		return r == 0 ? 0
			      : error_set(err, r,
					  "expected FOREVER, NEVER, a number of minutes "
					  "or a duration such as 90s, got '%s'",
					  text_escape(shown, sizeof(shown), value));
	}
	r = units_parse_unsigned(value, 0, UNITS_DURATION_MAX / NS_PER_MINUTE, &minutes,
				 err);
	if (r == 0)
		*deny_ns = minutes * NS_PER_MINUTE;
	return r;
}

VALUE_FORMATTER(deny_time)
{
	uint64_t deny_ns = *(const uint64_t *)(const void *)((const char *)object +
							     attribute->offset);
	char buffer[UNITS_TEXT_SIZE] = "FOREVER";

	if (deny_ns == 0)
		(void)text_copy(buffer, sizeof(buffer), "NEVER");
	else if (deny_ns != UINT64_MAX)
		units_format_duration(deny_ns, buffer);
	return strings_add(ret, buffer) < 0 ? -ENOMEM : 1;
}
