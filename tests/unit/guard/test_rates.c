/* SPDX-License-Identifier: ISC */
/* Arrivals of single sources within a minute: exact, each for itself, in bounded memory.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "usherd/base/clock.h"
#include "usherd/base/units.h"
#include "usherd/guard/rates.h"

#define SECOND CLOCK_NS_PER_SECOND
#define MINUTE (60 * SECOND)

static struct policy policy_of(uint64_t rate)
{
	return (struct policy){ .per_source_cpm = rate,
				.source_ipv4_bits = 32,
				.source_ipv6_bits = 64 };
}

static struct addr address(const char *text)
{
	struct addr addr = { 0 };

	assert_int_equal(addr_parse_ip(text, 4000, &addr, NULL), 0);
	return addr;
}

static struct addr numbered(unsigned number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "10.%u.%u.%u", number >> 16 & 255,
		       number >> 8 & 255, number & 255);
	return address(text);
}

static struct rates *table(void)
{
	struct rates *rates = calloc(1, rates_memory_size());

	assert_non_null(rates);
	return rates;
}

static unsigned take(struct rates *rates, const struct policy *policy, const char *peer,
		     uint64_t now_ns, unsigned times)
{
	struct addr addr = address(peer);
	unsigned taken = 0;

	for (unsigned i = 0; i < times; i++)
		taken += rates_take(rates, policy, &addr, now_ns);
	return taken;
}

static void a_minutes_worth_may_come_at_once(void **state)
{
	struct policy policy = policy_of(6);
	struct rates *rates = table();

	(void)state;
	assert_int_equal(take(rates, &policy, "192.0.2.1", 7 * SECOND, 9), 6);
	assert_int_equal(take(rates, &policy, "192.0.2.1", 17 * SECOND - 1, 9), 0);
	for (uint64_t i = 1; i < 20; i++)
		assert_int_equal(
			take(rates, &policy, "192.0.2.1", (7 + 10 * i) * SECOND, 9), 1);
	assert_int_equal(take(rates, &policy, "192.0.2.1", 1000 * SECOND, 9), 6);
	free(rates);
}

static void who_is_refused_is_not_kept_out_longer(void **state)
{
	struct policy policy = policy_of(1);
	struct rates *rates = table();

	(void)state;
	assert_int_equal(take(rates, &policy, "192.0.2.1", SECOND, 500), 1);
	assert_int_equal(take(rates, &policy, "192.0.2.1", SECOND + MINUTE - 1, 500), 0);
	assert_int_equal(take(rates, &policy, "192.0.2.1", SECOND + MINUTE, 500), 1);
	free(rates);
}

static void each_source_counts_for_itself(void **state)
{
	struct policy policy = policy_of(2);
	struct rates *rates = table();

	(void)state;
	assert_int_equal(take(rates, &policy, "192.0.2.1", 0, 5), 2);
	assert_int_equal(take(rates, &policy, "192.0.2.2", 0, 5), 2);
	assert_int_equal(take(rates, &policy, "::ffff:192.0.2.1", 0, 5), 0);
	assert_int_equal(take(rates, &policy, "2001:db8::1", 0, 5), 2);
	assert_int_equal(take(rates, &policy, "2001:db8::ffff:2", 0, 5), 0);
	assert_int_equal(take(rates, &policy, "2001:db8:0:1::1", 0, 5), 2);
	policy.source_ipv4_bits = 24;
	policy.source_ipv6_bits = 128;
	assert_int_equal(take(rates, &policy, "192.0.2.77", 0, 1), 1);
	assert_int_equal(take(rates, &policy, "192.0.2.78", 0, 5), 1);
	assert_int_equal(take(rates, &policy, "2001:db8::3", 0, 5), 2);
	free(rates);
}

static void without_a_limit_nothing_is_counted(void **state)
{
	struct policy policy = policy_of(UNITS_UNLIMITED);

	(void)state;
	assert_false(rates_wanted(&policy));
	assert_int_equal(take(NULL, &policy, "192.0.2.1", 0, 500), 500);
}

static void a_limit_of_none_lets_nobody_in(void **state)
{
	struct policy policy = policy_of(0);
	struct rates *rates = table();

	(void)state;
	assert_int_equal(take(rates, &policy, "192.0.2.1", MINUTE, 5), 0);
	policy.per_source_cpm = 3;
	assert_int_equal(take(NULL, &policy, "192.0.2.1", MINUTE, 5), 0);
	free(rates);
}

static void what_is_no_ip_address_is_not_counted(void **state)
{
	struct addr local = { .length = sizeof(sa_family_t), .u.any.sa_family = AF_UNIX };
	struct addr unknown = { 0 };
	struct policy policy = policy_of(1);
	struct rates *rates = table();

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_true(rates_take(rates, &policy, &local, 0));
		assert_true(rates_take(rates, &policy, &unknown, 0));
	}
	free(rates);
}

static void rates_beyond_the_clock_do_not_divide_by_zero(void **state)
{
	struct policy policy = policy_of(UNITS_UNLIMITED - 1);
	struct rates *rates = table();

	(void)state;
	assert_int_equal(take(rates, &policy, "192.0.2.1", MINUTE, 500), 500);
	free(rates);
}

/* Whatever comes, the one that has come too often stays known: others that came once are
 * forgotten before it. */
static void whoever_came_once_gives_way_to_others_first(void **state)
{
	struct policy policy = policy_of(10);
	struct rates *rates = table();

	(void)state;
	assert_int_equal(take(rates, &policy, "192.0.2.1", MINUTE, 20), 10);
	for (unsigned i = 0; i < 100000; i++) {
		struct addr peer = numbered(i);

		assert_true(rates_take(rates, &policy, &peer, MINUTE));
	}
	assert_int_equal(take(rates, &policy, "192.0.2.1", MINUTE, 20), 0);
	assert_int_equal(take(rates, &policy, "192.0.2.1", 2 * MINUTE, 20), 10);
	free(rates);
}

/* The table has room for half of its sources, whatever their addresses, but for a few. */
static void sources_that_fit_are_remembered(void **state)
{
	struct policy policy = policy_of(1);
	struct rates *rates = table();
	unsigned again = 0;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < RATES_SOURCES / 2; i++) {
			struct addr peer = numbered(i);
			bool taken = rates_take(rates, &policy, &peer, MINUTE);

			if (round == 0)
				assert_true(taken);
			else
				again += taken;
		}
	}
	assert_in_range(again, 0, RATES_SOURCES / 10);
	free(rates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minutes_worth_may_come_at_once),
		cmocka_unit_test(who_is_refused_is_not_kept_out_longer),
		cmocka_unit_test(each_source_counts_for_itself),
		cmocka_unit_test(without_a_limit_nothing_is_counted),
		cmocka_unit_test(a_limit_of_none_lets_nobody_in),
		cmocka_unit_test(what_is_no_ip_address_is_not_counted),
		cmocka_unit_test(rates_beyond_the_clock_do_not_divide_by_zero),
		cmocka_unit_test(whoever_came_once_gives_way_to_others_first),
		cmocka_unit_test(sources_that_fit_are_remembered),
	};

	return cmocka_run_group_tests_name("guard/rates", tests, NULL, NULL);
}
