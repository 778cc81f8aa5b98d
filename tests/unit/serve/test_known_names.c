/* SPDX-License-Identifier: ISC */
/* What is remembered of names, of whom, and for how long. */
#include "test.h"

#include <stdlib.h>

#include "usherd/serve/known_names.h"

static struct addr address(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse_ip(text, port, &addr, NULL), 0);
	return addr;
}

static void remembers_for_a_time(void **state)
{
	struct known_names *names = calloc(1, sizeof(*names));
	struct addr peer = address("192.0.2.1", 1);
	struct addr later = address("::ffff:192.0.2.1", 2);
	struct addr other = address("192.0.2.2", 1);
	int a, b;

	(void)state;
	assert_non_null(names);
	assert_int_equal(known_names_get(names, &a, &peer, 1), KNOWN_NOTHING);
	known_names_put(names, &a, &peer, true, 1);
	assert_int_equal(known_names_get(names, &a, &later, KNOWN_NAMES_YES_NS),
			 KNOWN_WELCOME);
	assert_int_equal(known_names_get(names, &a, &later, KNOWN_NAMES_YES_NS + 1),
			 KNOWN_NOTHING);
	assert_int_equal(known_names_get(names, &a, &other, 1), KNOWN_NOTHING);
	assert_int_equal(known_names_get(names, &b, &peer, 1), KNOWN_NOTHING);
	known_names_put(names, &a, &peer, false, 1);
	assert_int_equal(known_names_get(names, &a, &peer, KNOWN_NAMES_NO_NS),
			 KNOWN_UNWELCOME);
	assert_int_equal(known_names_get(names, &a, &peer, KNOWN_NAMES_NO_NS + 1),
			 KNOWN_NOTHING);
	free(names);
}

static void knows_nothing_of_who_has_no_address(void **state)
{
	struct known_names *names = calloc(1, sizeof(*names));
	struct addr nobody = { 0 };

	(void)state;
	assert_non_null(names);
	known_names_put(names, names, &nobody, true, 1);
	assert_int_equal(known_names_get(names, names, &nobody, 1), KNOWN_NOTHING);
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembers_for_a_time),
		cmocka_unit_test(knows_nothing_of_who_has_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
