/* SPDX-License-Identifier: ISC */
/* The parsers of single values: what they accept, they format so that it parses back to
 * the same value. The first byte chooses the parser. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/addr.h"
#include "usherd/base/prefix_words.h"
#include "usherd/base/units.h"
#include "usherd/log/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_count(const char *text)
{
	char buffer[UNITS_TEXT_SIZE];
	uint64_t value, again;

	if (units_parse_count(text, &value, NULL) < 0)
		return;
	units_format_count(value, buffer);
	assert(units_parse_count(buffer, &again, NULL) == 0 && again == value);
}

static void try_size(const char *text)
{
	char buffer[UNITS_TEXT_SIZE];
	uint64_t value, again;

	if (units_parse_size(text, &value, NULL) < 0)
		return;
	units_format_size(value, buffer);
	assert(units_parse_size(buffer, &again, NULL) == 0 && again == value);
}

static void try_duration(const char *text)
{
	char buffer[UNITS_TEXT_SIZE];
	uint64_t value, again;

	if (units_parse_duration(text, &value, NULL) < 0)
		return;
	units_format_duration(value, buffer);
	/* Finer than the units can say does not come from the parser. */
	assert(units_parse_duration(buffer, &again, NULL) == 0 && again == value);
}

static void try_others(const char *text)
{
	int64_t number;
	unsigned mode;
	bool yes;

	(void)units_parse_signed(text, -20, 19, &number, NULL);
	(void)units_parse_boolean(text, &yes, NULL);
	if (units_parse_mode(text, &mode, NULL) == 0)
		assert(mode <= 07777);
}

static void try_prefix(const char *text)
{
	char buffer[ADDR_TEXT_SIZE];
	struct prefix prefix, again;

	if (prefix_parse(text, &prefix, NULL) < 0)
		return;
	assert(prefix_parse(prefix_format(&prefix, buffer), &again, NULL) == 0);
	assert(prefix_equal(&prefix, &again));
}

static void try_word(const char *text)
{
	struct prefix found[PREFIX_WORD_MAX], again;
	char buffer[ADDR_TEXT_SIZE];
	size_t count = 0;

	for (int reading = PREFIX_EXACT; reading <= PREFIX_TRAILING_ZEROS; reading++) {
		if (prefix_parse_word(text, (enum prefix_reading)reading, found, &count,
				      NULL) < 0)
			continue;
		assert(count >= 1 && count <= PREFIX_WORD_MAX);
		for (size_t i = 0; i < count; i++) {
			assert(prefix_parse(prefix_format(&found[i], buffer), &again,
					    NULL) == 0);
			assert(prefix_equal(&found[i], &again));
		}
	}
}

static void try_address(const char *text)
{
	char buffer[ADDR_TEXT_SIZE];
	struct addr addr, again;

	if (addr_parse_ip(text, 7, &addr, NULL) < 0)
		return;
	assert(addr_parse_ip(addr_format_host(&addr, buffer), 7, &again, NULL) == 0);
	assert(addr_equal(&addr, &again));
}

static void try_path(const char *text)
{
	char buffer[ADDR_TEXT_SIZE];
	struct addr addr;

	if (addr_parse_unix(text, &addr, NULL) == 0)
		assert(strlen(addr_format(&addr, buffer)) < sizeof(buffer));
}

static void try_target(const char *text)
{
	struct log_target target = { 0 };
	struct log_target again = { 0 };
	char *formatted;

	if (log_target_parse(text, &target, NULL) < 0)
		return;
	formatted = log_target_format(&target);
	assert(formatted != NULL && log_target_parse(formatted, &again, NULL) == 0);
	assert(log_target_equal(&target, &again));
	free(formatted);
	log_target_done(&target);
	log_target_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(const char *) = {
		try_count,   try_size, try_duration, try_others, try_prefix,
		try_address, try_path, try_target,   try_word
	};
	char text[512];

	if (size < 1 || size > sizeof(text))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	parsers[data[0] % (sizeof(parsers) / sizeof(parsers[0]))](text);
	return 0;
}
