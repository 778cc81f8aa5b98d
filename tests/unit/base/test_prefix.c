/* SPDX-License-Identifier: ISC */
/* Address blocks: reading, writing, the block an address lies in. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "usherd/base/addr.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct prefix prefix(const char *text)
{
	struct prefix found;

	assert_int_equal(prefix_parse(text, &found, NULL), 0);
	return found;
}

static void assert_text(const struct prefix *wanted, const char *expected)
{
	char buffer[ADDR_TEXT_SIZE];

	assert_ptr_equal(prefix_format(wanted, buffer), buffer);
	assert_string_equal(buffer, expected);
}

static void reads_and_writes_blocks(void **state)
{
	static const struct {
		const char *text;
		unsigned bits;
		bool ipv4;
		const char *written;
	} samples[] = {
		{ "192.0.2.0/24", 120, true, "192.0.2.0/24" },
		{ "192.0.2.1", 128, true, "192.0.2.1" },
		{ "192.0.2.1/32", 128, true, "192.0.2.1" },
		{ "0.0.0.0/0", 96, true, "0.0.0.0/0" },
		{ "255.255.255.255/0", 96, true, "0.0.0.0/0" },
		{ "192.0.2.255/25", 121, true, "192.0.2.128/25" },
		{ "10.1.2.3/8", 104, true, "10.0.0.0/8" },
		{ "10.0.0.0/08", 104, true, "10.0.0.0/8" },
		{ "2001:db8::/32", 32, false, "2001:db8::/32" },
		{ "2001:db8:ffff::1/33", 33, false, "2001:db8:8000::/33" },
		{ "::1", 128, false, "::1" },
		{ "::1/128", 128, false, "::1" },
		{ "::/0", 0, false, "::/0" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/0", 0, false, "::/0" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127", 127, false,
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127" },
		{ "::/96", 96, false, "::/96" },
		{ "::ffff:192.0.2.1", 128, true, "192.0.2.1" },
		{ "::ffff:192.0.2.0/120", 120, true, "192.0.2.0/24" },
		{ "::ffff:0:0/96", 96, true, "0.0.0.0/0" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct prefix found = prefix(samples[i].text);

		assert_int_equal(found.bits, samples[i].bits);
		assert_int_equal(found.ipv4, samples[i].ipv4);
		assert_text(&found, samples[i].written);
	}
}

static void rejects_what_is_no_block(void **state)
{
	static const char *const texts[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/33",
		"10.0.0/8",
		"1.2.3.4/",
		" 1.2.3.4",
		"1.2.3.4 ",
		"1.2.3.4 /8",
		"1.2.3.4/ 8",
		"1.2.3.4/8 ",
		"1.2.3.4/-1",
		"1.2.3.4/+8",
		"1.2.3.4//8",
		"1.2.3.4/8/8",
		"1.2.3.4/255.0.0.0",
		"1.2.3.4/0x8",
		"1.2.3.4/18446744073709551624",
		"01.2.3.4",
		"1.2.3",
		"1.2.3.4.",
		"1.2.3.256",
		"::/129",
		"::1/",
		"::1/x",
		"[::1]/128",
		"fe80::1%lo",
		"fe80::%lo/10",
		"1::2::3/64",
		"::ffff:10.0.0.0/8",
		"::ffff:0:0/95",
		"localhost",
		"example.org/24",
		"*",
		"@x",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/8",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct prefix found = { .bits = 77 };
		struct error err = { 0 };

		if (prefix_parse(texts[i], &found, &err) != -EINVAL)
			fail_msg("'%s' is taken", texts[i]);
		assert_int_equal(found.bits, 77);
		assert_int_equal(err.code, -EINVAL);
		assert_int_not_equal(err.text[0], '\0');
		assert_int_equal(prefix_parse(texts[i], &found, NULL), -EINVAL);
	}
}

static void names_the_block_and_the_range_in_messages(void **state)
{
	struct prefix found;
	struct error err = { 0 };

	(void)state;
	(void)prefix_parse("10.0.0.0/33", &found, &err);
	assert_string_equal(err.text, "prefix length of '10.0.0.0/33': '33' is out of "
				      "range, expected a number from 0 to 32");
	(void)prefix_parse("::ffff:10.0.0.0/8", &found, &err);
	assert_non_null(strstr(err.text, "expected a number from 96 to 128"));
	(void)prefix_parse("10.0.0/8", &found, &err);
	assert_string_equal(err.text, "expected an address block such as 192.0.2.0/24 or "
				      "2001:db8::/32, got '10.0.0/8'");
}

static void clears_exactly_the_host_bits(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits <= 128; bits++) {
		char text[64];
		struct prefix found;

		(void)snprintf(text, sizeof(text),
			       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/%u", bits);
		found = prefix(text);
		for (unsigned bit = 0; bit < 128; bit++) {
			unsigned byte = found.bytes[bit / 8];

			assert_int_equal((byte >> (7 - bit % 8)) & 1, bit < bits);
		}
	}
}

static void finds_the_block_of_an_address(void **state)
{
	struct addr addr;
	struct prefix found;
	struct prefix expected = prefix("192.0.2.0/24");

	(void)state;
	assert_int_equal(addr_parse_ip("192.0.2.77", 5, &addr, NULL), 0);
	assert_true(prefix_of(&addr, 24, 64, &found));
	assert_true(prefix_equal(&found, &expected));
	assert_true(prefix_of(&addr, 0, 64, &found));
	assert_text(&found, "0.0.0.0/0");
	assert_true(prefix_of(&addr, 32, 64, &found));
	assert_text(&found, "192.0.2.77");
	assert_int_equal(addr_parse_ip("2001:db8:1:2:3::4", 5, &addr, NULL), 0);
	assert_true(prefix_of(&addr, 24, 64, &found));
	assert_text(&found, "2001:db8:1:2::/64");
	assert_true(prefix_of(&addr, 24, 0, &found));
	assert_text(&found, "::/0");
	assert_true(prefix_of(&addr, 24, 128, &found));
	assert_text(&found, "2001:db8:1:2:3::4");
}

static void a_mapped_client_lies_in_its_ipv4_block(void **state)
{
	struct addr addr = { .length = sizeof(struct sockaddr_in6) };
	struct prefix found;
	struct prefix expected = prefix("192.0.2.0/24");

	(void)state;
	addr.u.in6.sin6_family = AF_INET6;
	memcpy(&addr.u.in6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\x4d", 16);
	assert_true(prefix_of(&addr, 24, 64, &found));
	assert_true(prefix_equal(&found, &expected));
}

static void bits_beyond_the_address_count_as_all(void **state)
{
	struct addr addr;
	struct prefix found;

	(void)state;
	assert_int_equal(addr_parse_ip("192.0.2.77", 5, &addr, NULL), 0);
	assert_true(prefix_of(&addr, 33, 64, &found));
	assert_int_equal(found.bits, 128);
	assert_int_equal(addr_parse_ip("::1", 5, &addr, NULL), 0);
	assert_true(prefix_of(&addr, 32, 1000, &found));
	assert_int_equal(found.bits, 128);
}

static void others_lie_in_no_block(void **state)
{
	struct addr none = { 0 };
	struct addr path;
	struct prefix found = { .bits = 77 };

	(void)state;
	assert_int_equal(addr_parse_unix("/x", &path, NULL), 0);
	assert_false(prefix_of(&none, 32, 64, &found));
	assert_false(prefix_of(&path, 32, 64, &found));
	assert_int_equal(found.bits, 77);
}

static void equality_needs_bytes_bits_and_family(void **state)
{
	struct prefix a = prefix("10.0.0.0/8");
	struct prefix b = prefix("10.0.0.0/9");

	(void)state;
	assert_false(prefix_equal(&a, &b));
	b = prefix("11.0.0.0/8");
	assert_false(prefix_equal(&a, &b));
	b = prefix("10.255.0.1/8");
	assert_true(prefix_equal(&a, &b));
	b.ipv4 = false;
	assert_false(prefix_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_blocks),
		cmocka_unit_test(rejects_what_is_no_block),
		cmocka_unit_test(names_the_block_and_the_range_in_messages),
		cmocka_unit_test(clears_exactly_the_host_bits),
		cmocka_unit_test(finds_the_block_of_an_address),
		cmocka_unit_test(a_mapped_client_lies_in_its_ipv4_block),
		cmocka_unit_test(bits_beyond_the_address_count_as_all),
		cmocka_unit_test(others_lie_in_no_block),
		cmocka_unit_test(equality_needs_bytes_bits_and_family),
	};

	return cmocka_run_group_tests_name("base/prefix", tests, NULL, NULL);
}
