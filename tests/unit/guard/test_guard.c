/* SPDX-License-Identifier: ISC */
/* Verdicts: each reason, their order, and the pause of cps. */
#include "test.h"

#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/base/units.h"
#include "usherd/guard/guard.h"

#define SECOND CLOCK_NS_PER_SECOND

static struct addr address(const char *text)
{
	struct addr addr = { 0 };

	if (text)
		assert_int_equal(addr_parse_ip(text, 4000, &addr, NULL), 0);
	return addr;
}

static void list_of(struct prefix_list *list, const char *text)
{
	struct prefix prefix;

	*list = (struct prefix_list){ .given = true };
	if (text) {
		assert_int_equal(prefix_parse(text, &prefix, NULL), 0);
		assert_int_equal(addrset_build(&prefix, 1, &list->set), 0);
	}
}

static struct policy open_policy(void)
{
	return (struct policy){
		.instances = UNITS_UNLIMITED,
		.per_source = UNITS_UNLIMITED,
		.source_ipv4_bits = 32,
		.source_ipv6_bits = 64,
	};
}

static struct surroundings calm(uint64_t now_ns)
{
	return (struct surroundings){ .now_ns = now_ns, .max_children = UNITS_UNLIMITED };
}

static void no_limit_refuses_nobody(void **state)
{
	struct policy policy = open_policy();
	struct tally tally = { .active = UINT64_MAX - 1,
			       .arrivals.window_count = UINT64_MAX };
	struct surroundings around = calm(1);
	static const char *const peers[] = { "192.0.2.1", "2001:db8::1", NULL };

	(void)state;
	around.children = UINT64_MAX - 1;
	for (size_t i = 0; i < 3; i++) {
		struct addr peer = address(peers[i]);
		struct verdict verdict = guard_decide(&policy, &tally, &around, &peer);

		assert_int_equal(verdict.reason, REASON_NONE);
		assert_int_equal(verdict.pause_until_ns, 0);
	}
}

/* All limits exceeded at once; taking away one at a time shows the next in order. */
static void the_first_check_that_refuses_gives_the_reason(void **state)
{
	struct policy policy = open_policy();
	struct addr peer = address("192.0.2.1");
	struct surroundings around = calm(5 * SECOND);
	struct tally tally = { 0 };
	struct day_span night = { 1320, 360 };

	(void)state;
	arrivals_count(&tally.arrivals, around.now_ns);
	arrivals_count(&tally.arrivals, around.now_ns);
	policy.cps_rate = 1;
	policy.cps_pause_ns = 3 * SECOND;
	policy.instances = 0;
	policy.per_source = 0;
	around.max_children = 0;
	around.minute = 600;
	policy.access_times = &night;
	policy.access_time_count = 1;
	policy.max_load = around.load = 2500000;
	list_of(&policy.only_from, NULL);

	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_ADDRESS);
	policy.only_from.given = false;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_TIME);
	around.minute = 1320;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_CPS);
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).pause_until_ns,
			 8 * SECOND);
	policy.cps_rate = 2;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_LOAD);
	around.load--;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_INSTANCES);
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).pause_until_ns, 0);
	policy.instances = 1;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_PER_SOURCE);
	policy.per_source = 1;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_PROCESS_LIMIT);
	around.max_children = 1;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_NONE);
}

static void counts_refuse_from_the_limit_on(void **state)
{
	struct policy policy = open_policy();
	struct addr peer = address("192.0.2.1");
	struct addr other = address("192.0.2.2");
	struct surroundings around = calm(1);
	struct tally tally = { 0 };
	struct source_key keys[3];

	(void)state;
	policy.instances = 3;
	policy.per_source = 2;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
				 REASON_NONE);
		assert_int_equal(tally_admit(&tally, &policy, &peer, &keys[i]), 0);
	}
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_PER_SOURCE);
	assert_int_equal(guard_decide(&policy, &tally, &around, &other).reason,
			 REASON_NONE);
	assert_int_equal(tally_admit(&tally, &policy, &other, &keys[2]), 0);
	assert_int_equal(guard_decide(&policy, &tally, &around, &other).reason,
			 REASON_INSTANCES);
	tally_release(&tally, &keys[0]);
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_NONE);
	around.max_children = 7;
	around.children = 6;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_NONE);
	around.children = 7;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_PROCESS_LIMIT);
	tally_done(&tally);
}

/* Not by access_times or lists, for whom he does not matter; before all that others
 * share.
 */
