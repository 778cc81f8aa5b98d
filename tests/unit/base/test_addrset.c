/* SPDX-License-Identifier: ISC */
/* Sets of addresses: edges, joining, and random sets against a scan of the prefixes. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "usherd/base/addrset.h"

#define MOST_PREFIXES 24

static struct addr ip(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse_ip(text, 1, &addr, NULL), 0);
	return addr;
}

static void build(struct addrset *set, const char *const *texts)
{
	struct prefix prefixes[MOST_PREFIXES];
	size_t count = 0;

	for (; texts[count] != NULL; count++)
		assert_int_equal(prefix_parse(texts[count], &prefixes[count], NULL), 0);
	assert_int_equal(addrset_build(prefixes, count, set), 0);
}

static bool contains(const struct addrset *set, const char *text)
{
	struct addr addr = ip(text);

	return addrset_contains(set, &addr);
}

static void assert_range_count(const char *const *texts, size_t expected)
{
	struct addrset set;

	build(&set, texts);
	assert_int_equal(set.count, expected);
	addrset_done(&set);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void all_zero_contains_nothing(void **state)
{
	struct addrset set = { 0 };

	(void)state;
	assert_false(contains(&set, "0.0.0.0"));
	assert_false(contains(&set, "::"));
	addrset_done(&set);
	assert_int_equal(addrset_build(NULL, 0, &set), 0);
	assert_null(set.ranges);
	assert_false(contains(&set, "::1"));
	addrset_done(&set);
	addrset_done(&set);
}

static void contains_a_block_to_its_edges(void **state)
{
	struct addrset set;

	(void)state;
	build(&set, LIST("192.0.2.64/26", "2001:db8::/33", "::1"));
	assert_int_equal(set.count, 3);
	assert_false(contains(&set, "192.0.2.63"));
	assert_true(contains(&set, "192.0.2.64"));
	assert_true(contains(&set, "192.0.2.127"));
	assert_false(contains(&set, "192.0.2.128"));
	assert_true(contains(&set, "2001:db8::"));
	assert_true(contains(&set, "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"));
	assert_false(contains(&set, "2001:db8:8000::"));
	assert_false(contains(&set, "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_true(contains(&set, "::1"));
	assert_false(contains(&set, "::"));
	assert_false(contains(&set, "::2"));
	addrset_done(&set);
}

static void mapped_clients_are_ipv4(void **state)
{
	struct addr addr = { .length = sizeof(struct sockaddr_in6) };
	struct addrset set;

	(void)state;
	addr.u.in6.sin6_family = AF_INET6;
	memcpy(&addr.u.in6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 16);
	build(&set, LIST("10.0.0.0/8"));
	assert_true(addrset_contains(&set, &addr));
	addr.u.in6.sin6_addr.s6_addr[12] = 11;
	assert_false(addrset_contains(&set, &addr));
	addrset_done(&set);
}

static void whole_families_do_not_reach_into_each_other(void **state)
{
	struct addrset set;

	(void)state;
	build(&set, LIST("0.0.0.0/0"));
	assert_true(contains(&set, "0.0.0.0"));
	assert_true(contains(&set, "255.255.255.255"));
	assert_false(contains(&set, "::"));
	assert_false(contains(&set, "::fffe:ffff:ffff"));
	assert_false(contains(&set, "::1:0:0:0"));
	addrset_done(&set);
	build(&set, LIST("::/0"));
	assert_int_equal(set.count, 2);
	assert_true(contains(&set, "::"));
	assert_true(contains(&set, "::fffe:ffff:ffff"));
	assert_true(contains(&set, "::1:0:0:0"));
	assert_true(contains(&set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_false(contains(&set, "0.0.0.0"));
	assert_false(contains(&set, "192.0.2.1"));
	assert_false(contains(&set, "255.255.255.255"));
	addrset_done(&set);
}

static void short_blocks_around_ipv4_leave_it_out(void **state)
{
	struct addrset set;

	(void)state;
	build(&set, LIST("::/79"));
	assert_int_equal(set.count, 2);
	assert_true(contains(&set, "::1:ffff:ffff:ffff"));
	assert_false(contains(&set, "192.0.2.1"));
	addrset_done(&set);
	build(&set, LIST("::/80"));
	assert_int_equal(set.count, 1);
	assert_true(contains(&set, "::fffe:ffff:ffff"));
	assert_false(contains(&set, "0.0.0.0"));
	assert_false(contains(&set, "255.255.255.255"));
	assert_false(contains(&set, "::1:0:0:0"));
	addrset_done(&set);
	build(&set, LIST("::fffe:0:0/95"));
	assert_int_equal(set.count, 1);
	assert_true(contains(&set, "::fffe:0:0"));
	assert_false(contains(&set, "0.0.0.0"));
	addrset_done(&set);
	build(&set, LIST("::fffe:0:0/96"));
	assert_true(contains(&set, "::fffe:ffff:ffff"));
	assert_false(contains(&set, "0.0.0.0"));
	addrset_done(&set);
}

static void both_families_together_are_everything(void **state)
{
	struct addrset set;

	(void)state;
	build(&set, LIST("0.0.0.0/0", "::/0"));
	assert_int_equal(set.count, 1);
	assert_true(contains(&set, "::"));
	assert_true(contains(&set, "192.0.2.1"));
	assert_true(contains(&set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	addrset_done(&set);
}

static void only_both_families_are_everything(void **state)
{
	const char *const *const parts[] = { LIST("0.0.0.0/0"), LIST("::/0"),
					     LIST("0.0.0.0/0", "::/1"),
					     LIST("128.0.0.0/1", "::/0"),
					     LIST("10.0.0.0/8") };
	struct addrset set = { 0 };

	(void)state;
	assert_false(addrset_is_everything(&set));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		build(&set, parts[i]);
		assert_false(addrset_is_everything(&set));
		addrset_done(&set);
	}
	build(&set, LIST("::/0", "0.0.0.0/0"));
	assert_true(addrset_is_everything(&set));
	addrset_done(&set);
}

static void joins_what_overlaps_or_touches(void **state)
{
	(void)state;
	assert_range_count(LIST("10.0.0.0/9", "10.128.0.0/9"), 1);
	assert_range_count(LIST("10.128.0.0/9", "10.0.0.0/9"), 1);
	assert_range_count(LIST("10.0.0.0/8", "10.1.0.0/16", "10.255.255.255"), 1);
	assert_range_count(LIST("10.1.2.3", "10.0.0.0/8", "10.0.0.0"), 1);
	assert_range_count(LIST("10.0.0.0/24", "10.0.2.0/24"), 2);
	assert_range_count(LIST("10.0.0.0/24", "10.0.2.0/24", "10.0.1.0/24"), 1);
	assert_range_count(LIST("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.5"), 2);
	assert_range_count(LIST("10.0.0.255", "10.0.1.0"), 1);
	assert_range_count(LIST("10.0.0.1", "10.0.0.1", "10.0.0.1"), 1);
	assert_range_count(LIST("2001:db8::/33", "2001:db8:8000::/33"), 1);
	assert_range_count(LIST("2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:db8:0:1::"), 1);
	assert_range_count(LIST("255.255.255.255", "0.0.0.0"), 2);
	/* The end of the space does not touch its beginning. */
	assert_range_count(LIST("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::"), 2);
	assert_range_count(LIST("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff::/16"),
			   1);
}

