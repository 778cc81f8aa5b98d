/* SPDX-License-Identifier: ISC */
/*
 * Numbers as administrators write them. All parsers are exact: the whole text must be
 * the number, decimal unless said otherwise (a leading zero is not octal), no sign
 * unless signed, ranges checked, nothing depends on the locale. They return 0, or
 * -EINVAL / -ERANGE with a sentence saying what was got and what was expected, and
 * leave the result untouched on failure.
 */
#ifndef USHERD_BASE_UNITS_H
#define USHERD_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "usherd/base/error.h"

#define UNITS_UNLIMITED UINT64_MAX
#define UNITS_TEXT_SIZE 32

/* Longest duration: a moment of the monotonic clock plus this never overflows. */
#define UNITS_DURATION_MAX ((uint64_t)INT64_MAX)

int units_parse_unsigned(const char *text, uint64_t min, uint64_t max, uint64_t *ret,
			 struct error *err);
int units_parse_signed(const char *text, int64_t min, int64_t max, int64_t *ret,
		       struct error *err);

/* A count: digits, or UNLIMITED in any case, which gives UNITS_UNLIMITED; digits never
 * do. */
int units_parse_count(const char *text, uint64_t *ret, struct error *err);

/* Bytes: digits with an optional K, M, G or T (powers of 1024, any case), or UNLIMITED.
 */
int units_parse_size(const char *text, uint64_t *ret, struct error *err);

/* Nanoseconds: one or more NUMBER UNIT pairs, units ms s m h d, largest first
 * (1h30m), none twice; a bare number is seconds. At most UNITS_DURATION_MAX. */
int units_parse_duration(const char *text, uint64_t *ret_ns, struct error *err);

/* yes/no, true/false, on/off in any case. */
int units_parse_boolean(const char *text, bool *ret, struct error *err);

/* Octal 0 to 07777. */
int units_parse_mode(const char *text, unsigned *ret, struct error *err);

/* The canonical form, which parses back to the same value: one number in the largest
 * unit that divides it (1536M, 90m, 10s). A duration is cut to milliseconds. */
void units_format_count(uint64_t value, char buffer[UNITS_TEXT_SIZE]);
void units_format_size(uint64_t bytes, char buffer[UNITS_TEXT_SIZE]);
void units_format_duration(uint64_t ns, char buffer[UNITS_TEXT_SIZE]);

#endif