static void a_source_that_is_overdue_is_refused_before_the_rate_of_all(void **state)
{
	struct policy policy = open_policy();
	struct addr peer = address("192.0.2.1");
	struct surroundings around = calm(5);
	struct tally tally = { .arrivals = { .paused_until_ns = 9 } };
	struct verdict verdict;

	(void)state;
	policy.cps_rate = 1;
	around.overdue = true;
	verdict = guard_decide(&policy, &tally, &around, &peer);
	assert_int_equal(verdict.reason, REASON_PER_SOURCE_CPM);
	assert_int_equal(verdict.pause_until_ns, 0);
	around.overdue = false;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_CPS);
	around.overdue = true;
	around.denied = true;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_ADDRESS);
}

static void address_lists(void **state)
{
	static const char *const none = "none";
	static const struct {
		const char *only_from; /* none: not given; NULL: given and empty */
		const char *no_access;
		const char *peer;
		enum reason reason;
	} cases[] = {
		{ "none", "none", NULL, REASON_NONE },
		{ "10.0.0.0/8", "none", "10.1.2.3", REASON_NONE },
		{ "10.0.0.0/8", "none", "::ffff:10.1.2.3", REASON_NONE },
		{ "10.0.0.0/8", "none", "11.1.2.3", REASON_ADDRESS },
		{ "10.0.0.0/8", "none", "2001:db8::1", REASON_ADDRESS },
		{ "10.0.0.0/8", "none", NULL, REASON_ADDRESS },
		{ NULL, "none", "10.1.2.3", REASON_ADDRESS },
		{ "none", "10.0.0.0/8", "10.1.2.3", REASON_ADDRESS },
		{ "none", "10.0.0.0/8", "11.1.2.3", REASON_NONE },
		{ "none", "10.0.0.0/8", NULL, REASON_ADDRESS },
		{ "none", NULL, "10.1.2.3", REASON_NONE },
		{ "none", NULL, NULL, REASON_NONE },
		{ "0.0.0.0/0", "none", "10.1.2.3", REASON_NONE },
		{ "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", REASON_ADDRESS },
		{ "10.0.0.0/8", "10.1.0.0/16", "10.2.2.3", REASON_NONE },
		{ "10.1.2.3", "10.0.0.0/8", "10.1.2.3", REASON_ADDRESS },
		{ "2001:db8::/32", "none", "2001:db8::1", REASON_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy policy = open_policy();
		struct surroundings around = calm(1);
		struct tally tally = { 0 };
		struct addr peer = address(cases[i].peer);
		struct verdict verdict;

		if (!cases[i].only_from || strcmp(cases[i].only_from, none) != 0)
			list_of(&policy.only_from, cases[i].only_from);
		if (!cases[i].no_access || strcmp(cases[i].no_access, none) != 0)
			list_of(&policy.no_access, cases[i].no_access);
		verdict = guard_decide(&policy, &tally, &around, &peer);
		if (verdict.reason != cases[i].reason)
			fail_msg("case %zu: %s", i, reason_word(verdict.reason));
		addrset_done(&policy.only_from.set);
		addrset_done(&policy.no_access.set);
	}
}

static void a_local_peer_is_in_no_address_list(void **state)
{
	struct policy policy = open_policy();
	struct surroundings around = calm(1);
	struct tally tally = { 0 };
	struct addr peer = { .length = sizeof(sa_family_t), .u.any.sa_family = AF_UNIX };

	(void)state;
	list_of(&policy.no_access, "0.0.0.0/0");
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_NONE);
	list_of(&policy.only_from, NULL);
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_ADDRESS);
	addrset_done(&policy.no_access.set);
}

/* One arrival at @now_ns; tells the tally to pause as a caller would. */
static enum reason arrive(const struct policy *policy, struct tally *tally,
			  uint64_t now_ns)
{
	struct surroundings around = calm(now_ns);
	struct addr peer = address("192.0.2.1");
	struct verdict verdict;

	arrivals_count(&tally->arrivals, now_ns);
	verdict = guard_decide(policy, tally, &around, &peer);
	if (verdict.reason == REASON_CPS)
		(void)arrivals_pause(&tally->arrivals, now_ns, verdict.pause_until_ns);
	return verdict.reason;
}

