/* SPDX-License-Identifier: ISC */
/* FNV-1a against the published values. */
#include "test.h"

#include <string.h>

#include "usherd/base/hash.h"

static uint64_t hash_of(const char *text)
{
	return hash_add(HASH_START, text, strlen(text));
}

static void gives_the_published_values(void **state)
{
	/* draft-eastlake-fnv, appendix C. */
	(void)state;
	assert_true(hash_of("") == UINT64_C(0xcbf29ce484222325));
	assert_true(hash_of("a") == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(hash_of("foobar") == UINT64_C(0x85944171f73967e8));
}

static void may_be_fed_in_parts(void **state)
{
	(void)state;
	assert_true(hash_add(hash_of("foo"), "bar", 3) == hash_of("foobar"));
	assert_true(hash_add(hash_of("foo"), NULL, 0) == hash_of("foo"));
}

static void every_byte_counts(void **state)
{
	(void)state;
	assert_false(hash_add(HASH_START, "\0", 1) == HASH_START);
	assert_false(hash_add(HASH_START, "\xff", 1) == hash_add(HASH_START, "\x7f", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_published_values),
		cmocka_unit_test(may_be_fed_in_parts),
		cmocka_unit_test(every_byte_counts),
	};

	return cmocka_run_group_tests_name("base/hash", tests, NULL, NULL);
}
