/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "usherd/conf/stanza.h"

static void keeps_what_is_added_in_order(void **state)
{
	(void)state;
	struct stanzas list = { 0 };
	for (unsigned i = 0; i < 100; i++) {
		struct stanza *stanza =
			stanzas_add(&list, STANZA_SERVICE, i % 2 ? "x" : NULL, "f", i);
		assert_non_null(stanza);
		for (unsigned k = 0; k < i; k++) {
			struct stanza_attribute *attribute =
				stanza_add(stanza, "port", STANZA_ADD, k);
			assert_non_null(attribute);
			assert_int_equal(strings_add(&attribute->values, "1"), 0);
		}
	}
	assert_int_equal(list.count, 100);
	for (unsigned i = 0; i < 100; i++) {
		const struct stanza *stanza = &list.items[i];
		assert_int_equal(stanza->line, i);
		assert_int_equal(stanza->count, i);
		assert_string_equal(stanza->file, "f");
		for (unsigned k = 0; k < i; k++) {
			assert_int_equal(stanza->attributes[k].line, k);
			assert_int_equal(stanza->attributes[k].operation, STANZA_ADD);
			assert_string_equal(stanza->attributes[k].values.items[0], "1");
		}
	}
	stanzas_done(&list);
	assert_int_equal(list.count, 0);
	stanzas_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_is_added_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