static void cps_refuses_the_arrival_in_excess_and_heals_exactly(void **state)
{
	struct policy policy = open_policy();
	struct tally tally = { 0 };
	uint64_t t = 100 * SECOND;

	(void)state;
	policy.cps_rate = 3;
	policy.cps_pause_ns = 4 * SECOND;
	for (int round = 0; round < 3; round++) {
		uint64_t trip = t + SECOND - 1;

		assert_int_equal(arrive(&policy, &tally, t), REASON_NONE);
		assert_int_equal(arrive(&policy, &tally, t + 1), REASON_NONE);
		assert_int_equal(arrive(&policy, &tally, t + 2), REASON_NONE);
		assert_int_equal(arrive(&policy, &tally, trip), REASON_CPS);
		/* The pause refuses everything and is not made longer by that. */
		for (uint64_t i = 1; i < 4000; i++)
			assert_int_equal(
				arrive(&policy, &tally, trip + i * CLOCK_NS_PER_MS),
				REASON_CPS);
		assert_int_equal(arrive(&policy, &tally, trip + 4 * SECOND - 1),
				 REASON_CPS);
		t = trip + 4 * SECOND;
	}
}

static void cps_counts_anew_each_second(void **state)
{
	struct policy policy = open_policy();
	struct tally tally = { 0 };

	(void)state;
	policy.cps_rate = 2;
	policy.cps_pause_ns = SECOND;
	for (uint64_t t = 0; t < 100; t++)
		assert_int_equal(arrive(&policy, &tally, t * SECOND / 2), REASON_NONE);
}

/* Without a pause the rate still holds: what exceeds it is refused until the second is
 * over. */
static void cps_without_pause_keeps_to_the_rate(void **state)
{
	struct policy policy = open_policy();
	struct tally tally = { 0 };
	unsigned served = 0;

	(void)state;
	policy.cps_rate = 5;
	for (uint64_t ms = 0; ms < 10000; ms++)
		served += arrive(&policy, &tally, SECOND + ms * CLOCK_NS_PER_MS) ==
			  REASON_NONE;
	assert_int_equal(served, 50);
}

static void a_caller_that_never_pauses_gets_the_same_rate(void **state)
{
	struct policy policy = open_policy();
	struct addr peer = address("192.0.2.1");
	struct tally tally = { 0 };
	unsigned served = 0;

	(void)state;
	policy.cps_rate = 1;
	policy.cps_pause_ns = SECOND;
	for (uint64_t ms = 0; ms < 3000; ms += 100) {
		struct surroundings around = calm(ms * CLOCK_NS_PER_MS);

		arrivals_count(&tally.arrivals, around.now_ns);
		served += guard_decide(&policy, &tally, &around, &peer).reason ==
			  REASON_NONE;
	}
	assert_int_equal(served, 3);
}

static void a_pause_without_end_does_not_wrap(void **state)
{
	struct policy policy = open_policy();
	struct addr peer = address("192.0.2.1");
	struct surroundings around = calm(SECOND);
	struct tally tally = { 0 };

	(void)state;
	policy.cps_rate = 1;
	policy.cps_pause_ns = UINT64_MAX;
	arrivals_count(&tally.arrivals, SECOND);
	arrivals_count(&tally.arrivals, SECOND);
	assert_true(guard_decide(&policy, &tally, &around, &peer).pause_until_ns ==
		    UINT64_MAX);
}

/* Both ends of a span belong to it. */
static void access_times_are_spans_of_the_day(void **state)
{
	static const struct {
		struct day_span span;
		unsigned minute;
		bool open;
	} cases[] = {
		{ { 540, 1020 }, 539, false },  { { 540, 1020 }, 540, true },
		{ { 540, 1020 }, 1020, true },  { { 540, 1020 }, 1021, false },
		{ { 1320, 360 }, 1319, false }, { { 1320, 360 }, 1320, true },
		{ { 1320, 360 }, 1439, true },  { { 1320, 360 }, 0, true },
		{ { 1320, 360 }, 360, true },   { { 1320, 360 }, 361, false },
		{ { 720, 1440 }, 719, false },  { { 720, 1440 }, 1439, true },
		{ { 720, 1440 }, 0, false },    { { 0, 1440 }, 0, true },
		{ { 0, 1440 }, 1440, false },   { { 1320, 360 }, 1440, false },
		{ { 1320, 360 }, 4000, false },
	};
	struct policy policy = open_policy();

	(void)state;
	assert_true(guard_is_open(&policy, 0));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct day_span span = cases[i].span;

		policy.access_times = &span;
		policy.access_time_count = 1;
		if (guard_is_open(&policy, cases[i].minute) != cases[i].open)
			fail_msg("case %zu", i);
	}
}

