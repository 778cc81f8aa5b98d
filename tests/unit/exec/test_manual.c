/* SPDX-License-Identifier: ISC */
/* The steps of a start stand in usherd(8), under their names and in their order. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/exec/spawn.h"

static char *read_manual(void)
{
	static char manual[128 * 1024];
	FILE *file = fopen(USHERD_SOURCE_DIR "/packaging/man/usherd.8", "r");
	size_t length;

	assert_non_null(file);
	length = fread(manual, 1, sizeof(manual) - 1, file);
	assert_int_equal(fclose(file), 0);
	assert_true(length > 0 && length < sizeof(manual) - 1);
	return manual;
}

static void finds_every_step_in_its_place(void **state)
{
	const char *place = strstr(read_manual(), ".Sh STARTING A PROGRAM");
	const char *name;

	(void)state;
	assert_non_null(place);
	for (unsigned i = 0; (name = spawn_step_name(i)) != NULL; i++) {
		char entry[64];

		(void)snprintf(entry, sizeof(entry), "\n.It Sy %s\n", name);
		place = strstr(place, entry);
		if (place == NULL)
			fail_msg("no entry for step '%s' after the one before it", name);
	}
	assert_null(spawn_step_name(1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_step_in_its_place),
	};

	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
