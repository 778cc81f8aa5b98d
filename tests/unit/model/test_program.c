/* SPDX-License-Identifier: ISC */
/* What a program owns, and when two credentials are the same. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "usherd/model/program.h"

static struct credentials some_credentials(void)
{
	struct credentials credentials = { .change = true, .uid = 1, .gid = 2 };

	credentials.groups = calloc(2, sizeof(gid_t));
	assert_non_null(credentials.groups);
	credentials.groups[0] = 3;
	credentials.groups[1] = 4;
	credentials.group_count = 2;
	return credentials;
}

static void credentials_compare_every_id(void **state)
{
	struct credentials a = some_credentials();
	struct credentials b = some_credentials();

	(void)state;
	assert_true(credentials_equal(&a, &b));
	b.uid = 9;
	assert_false(credentials_equal(&a, &b));
	b.uid = a.uid;
	b.gid = 9;
	assert_false(credentials_equal(&a, &b));
	b.gid = a.gid;
	b.groups[1] = 9;
	assert_false(credentials_equal(&a, &b));
	b.group_count = 1;
	assert_false(credentials_equal(&a, &b));
	b.group_count = 0;
	a.group_count = 0;
	assert_true(credentials_equal(&a, &b));
	b.change = false;
	assert_false(credentials_equal(&a, &b));
	credentials_done(&a);
	credentials_done(&b);
}

static void unchanged_credentials_are_all_the_same(void **state)
{
	struct credentials a = { .change = false, .uid = 1 };
	struct credentials b = { .change = false, .uid = 2 };

	(void)state;
	assert_true(credentials_equal(&a, &b));
}

static void freed_credentials_are_empty(void **state)
{
	struct credentials credentials = some_credentials();

	(void)state;
	credentials_done(&credentials);
	assert_null(credentials.groups);
	assert_int_equal(credentials.group_count, 0);
	assert_false(credentials.change);
	credentials_done(&credentials);
}

static void frees_everything_and_is_empty_then(void **state)
{
	static const struct program empty;
	struct program program = { .credentials = some_credentials(), .nice = 3 };

	(void)state;
	program.path = strdup("/bin/true");
	program.chroot = strdup("/srv");
	program.directory = strdup("/");
	assert_int_equal(strings_add(&program.argv, "true"), 0);
	assert_int_equal(strings_add(&program.env, "A=b"), 0);
	assert_int_equal(strings_add(&program.passenv, "PATH"), 0);
	program_done(&program);
	assert_memory_equal(&program, &empty, sizeof(empty));
	program_done(&program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials_compare_every_id),
		cmocka_unit_test(unchanged_credentials_are_all_the_same),
		cmocka_unit_test(freed_credentials_are_empty),
		cmocka_unit_test(frees_everything_and_is_empty_then),
	};

	return cmocka_run_group_tests_name("model/program", tests, NULL, NULL);
}