static void who_is_unknown_has_passed_the_screen(void **state)
{
	struct policy policy = open_policy();
	struct tally tally = { 0 };
	struct surroundings around = calm(1);
	struct addr stranger = address("192.0.2.1");
	struct addr unknown = address(NULL);

	(void)state;
	list_of(&policy.no_access, "192.0.2.0/24");
	list_of(&policy.only_from, "198.51.100.0/24");
	assert_int_equal(guard_decide(&policy, &tally, &around, &unknown).reason,
			 REASON_ADDRESS);
	policy.screened = true;
	assert_int_equal(guard_decide(&policy, &tally, &around, &unknown).reason,
			 REASON_NONE);
	assert_int_equal(guard_decide(&policy, &tally, &around, &stranger).reason,
			 REASON_ADDRESS);
	around.denied = true;
	assert_int_equal(guard_decide(&policy, &tally, &around, &unknown).reason,
			 REASON_ADDRESS);
	addrset_done(&policy.no_access.set);
	addrset_done(&policy.only_from.set);
}

static void who_is_denied_or_in_a_trap_is_refused_for_its_address(void **state)
{
	struct policy policy = open_policy();
	struct addr peer = address("192.0.2.1");
	struct surroundings around = calm(SECOND);
	struct tally tally = { 0 };

	(void)state;
	around.denied = true;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_ADDRESS);
	around.denied = false;
	policy.trap = true;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_ADDRESS);
}

static void one_open_span_is_enough(void **state)
{
	struct day_span spans[] = { { 60, 120 }, { 600, 660 } };
	struct policy policy = open_policy();

	(void)state;
	policy.access_times = spans;
	policy.access_time_count = 2;
	assert_true(guard_is_open(&policy, 60));
	assert_true(guard_is_open(&policy, 660));
	assert_false(guard_is_open(&policy, 300));
}

static void a_load_that_is_not_known_is_too_high(void **state)
{
	struct policy policy = open_policy();
	struct addr peer = address("192.0.2.1");
	struct surroundings around = calm(SECOND);
	struct tally tally = { 0 };

	(void)state;
	around.load = UINT64_MAX;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_NONE);
	policy.max_load = UINT64_MAX;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_LOAD);
}

static void has_xinetds_words(void **state)
{
	(void)state;
	assert_string_equal(reason_word(REASON_CPS), "connections per second");
	assert_string_equal(reason_word(REASON_INSTANCES), "service_limit");
	assert_string_equal(reason_word(REASON_PER_SOURCE), "per_source_limit");
	assert_string_equal(reason_word(REASON_PROCESS_LIMIT), "process_limit");
	assert_string_equal(reason_word(REASON_ADDRESS), "address");
	assert_string_equal(reason_word(REASON_FORK), "fork");
	assert_string_equal(reason_word(REASON_RESOURCES), "resources");
	assert_string_equal(reason_word(REASON_UNREACHABLE), "unreachable");
	assert_string_equal(reason_word(REASON_TIME), "time");
	assert_string_equal(reason_word(REASON_LOAD), "load");
	assert_string_equal(reason_word(REASON_PER_SOURCE_CPM), "per_source_cpm");
	assert_non_null(reason_word(REASON_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_limit_refuses_nobody),
		cmocka_unit_test(the_first_check_that_refuses_gives_the_reason),
		cmocka_unit_test(counts_refuse_from_the_limit_on),
		cmocka_unit_test(
			a_source_that_is_overdue_is_refused_before_the_rate_of_all),
		cmocka_unit_test(address_lists),
		cmocka_unit_test(a_local_peer_is_in_no_address_list),
		cmocka_unit_test(cps_refuses_the_arrival_in_excess_and_heals_exactly),
		cmocka_unit_test(cps_counts_anew_each_second),
		cmocka_unit_test(cps_without_pause_keeps_to_the_rate),
		cmocka_unit_test(a_caller_that_never_pauses_gets_the_same_rate),
		cmocka_unit_test(a_pause_without_end_does_not_wrap),
		cmocka_unit_test(access_times_are_spans_of_the_day),
		cmocka_unit_test(who_is_unknown_has_passed_the_screen),
		cmocka_unit_test(who_is_denied_or_in_a_trap_is_refused_for_its_address),
		cmocka_unit_test(one_open_span_is_enough),
		cmocka_unit_test(a_load_that_is_not_known_is_too_high),
		cmocka_unit_test(has_xinetds_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