static void others_are_in_no_set(void **state)
{
	struct addr none = { 0 };
	struct addr path;
	struct addrset set;

	(void)state;
	build(&set, LIST("0.0.0.0/0", "::/0"));
	assert_int_equal(addr_parse_unix("/x", &path, NULL), 0);
	assert_false(addrset_contains(&set, &none));
	assert_false(addrset_contains(&set, &path));
	addrset_done(&set);
}

static void refuses_more_than_memory_holds(void **state)
{
	struct prefix one = { .bits = 128 };
	struct addrset set = { .count = 77 };

	(void)state;
	assert_int_equal(addrset_build(&one, SIZE_MAX / 2 + 1, &set), -ENOMEM);
	assert_int_equal(set.count, 77);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Few different bytes, so that blocks often meet, near the edges of IPv4 too. */
static struct addr random_addr(uint64_t *seed)
{
	static const uint8_t bytes[] = { 0x00, 0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, 0xff };
	struct addr addr = { .length = sizeof(struct sockaddr_in6) };
	uint8_t *to = addr.u.in6.sin6_addr.s6_addr;
	uint64_t kind = next_random(seed) % 3;

	addr.u.in6.sin6_family = AF_INET6;
	for (size_t i = 0; i < 16; i++)
		to[i] = bytes[next_random(seed) % sizeof(bytes)];
	if (kind < 2)
		memset(to, 0, 8 + next_random(seed) % 3);
	if (kind < 1)
		memset(to + 10, 0xff, 2);
	return addr;
}

static struct prefix random_prefix(uint64_t *seed)
{
	struct addr addr = random_addr(seed);
	struct prefix found;
	bool is_long = next_random(seed) % 2 == 0;
	unsigned ipv4_bits = is_long ? 24 + (unsigned)(next_random(seed) % 9)
				     : (unsigned)(next_random(seed) % 33);
	unsigned ipv6_bits = is_long ? 76 + (unsigned)(next_random(seed) % 53)
				     : (unsigned)(next_random(seed) % 129);

	assert_true(prefix_of(&addr, ipv4_bits, ipv6_bits, &found));
	return found;
}

static bool is_in_prefix(const struct prefix *prefix, const struct prefix *point)
{
	if (prefix->ipv4 != point->ipv4)
		return false;
	for (unsigned bit = 0; bit < prefix->bits; bit++) {
		unsigned difference = prefix->bytes[bit / 8] ^ point->bytes[bit / 8];

		if ((difference >> (7 - bit % 8)) & 1)
			return false;
	}
	return true;
}

static void assert_in_order_and_apart(const struct addrset *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct addr_range *range = &set->ranges[i];
		uint8_t next[16];
		size_t byte = 16;

		assert_true(memcmp(range->first, range->last, 16) <= 0);
		if (i + 1 == set->count)
			break;
		memcpy(next, range->last, 16);
		while (byte-- > 0)
			if (++next[byte] != 0)
				break;
		assert_true(memcmp(next, set->ranges[i + 1].first, 16) < 0);
	}
}

