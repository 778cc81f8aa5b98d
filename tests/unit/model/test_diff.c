/* SPDX-License-Identifier: ISC */
/* From one table to another. Tables are written as "id=fingerprint", "-id=..." disabled,
 * "id" without a fingerprint; differences as one line of text. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/base/text.h"
#include "usherd/model/diff.h"

static struct service *described(const char *text)
{
	struct service *service = service_new();
	const char *equals = strchr(text, '=');

	assert_non_null(service);
	service->disable = text[0] == '-';
	text += service->disable ? 1 : 0;
	service->id =
		equals == NULL ? strdup(text) : strndup(text, (size_t)(equals - text));
	assert_non_null(service->id);
	if (equals != NULL)
		service->fingerprint = strdup(equals + 1);
	return service;
}

static struct table *table_of(const char *const *texts)
{
	struct table *table = table_new();

	assert_non_null(table);
	for (; *texts != NULL; texts++)
		assert_int_equal(table_add(table, described(*texts)), 0);
	return table;
}

#define TABLE(...) table_of((const char *const[]){ __VA_ARGS__, NULL })

static void write_change(struct text *line, const struct change *change,
			 const struct table *before, const struct table *after)
{
	static const char letters[] = { [CHANGE_ADD] = '+',
					[CHANGE_KEEP] = '=',
					[CHANGE_REPLACE] = '!',
					[CHANGE_REMOVE] = '-' };
	const char *id = "";

	assert_int_equal(change->before == NULL, change->kind == CHANGE_ADD);
	assert_int_equal(change->after == NULL, change->kind == CHANGE_REMOVE);
	if (change->before != NULL) {
		id = change->before->id;
		assert_ptr_equal(change->before, table_find(before, id));
	}
	if (change->after != NULL) {
		id = change->after->id;
		assert_ptr_equal(change->after, table_find(after, id));
	}
	text_addf(line, "%s%c%s", line->length == 0 ? "" : " ", letters[change->kind],
		  id);
}

/* Frees both tables. */
static void assert_diff(struct table *before, struct table *after, const char *expected)
{
	char buffer[256];
	struct text line;
	struct diff diff;
	size_t totals[4] = { 0 };

	text_init(&line, buffer, sizeof(buffer));
	assert_int_equal(diff_compute(before, after, &diff), 0);
	for (size_t i = 0; i < diff.count; i++) {
		write_change(&line, &diff.changes[i], before, after);
		totals[diff.changes[i].kind]++;
	}
	assert_string_equal(buffer, expected);
	assert_memory_equal(totals, diff.totals, sizeof(totals));
	diff_done(&diff);
	assert_null(diff.changes);
	assert_int_equal(diff.count, 0);
	diff_done(&diff);
	table_free(before);
	table_free(after);
}

static void the_first_table_is_all_additions(void **state)
{
	(void)state;
	assert_diff(NULL, TABLE("b=1", "a=1"), "+b +a");
	assert_diff(table_new(), TABLE("b=1", "a=1"), "+b +a");
}

static void nothing_against_nothing_is_nothing(void **state)
{
	(void)state;
	assert_diff(NULL, table_new(), "");
	assert_diff(table_new(), table_new(), "");
}

static void the_same_fingerprint_is_kept(void **state)
{
	(void)state;
	assert_diff(TABLE("a=1", "b=2"), TABLE("a=1", "b=2"), "=a =b");
}

static void another_fingerprint_is_a_replacement(void **state)
{
	(void)state;
	assert_diff(TABLE("a=1", "b=2"), TABLE("a=1", "b=3"), "=a !b");
}

static void removals_come_first_then_the_new_order(void **state)
{
	(void)state;
	assert_diff(TABLE("a=1", "b=1", "c=1", "d=1"), TABLE("e=1", "c=2", "a=1"),
		    "-b -d +e !c =a");
	assert_diff(TABLE("a=1", "b=1"), table_new(), "-a -b");
}

static void a_disabled_service_counts_as_absent(void **state)
{
	(void)state;
	assert_diff(TABLE("a=1"), TABLE("-a=1"), "-a");
	assert_diff(TABLE("-a=1"), TABLE("a=1"), "+a");
	assert_diff(TABLE("-a=1"), TABLE("-a=1"), "");
	assert_diff(TABLE("-a=1"), table_new(), "");
	assert_diff(NULL, TABLE("-a=1", "b=1"), "+b");
}

static void without_a_fingerprint_nothing_is_the_same(void **state)
{
	(void)state;
	assert_diff(TABLE("a"), TABLE("a"), "!a");
	assert_diff(TABLE("a=1"), TABLE("a"), "!a");
	assert_diff(TABLE("a"), TABLE("a=1"), "!a");
	assert_diff(TABLE("a="), TABLE("a="), "=a");
}

static struct table *many(size_t first, size_t count)
{
	struct table *table = table_new();
	char text[64];

	assert_non_null(table);
	for (size_t i = first; i < first + count; i++) {
		(void)snprintf(text, sizeof(text), "service-%zu=%zu", i, i);
		assert_int_equal(table_add(table, described(text)), 0);
	}
	return table;
}

static void ten_thousand_services_take_no_time(void **state)
{
	struct table *before = many(0, 10000);
	struct table *after = many(5000, 10000);
	uint64_t start = clock_monotonic_ns();
	struct diff diff;

	(void)state;
	assert_int_equal(diff_compute(before, after, &diff), 0);
	/* Comparing each with each takes above a second. */
	assert_true(clock_monotonic_ns() - start < 300 * CLOCK_NS_PER_MS);
	assert_int_equal(diff.count, 15000);
	assert_int_equal(diff.totals[CHANGE_REMOVE], 5000);
	assert_int_equal(diff.totals[CHANGE_KEEP], 5000);
	assert_int_equal(diff.totals[CHANGE_ADD], 5000);
	assert_int_equal(diff.totals[CHANGE_REPLACE], 0);
	diff_done(&diff);
	table_free(before);
	table_free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_table_is_all_additions),
		cmocka_unit_test(nothing_against_nothing_is_nothing),
		cmocka_unit_test(the_same_fingerprint_is_kept),
		cmocka_unit_test(another_fingerprint_is_a_replacement),
		cmocka_unit_test(removals_come_first_then_the_new_order),
		cmocka_unit_test(a_disabled_service_counts_as_absent),
		cmocka_unit_test(without_a_fingerprint_nothing_is_the_same),
		cmocka_unit_test(ten_thousand_services_take_no_time),
	};

	return cmocka_run_group_tests_name("model/diff", tests, NULL, NULL);
}
