/* SPDX-License-Identifier: ISC */
/* What a policy owns and gives back; leaks show under the address sanitizer. */
#include "test.h"

#include <stdlib.h>

#include "usherd/model/policy.h"

static void fill(struct prefix_list *list, const char *text)
{
	list->given = true;
	list->items = calloc(1, sizeof(*list->items));
	assert_non_null(list->items);
	assert_int_equal(prefix_parse(text, &list->items[0], NULL), 0);
	list->count = 1;
	assert_int_equal(addrset_build(list->items, list->count, &list->set), 0);
}

static void frees_both_lists_and_leaves_them_empty(void **state)
{
	struct policy policy = { .cps_rate = 5 };

	(void)state;
	fill(&policy.only_from, "10.0.0.0/8");
	fill(&policy.no_access, "::1");
	policy_done(&policy);
	assert_null(policy.only_from.items);
	assert_null(policy.only_from.set.ranges);
	assert_int_equal(policy.only_from.count, 0);
	assert_null(policy.no_access.items);
	assert_int_equal(policy.no_access.set.count, 0);
	policy_done(&policy);
}

static void an_empty_policy_owns_nothing(void **state)
{
	struct policy policy = { 0 };

	(void)state;
	policy_done(&policy);
	assert_null(policy.only_from.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frees_both_lists_and_leaves_them_empty),
		cmocka_unit_test(an_empty_policy_owns_nothing),
	};

	return cmocka_run_group_tests_name("model/policy", tests, NULL, NULL);
}