static void assert_same_answer(const struct addrset *set, const struct prefix *prefixes,
			       size_t count, const struct addr *addr)
{
	struct prefix point;
	bool expected = false;

	assert_true(prefix_of(addr, 32, 128, &point));
	for (size_t i = 0; i < count; i++)
		expected = expected || is_in_prefix(&prefixes[i], &point);
	if (addrset_contains(set, addr) != expected) {
		char text[ADDR_TEXT_SIZE];

		fail_msg("wrong about %s", addr_format_host(addr, text));
	}
}

/* Just inside and just outside of every range. */
static void check_edges(const struct addrset *set, const struct prefix *prefixes,
			size_t count)
{
	for (size_t i = 0; i < set->count; i++) {
		for (int step = -1; step <= 1; step++) {
			struct addr addr = { .length = sizeof(struct sockaddr_in6) };
			uint8_t *bytes = addr.u.in6.sin6_addr.s6_addr;
			size_t byte = 16;

			addr.u.in6.sin6_family = AF_INET6;
			memcpy(bytes,
			       step < 0 ? set->ranges[i].first : set->ranges[i].last, 16);
			while (step != 0 && byte-- > 0) {
				bytes[byte] = (uint8_t)(bytes[byte] + step);
				if (bytes[byte] != (step < 0 ? 0xff : 0))
					break;
			}
			assert_same_answer(set, prefixes, count, &addr);
		}
	}
}

static void agrees_with_a_scan_of_random_prefixes(void **state)
{
	uint64_t seed = 88172645463325252;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct prefix prefixes[MOST_PREFIXES];
		size_t count = next_random(&seed) % (MOST_PREFIXES + 1);
		struct addrset set;

		for (size_t i = 0; i < count; i++)
			prefixes[i] = random_prefix(&seed);
		assert_int_equal(addrset_build(prefixes, count, &set), 0);
		assert_in_order_and_apart(&set);
		for (int i = 0; i < 60; i++) {
			struct addr addr = random_addr(&seed);

			assert_same_answer(&set, prefixes, count, &addr);
		}
		check_edges(&set, prefixes, count);
		addrset_done(&set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_zero_contains_nothing),
		cmocka_unit_test(contains_a_block_to_its_edges),
		cmocka_unit_test(mapped_clients_are_ipv4),
		cmocka_unit_test(whole_families_do_not_reach_into_each_other),
		cmocka_unit_test(short_blocks_around_ipv4_leave_it_out),
		cmocka_unit_test(both_families_together_are_everything),
		cmocka_unit_test(only_both_families_are_everything),
		cmocka_unit_test(joins_what_overlaps_or_touches),
		cmocka_unit_test(others_are_in_no_set),
		cmocka_unit_test(refuses_more_than_memory_holds),
		cmocka_unit_test(agrees_with_a_scan_of_random_prefixes),
	};

	return cmocka_run_group_tests_name("base/addrset", tests, NULL, NULL);
}
