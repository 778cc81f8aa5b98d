/* SPDX-License-Identifier: ISC */
/* Numbers for reports: sums, and what is left when a process is gone. */
#include "test.h"

#include "usherd/guard/counts.h"
#include "usherd/guard/guard.h"

static void adds_every_number(void **state)
{
	struct counts sum = { 0 };
	struct counts more;
	uint64_t *numbers = (uint64_t *)&more;
	const uint64_t *sums = (const uint64_t *)&sum;

	(void)state;
	for (size_t i = 0; i < sizeof(more) / sizeof(*numbers); i++)
		numbers[i] = i + 1;
	counts_add(&sum, &more);
	counts_add(&sum, &more);
	for (size_t i = 0; i < sizeof(sum) / sizeof(*sums); i++)
		assert_int_equal(sums[i], 2 * (i + 1));
}

static void what_has_not_ended_is_lost(void **state)
{
	struct counts counts = { .started = 10, .ended = 7 };

	(void)state;
	counts_close(&counts);
	assert_int_equal(counts.lost, 3);
}

static void refusals_are_summed_over_the_reasons(void **state)
{
	struct counts counts = { .started = 5 };

	(void)state;
	assert_int_equal(counts_refused(&counts), 0);
	counts.refused[REASON_CPS] = 1;
	counts.refused[REASON_ADDRESS] = 20;
	counts.refused[REASON_UNREACHABLE] = 300;
	assert_int_equal(counts_refused(&counts), 321);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_every_number),
		cmocka_unit_test(what_has_not_ended_is_lost),
		cmocka_unit_test(refusals_are_summed_over_the_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
