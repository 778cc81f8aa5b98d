/* SPDX-License-Identifier: ISC */
/* Numbers written: the canonical form, and that it reads back as the same value. */
#include "test.h"

#include "usherd/base/clock.h"
#include "usherd/base/units.h"

#define UNTOUCHED UINT64_C(424242)
#define SECOND    CLOCK_NS_PER_SECOND

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void writes_one_number_in_the_largest_unit(void **state)
{
	char text[UNITS_TEXT_SIZE];

	(void)state;
	units_format_count(0, text);
	assert_string_equal(text, "0");
	units_format_count(UINT64_MAX - 1, text);
	assert_string_equal(text, "18446744073709551614");
	units_format_count(UNITS_UNLIMITED, text);
	assert_string_equal(text, "UNLIMITED");
	units_format_size(0, text);
	assert_string_equal(text, "0");
	units_format_size(1023, text);
	assert_string_equal(text, "1023");
	units_format_size(UINT64_C(1536) << 20, text);
	assert_string_equal(text, "1536M");
	units_format_size(UINT64_C(2) << 40, text);
	assert_string_equal(text, "2T");
	units_format_size(UNITS_UNLIMITED, text);
	assert_string_equal(text, "UNLIMITED");
	units_format_duration(0, text);
	assert_string_equal(text, "0");
	units_format_duration(5400 * SECOND, text);
	assert_string_equal(text, "90m");
	units_format_duration(10 * SECOND, text);
	assert_string_equal(text, "10s");
	units_format_duration(2 * 86400 * SECOND, text);
	assert_string_equal(text, "2d");
	units_format_duration(1500 * CLOCK_NS_PER_MS, text);
	assert_string_equal(text, "1500ms");
}

static void cuts_durations_to_milliseconds(void **state)
{
	char text[UNITS_TEXT_SIZE];

	(void)state;
	units_format_duration(1, text);
	assert_string_equal(text, "0");
	units_format_duration(1999999, text);
	assert_string_equal(text, "1ms");
	units_format_duration(UINT64_MAX, text);
	assert_string_equal(text, "18446744073709ms");
}

static void what_is_written_reads_back_as_the_same(void **state)
{
	uint64_t seed = 20240229;
	char text[UNITS_TEXT_SIZE];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t value = next_random(&seed);
		uint64_t back = UNTOUCHED;

		value = (value >> (value % 64)) << (next_random(&seed) % 44);
		units_format_size(value, text);
		assert_int_equal(units_parse_size(text, &back, NULL), 0);
		assert_true(back == value);
		units_format_count(value, text);
		assert_int_equal(units_parse_count(text, &back, NULL), 0);
		assert_true(back == value);
		value = value % (UNITS_DURATION_MAX / CLOCK_NS_PER_MS) * CLOCK_NS_PER_MS;
		units_format_duration(value, text);
		assert_int_equal(units_parse_duration(text, &back, NULL), 0);
		assert_true(back == value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_one_number_in_the_largest_unit),
		cmocka_unit_test(cuts_durations_to_milliseconds),
		cmocka_unit_test(what_is_written_reads_back_as_the_same),
	};

	return cmocka_run_group_tests_name("base/units_format", tests, NULL, NULL);
}
