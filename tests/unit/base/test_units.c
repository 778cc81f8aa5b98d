/* SPDX-License-Identifier: ISC */
/* Numbers read: what is refused and with which code, the edges of every range. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/base/units.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define UNTOUCHED       UINT64_C(424242)
#define SECOND          CLOCK_NS_PER_SECOND

struct sample {
	const char *text;
	int result;
	uint64_t value;
};

typedef int parser(const char *text, uint64_t *ret, struct error *err);

/* Every sample with and without an error; what fails leaves the result alone. */
static void check_samples(parser *parse, const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = UNTOUCHED;
		struct error err = { 0 };
		int result = parse(samples[i].text, &value, &err);

		if (result != samples[i].result)
			fail_msg("'%s' gives %d", samples[i].text, result);
		if (value != (result == 0 ? samples[i].value : UNTOUCHED))
			fail_msg("'%s' gives the value %llu", samples[i].text,
				 (unsigned long long)value);
		assert_int_equal(err.code, result);
		assert_int_equal(err.text[0] == '\0', result == 0);
		assert_int_equal(parse(samples[i].text, &value, NULL), result);
	}
}

static int parse_any(const char *text, uint64_t *ret, struct error *err)
{
	return units_parse_unsigned(text, 0, UINT64_MAX, ret, err);
}

static int parse_port(const char *text, uint64_t *ret, struct error *err)
{
	return units_parse_unsigned(text, 1, 65535, ret, err);
}

