/* SPDX-License-Identifier: ISC */
/* Names in access lists: what matches, and who may come in being called so. */
#include "test.h"

#include <string.h>

#include "usherd/base/text.h"
#include "usherd/base/units.h"
#include "usherd/guard/guard.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void compares_hosts_and_domains(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} samples[] = {
		{ "host.example", "host.example", true },
		{ "Host.Example", "hOST.eXAMPLE.", true },
		{ "host.example.", "host.example", true },
		{ "host.example", "a.host.example", false },
		{ "host.example", "xhost.example", false },
		{ "host.example", "host", false },
		{ ".example.org", "a.example.org", true },
		{ ".example.org", "a.b.EXAMPLE.ORG.", true },
		{ ".example.org", "example.org.example.org", true },
		{ ".example.org", "example.org", false },
		{ ".example.org", ".example.org", false },
		{ ".example.org", "aexample.org", false },
		{ ".example.org", "a.example.org.evil", false },
		{ ".", "a", false },
		{ "", "", false },
		{ "host", "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++)
		assert_int_equal(names_match(samples[i].pattern, samples[i].name),
				 samples[i].match);
}

static void add(struct prefix_list *list, const char *word)
{
	struct prefix prefix;

	list->given = true;
	if (prefix_parse(word, &prefix, NULL) < 0) {
		assert_int_equal(strings_add(&list->names, word), 0);
		return;
	}
	assert_int_equal(addrset_build(&prefix, 1, &list->set), 0);
}

#define NOT_FOUND                                                                        \
	{                                                                                \
		.name = ""                                                               \
	}
#define CALLED(x)                                                                        \
	{                                                                                \
		.name = (x), .confirmed = true                                           \
	}
#define CLAIMS(x)                                                                        \
	{                                                                                \
		.name = (x)                                                              \
	}
#define IS_LISTED                                                                        \
	{                                                                                \
		.listed = true                                                           \
	}
#define IS_UNCLEAR                                                                       \
	{                                                                                \
		.unsettled = true                                                        \
	}

/* Peers are 192.0.2.1. */
static const struct {
	const char *only_from[2], *no_access[2];
	bool rejected, welcome; /* without being asked for a name */
	struct peer_names names;
	bool welcome_named;
} cases[] = {
	{ { NULL }, { NULL }, false, true, NOT_FOUND, true },
	{ { "a.example" }, { NULL }, false, false, CALLED("a.example"), true },
	{ { "a.example" }, { NULL }, false, false, CALLED("A.EXAMPLE."), true },
	{ { "a.example" }, { NULL }, false, false, CLAIMS("a.example"), false },
	{ { "a.example" }, { NULL }, false, false, CALLED("b.example"), false },
	{ { "a.example" }, { NULL }, false, false, NOT_FOUND, false },
	{ { ".example" }, { NULL }, false, false, CALLED("a.example"), true },
	{ { "a.example", "192.0.2.0/24" }, { NULL }, false, true, NOT_FOUND, true },
	{ { "a.example", "10.0.0.0/8" },
	  { NULL },
	  false,
	  false,
	  CALLED("a.example"),
	  true },
	{ { "10.0.0.0/8" }, { NULL }, true, false, CALLED("a.example"), false },
	{ { NULL }, { "a.example" }, false, false, CALLED("a.example"), false },
	{ { NULL }, { "a.example" }, false, false, CLAIMS("a.example"), false },
	{ { NULL }, { "a.example" }, false, false, IS_LISTED, false },
	{ { NULL }, { "a.example" }, false, false, IS_UNCLEAR, false },
	{ { NULL }, { "a.example" }, false, false, CALLED("b.example"), true },
	{ { NULL }, { "a.example" }, false, false, NOT_FOUND, true },
	{ { NULL }, { ".example" }, false, false, CALLED("a.example"), false },
	{ { NULL }, { ".example" }, false, false, CALLED("a.test"), true },
	{ { NULL }, { ".example" }, false, false, CLAIMS("a.test"), false },
	{ { NULL }, { ".example" }, false, false, NOT_FOUND, false },
	{ { NULL },
	  { "192.0.2.0/24", "a.example" },
	  true,
	  false,
	  CALLED("b.test"),
	  false },
	{ { ".example" }, { "a.example" }, false, false, CALLED("a.example"), false },
	{ { ".example" }, { "a.example" }, false, false, CALLED("b.example"), true },
	{ { "192.0.2.1" }, { "a.example" }, false, false, NOT_FOUND, true },
};

static void decides_by_number_and_by_name(void **state)
{
	struct addr peer;

	(void)state;
	assert_int_equal(addr_parse_ip("::ffff:192.0.2.1", 4000, &peer, NULL), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct policy policy = { .instances = UNITS_UNLIMITED };

		for (size_t k = 0; k < 2 && cases[i].only_from[k] != NULL; k++)
			add(&policy.only_from, cases[i].only_from[k]);
		for (size_t k = 0; k < 2 && cases[i].no_access[k] != NULL; k++)
			add(&policy.no_access, cases[i].no_access[k]);
		assert_int_equal(guard_rejects(&policy, &peer), cases[i].rejected);
		assert_int_equal(guard_welcomes(&policy, &peer), cases[i].welcome);
		assert_int_equal(guard_welcomes_named(&policy, &peer, &cases[i].names),
				 cases[i].welcome_named);
		policy_done(&policy);
	}
}

static void lets_nobody_in_who_would_have_to_be_asked_and_is_not(void **state)
{
	struct surroundings around = { .max_children = UNITS_UNLIMITED };
	struct policy policy = { .instances = UNITS_UNLIMITED,
				 .per_source = UNITS_UNLIMITED };
	struct tally tally = { 0 };
	struct addr peer, unknown = { 0 };

	(void)state;
	add(&policy.only_from, ".example");
	assert_int_equal(addr_parse_ip("192.0.2.1", 4000, &peer, NULL), 0);
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_ADDRESS);
	around.inquires = true;
	assert_int_equal(guard_decide(&policy, &tally, &around, &peer).reason,
			 REASON_NONE);
	assert_int_equal(guard_decide(&policy, &tally, &around, &unknown).reason,
			 REASON_ADDRESS);
	policy_done(&policy);
	add(&policy.no_access, ".example");
	assert_int_equal(guard_decide(&policy, &tally, &around, &unknown).reason,
			 REASON_ADDRESS);
	policy_done(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_hosts_and_domains),
		cmocka_unit_test(decides_by_number_and_by_name),
		cmocka_unit_test(lets_nobody_in_who_would_have_to_be_asked_and_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
