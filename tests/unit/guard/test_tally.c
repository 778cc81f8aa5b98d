/* SPDX-License-Identifier: ISC */
/* Counting sessions by source: prefixes, a hundred thousand random steps against a naive
 * model, and memory that follows the number of sessions. */
#include "test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/guard/guard.h"

#define SOURCES    700
#define STEPS      100000
#define LIVE_MAX   3000
#define BURST      20000
#define SLOTS_BASE 16

static const struct policy whole_ipv4 = { .source_ipv4_bits = 32,
					  .source_ipv6_bits = 64 };

static struct addr address(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse_ip(text, 4000, &addr, NULL), 0);
	return addr;
}

static struct addr numbered(uint32_t number)
{
	struct addr addr = address("10.0.0.0");

	addr.u.in.sin_addr.s_addr = htonl(0x0a000000u + number);
	return addr;
}

static void counts_by_prefix(void **state)
{
	static const struct {
		unsigned ipv4_bits;
		unsigned ipv6_bits;
		const char *first;
		const char *second;
		bool same;
	} cases[] = {
		{ 32, 64, "192.0.2.1", "192.0.2.1", true },
		{ 32, 64, "192.0.2.1", "192.0.2.2", false },
		{ 24, 64, "192.0.2.1", "192.0.2.255", true },
		{ 24, 64, "192.0.2.1", "192.0.3.1", false },
		{ 0, 64, "192.0.2.1", "10.0.0.1", true },
		{ 32, 64, "192.0.2.1", "::ffff:192.0.2.1", true },
		{ 32, 64, "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true },
		{ 32, 64, "2001:db8:0:1::1", "2001:db8:0:2::1", false },
		{ 32, 128, "2001:db8::1", "2001:db8::2", false },
		{ 32, 48, "2001:db8:0:1::1", "2001:db8:0:2::1", true },
		{ 0, 0, "192.0.2.1", "2001:db8::1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy policy = { .source_ipv4_bits = cases[i].ipv4_bits,
					 .source_ipv6_bits = cases[i].ipv6_bits };
		struct addr first = address(cases[i].first);
		struct addr second = address(cases[i].second);
		struct tally tally = { 0 };
		struct source_key key;

		assert_int_equal(tally_admit(&tally, &policy, &first, &key), 0);
		assert_true(key.counted);
		if (tally_source_active(&tally, &policy, &second) != cases[i].same)
			fail_msg("case %zu", i);
		tally_done(&tally);
	}
}

static void the_port_does_not_matter(void **state)
{
	struct addr peer = address("192.0.2.1");
	struct tally tally = { 0 };
	struct source_key key;

	(void)state;
	assert_int_equal(tally_admit(&tally, &whole_ipv4, &peer, &key), 0);
	addr_set_port(&peer, 5000);
	assert_int_equal(tally_source_active(&tally, &whole_ipv4, &peer), 1);
	tally_release(&tally, &key);
	assert_int_equal(tally_source_active(&tally, &whole_ipv4, &peer), 0);
	tally_done(&tally);
}

static void peers_without_ip_address_are_sessions_but_no_source(void **state)
{
	struct addr unknown = { 0 };
	struct addr local = { .length = sizeof(sa_family_t), .u.any.sa_family = AF_UNIX };
	struct tally tally = { 0 };
	struct source_key keys[2];

	(void)state;
	assert_int_equal(tally_admit(&tally, &whole_ipv4, &unknown, &keys[0]), 0);
	assert_int_equal(tally_admit(&tally, &whole_ipv4, &local, &keys[1]), 0);
	assert_int_equal(tally.active, 2);
	assert_false(keys[0].counted || keys[1].counted);
	assert_int_equal(tally_source_active(&tally, &whole_ipv4, &unknown), 0);
	assert_int_equal(tally_source_active(&tally, &whole_ipv4, &local), 0);
	assert_int_equal(tally.source_count, 0);
	tally_release(&tally, &keys[0]);
	tally_release(&tally, &keys[1]);
	assert_int_equal(tally.active, 0);
	tally_done(&tally);
}

/* A reload may change the prefix lengths while sessions run. */
static void release_finds_its_source_after_the_prefixes_changed(void **state)
{
	struct policy by_network = { .source_ipv4_bits = 24, .source_ipv6_bits = 48 };
	struct addr peer = address("192.0.2.9");
	struct tally tally = { 0 };
	struct source_key before;
	struct source_key after;

	(void)state;
	assert_int_equal(tally_admit(&tally, &whole_ipv4, &peer, &before), 0);
	assert_int_equal(tally_admit(&tally, &by_network, &peer, &after), 0);
	assert_int_equal(tally.source_count, 2);
	tally_release(&tally, &before);
	assert_int_equal(tally_source_active(&tally, &whole_ipv4, &peer), 0);
	assert_int_equal(tally_source_active(&tally, &by_network, &peer), 1);
	tally_release(&tally, &after);
	assert_int_equal(tally.source_count, 0);
	assert_int_equal(tally.active, 0);
	tally_done(&tally);
}

static void a_release_too_many_does_no_harm(void **state)
{
	struct addr peer = address("192.0.2.9");
	struct addr other = address("192.0.2.10");
	struct source_key key;
	struct source_key kept;
	struct tally tally = { 0 };

	(void)state;
	assert_int_equal(tally_admit(&tally, &whole_ipv4, &peer, &key), 0);
	assert_int_equal(tally_admit(&tally, &whole_ipv4, &other, &kept), 0);
	tally_release(&tally, &key);
	tally_release(&tally, &key);
	tally_release(&tally, &key);
	assert_int_equal(tally.active, 0);
	assert_int_equal(tally_source_active(&tally, &whole_ipv4, &other), 1);
	tally_done(&tally);
	tally_release(&tally, &key);
	assert_int_equal(tally.active, 0);
}

static void agrees_with_a_naive_model(void **state)
{
	static uint64_t model[SOURCES];
	static struct source_key live[LIVE_MAX];
	static uint32_t live_source[LIVE_MAX];
	struct tally tally = { 0 };
	size_t count = 0;

	(void)state;
	srandom(3);
	memset(model, 0, sizeof(model));
	for (int step = 0; step < STEPS; step++) {
		/* Tides: the table has to grow and shrink many times. */
		bool rising = step / 5000 % 2 == 0;
		uint32_t source = (uint32_t)random() % SOURCES;
		struct addr peer = numbered(source);

		if (count < LIVE_MAX && random() % 3 < (rising ? 2 : 1)) {
			assert_int_equal(
				tally_admit(&tally, &whole_ipv4, &peer, &live[count]), 0);
			live_source[count++] = source;
			model[source]++;
		} else if (count > 0) {
			size_t victim = (size_t)random() % count;

			tally_release(&tally, &live[victim]);
			model[live_source[victim]]--;
			live[victim] = live[--count];
			live_source[victim] = live_source[count];
		}
		assert_int_equal(tally.active, count);
		assert_true(tally.source_count <= count);
		assert_int_equal(tally_source_active(&tally, &whole_ipv4, &peer),
				 model[source]);
		if (step % 1000 != 0)
			continue;
		for (uint32_t i = 0; i < SOURCES; i++) {
			peer = numbered(i);
			assert_int_equal(tally_source_active(&tally, &whole_ipv4, &peer),
					 model[i]);
		}
	}
	while (count > 0)
		tally_release(&tally, &live[--count]);
	assert_int_equal(tally.active, 0);
	assert_int_equal(tally.source_count, 0);
	tally_done(&tally);
}

static void memory_follows_the_number_of_sessions(void **state)
{
	struct source_key *keys = calloc(BURST, sizeof(*keys));
	struct tally tally = { 0 };

	(void)state;
	assert_non_null(keys);
	for (uint32_t i = 0; i < BURST; i++) {
		struct addr peer = numbered(i);

		assert_int_equal(tally_admit(&tally, &whole_ipv4, &peer, &keys[i]), 0);
		assert_true(tally.source_slots <= SLOTS_BASE + 4 * tally.active);
	}
	for (uint32_t i = BURST; i-- > 0;) {
		tally_release(&tally, &keys[i]);
		assert_true(tally.source_slots <= SLOTS_BASE + 8 * tally.active);
	}
	assert_int_equal(tally.source_slots, SLOTS_BASE);
	tally_done(&tally);
	free(keys);
}

static void asking_and_arriving_leave_nothing_behind(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		struct addr peer = numbered(i);

		arrivals_count(&tally.arrivals, i);
		assert_int_equal(tally_source_active(&tally, &whole_ipv4, &peer), 0);
	}
	assert_null(tally.sources);
	assert_int_equal(tally.source_slots, 0);
	tally_done(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_by_prefix),
		cmocka_unit_test(the_port_does_not_matter),
		cmocka_unit_test(peers_without_ip_address_are_sessions_but_no_source),
		cmocka_unit_test(release_finds_its_source_after_the_prefixes_changed),
		cmocka_unit_test(a_release_too_many_does_no_harm),
		cmocka_unit_test(agrees_with_a_naive_model),
		cmocka_unit_test(memory_follows_the_number_of_sessions),
		cmocka_unit_test(asking_and_arriving_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