static void reads_unsigned_numbers_exactly(void **state)
{
	static const struct sample samples[] = {
		{ "0", 0, 0 },
		{ "021", 0, 21 },
		{ "00000000000000000000000000000009", 0, 9 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18446744073709551620", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "-0", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1,000", -EINVAL, 0 },
		{ "ftp", -EINVAL, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
		{ "\xd9\xa1", -EINVAL, 0 }, /* an Arabic digit */
	};

	(void)state;
	check_samples(parse_any, samples, COUNT_OF(samples));
}

static void rejects_what_is_out_of_range(void **state)
{
	static const struct sample samples[] = {
		{ "0", -ERANGE, 0 },     { "1", 0, 1 },          { "65535", 0, 65535 },
		{ "65536", -ERANGE, 0 }, { "065535", 0, 65535 },
	};

	(void)state;
	check_samples(parse_port, samples, COUNT_OF(samples));
}

static void says_what_was_got_and_what_was_expected(void **state)
{
	struct error err = { 0 };
	uint64_t value;

	(void)state;
	(void)parse_port("0", &value, &err);
	assert_string_equal(err.text,
			    "'0' is out of range, expected a number from 1 to 65535");
	(void)parse_port("f'tp\n", &value, &err);
	assert_string_equal(err.text,
			    "expected a number from 1 to 65535, got 'f\\'tp\\n'");
}

static void a_very_long_word_does_not_fill_the_message(void **state)
{
	char word[1000];
	struct error err = { 0 };
	uint64_t value;

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(parse_any(word, &value, &err), -EINVAL);
	assert_true(strlen(err.text) < 160);
}

static void reads_signed_numbers_to_both_ends(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} samples[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "+7", 0, 7 },
		{ "-7", 0, -7 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "-99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "+", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "+-1", -EINVAL, 0 },
		{ "- 1", -EINVAL, 0 },
		{ "1-", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		int64_t value = 42;
		struct error err = { 0 };
		int result = units_parse_signed(samples[i].text, INT64_MIN, INT64_MAX,
						&value, &err);

		assert_int_equal(result, samples[i].result);
		assert_true(value == (result == 0 ? samples[i].value : 42));
		assert_int_equal(err.code, result);
	}
}

static void checks_the_range_of_signed_numbers(void **state)
{
	struct error err = { 0 };
	int64_t value = 42;

	(void)state;
	assert_int_equal(units_parse_signed("-20", -20, 19, &value, &err), 0);
	assert_true(value == -20);
	assert_int_equal(units_parse_signed("19", -20, 19, &value, &err), 0);
	assert_int_equal(units_parse_signed("-21", -20, 19, &value, &err), -ERANGE);
	assert_int_equal(units_parse_signed("20", -20, 19, &value, &err), -ERANGE);
	assert_true(value == 19);
	assert_string_equal(err.text,
			    "'20' is out of range, expected a number from -20 to 19");
}

static void digits_never_mean_unlimited(void **state)
{
	static const struct sample samples[] = {
		{ "UNLIMITED", 0, UNITS_UNLIMITED },
		{ "unlimited", 0, UNITS_UNLIMITED },
		{ "UnLimited", 0, UNITS_UNLIMITED },
		{ "0", 0, 0 },
		{ "18446744073709551614", 0, UINT64_MAX - 1 },
		{ "18446744073709551615", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "UNLIMITED ", -EINVAL, 0 },
		{ "UNLIMIT", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "1K", -EINVAL, 0 },
	};

	(void)state;
	check_samples(units_parse_count, samples, COUNT_OF(samples));
}

static void reads_sizes_in_powers_of_1024(void **state)
{
	static const struct sample samples[] = {
		{ "0", 0, 0 },
		{ "0T", 0, 0 },
		{ "1", 0, 1 },
		{ "1k", 0, 1024 },
		{ "1K", 0, 1024 },
		{ "010K", 0, 10240 },
		{ "256M", 0, UINT64_C(256) << 20 },
		{ "4g", 0, UINT64_C(4) << 30 },
		{ "1T", 0, UINT64_C(1) << 40 },
		{ "16777215T", 0, UINT64_C(16777215) << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "18014398509481984K", -ERANGE, 0 },
		{ "18446744073709551614", 0, UINT64_MAX - 1 },
		{ "18446744073709551615", -ERANGE, 0 },
		{ "99999999999999999999K", -ERANGE, 0 },
		{ "unlimited", 0, UNITS_UNLIMITED },
		{ "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "1KB", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 },
		{ "1K ", -EINVAL, 0 },
		{ "1P", -EINVAL, 0 },
		{ "1.5M", -EINVAL, 0 },
		{ "-1K", -EINVAL, 0 },
		{ "1K1", -EINVAL, 0 },
	};

	(void)state;
	check_samples(units_parse_size, samples, COUNT_OF(samples));
}

static void reads_durations_largest_unit_first(void **state)
{
	static const struct sample samples[] = {
		{ "0", 0, 0 },
		{ "0ms", 0, 0 },
		{ "90", 0, 90 * SECOND },
		{ "010", 0, 10 * SECOND },
		{ "500ms", 0, 500 * CLOCK_NS_PER_MS },
		{ "30s", 0, 30 * SECOND },
		{ "5m", 0, 300 * SECOND },
		{ "1h30m", 0, 5400 * SECOND },
		{ "1d2h3m4s5ms", 0, 93784 * SECOND + 5 * CLOCK_NS_PER_MS },
		{ "1m90s", 0, 150 * SECOND },
		{ "1d1ms", 0, 86400 * SECOND + CLOCK_NS_PER_MS },
		{ "9223372036", 0, 9223372036 * SECOND },
		{ "9223372037", -ERANGE, 0 },
		{ "9223372036854ms", 0, 9223372036854 * CLOCK_NS_PER_MS },
		{ "9223372036855ms", -ERANGE, 0 },
		{ "106751d", 0, UINT64_C(106751) * 86400 * SECOND },
		{ "106752d", -ERANGE, 0 },
		{ "213503d24h", -ERANGE, 0 },
		{ "18446744073709551615", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18446744073709551616s", -ERANGE, 0 },
		{ "18446744073709551615d1h", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "ms", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "1sec", -EINVAL, 0 },
		{ "1h30", -EINVAL, 0 },
		{ "30m1h", -EINVAL, 0 },
		{ "1h1h", -EINVAL, 0 },
		{ "1ms1s", -EINVAL, 0 },
		{ "1h 30m", -EINVAL, 0 },
		{ " 1h", -EINVAL, 0 },
		{ "1h-1m", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1.5s", -EINVAL, 0 },
		{ "UNLIMITED", -EINVAL, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
		{ "1us", -EINVAL, 0 },
	};

	(void)state;
	check_samples(units_parse_duration, samples, COUNT_OF(samples));
}

static void reads_booleans_in_any_case(void **state)
{
	static const struct {
		const char *text;
		int value; /* -1: refused */
	} samples[] = {
		{ "yes", 1 },    { "no", 0 },    { "true", 1 },  { "false", 0 },
		{ "on", 1 },     { "off", 0 },   { "YES", 1 },   { "oFf", 0 },
		{ "", -1 },      { "y", -1 },    { "1", -1 },    { "0", -1 },
		{ "maybe", -1 }, { "yes ", -1 }, { "yess", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct error err = { 0 };
		bool value = samples[i].value != 1;
		int expected = samples[i].value == -1 ? -EINVAL : 0;

		assert_int_equal(units_parse_boolean(samples[i].text, &value, &err),
				 expected);
		assert_int_equal(value, samples[i].value != 0);
		assert_int_equal(err.code, expected);
	}
}

static void reads_octal_modes(void **state)
{
	static const struct {
		const char *text;
		int result;
		unsigned value;
	} samples[] = {
		{ "0", 0, 0 },
		{ "0666", 0, 0666 },
		{ "666", 0, 0666 },
		{ "07777", 0, 07777 },
		{ "000000000000000000000000000000777", 0, 0777 },
		{ "10000", -ERANGE, 0 },
		{ "40000000000", -ERANGE, 0 },
		{ "77777777777777777777777777777777", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "8", -EINVAL, 0 },
		{ "0o666", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "u=rw", -EINVAL, 0 },
		{ "100000x", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct error err = { 0 };
		unsigned value = 42;
		int result = units_parse_mode(samples[i].text, &value, &err);

		assert_int_equal(result, samples[i].result);
		assert_int_equal(value, result == 0 ? samples[i].value : 42);
		assert_int_equal(err.code, result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_unsigned_numbers_exactly),
		cmocka_unit_test(rejects_what_is_out_of_range),
		cmocka_unit_test(says_what_was_got_and_what_was_expected),
		cmocka_unit_test(a_very_long_word_does_not_fill_the_message),
		cmocka_unit_test(reads_signed_numbers_to_both_ends),
		cmocka_unit_test(checks_the_range_of_signed_numbers),
		cmocka_unit_test(digits_never_mean_unlimited),
		cmocka_unit_test(reads_sizes_in_powers_of_1024),
		cmocka_unit_test(reads_durations_largest_unit_first),
		cmocka_unit_test(reads_booleans_in_any_case),
		cmocka_unit_test(reads_octal_modes),
	};

	return cmocka_run_group_tests_name("base/units", tests, NULL, NULL);
}
