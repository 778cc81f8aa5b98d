/* SPDX-License-Identifier: ISC */
/* Values in a row: out as they went in, and never past the end. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "usherd/base/pack.h"

static void gives_back_what_was_packed(void **state)
{
	struct packer packer = { 0 };
	struct unpacker unpacker;
	char bytes[5000];
	char *text;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		pack_number(&packer, i);
		pack_text(&packer, i % 2 == 0 ? "" : "hello");
		memset(bytes, (int)i, sizeof(bytes));
		pack_bytes(&packer, bytes, i);
	}
	assert_false(packer.failed);
	unpacker_init(&unpacker, packer.data, packer.length);
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(unpack_number(&unpacker, 299), i);
		text = unpack_text(&unpacker);
		assert_string_equal(text, i % 2 == 0 ? "" : "hello");
		free(text);
		unpack_bytes(&unpacker, bytes, i);
		assert_true(i == 0 || (unsigned char)bytes[i - 1] == (i & 255));
	}
	assert_false(unpacker.failed);
	assert_int_equal(unpacker.left, 0);
	packer_done(&packer);
}

static void what_is_missing_is_zero_and_a_failure(void **state)
{
	struct unpacker unpacker;
	char bytes[3] = { 1, 2, 3 };

	(void)state;
	unpacker_init(&unpacker, "ab", 2);
	unpack_bytes(&unpacker, bytes, 3);
	assert_true(unpacker.failed);
	assert_memory_equal(bytes, "\0\0\0", 3);
	assert_int_equal(unpack_number(&unpacker, UINT64_MAX), 0);
	assert_null(unpack_text(&unpacker));
}

static void a_number_has_its_bound(void **state)
{
	struct packer packer = { 0 };
	struct unpacker unpacker;

	(void)state;
	pack_number(&packer, 8);
	unpacker_init(&unpacker, packer.data, packer.length);
	assert_int_equal(unpack_number(&unpacker, 7), 0);
	assert_true(unpacker.failed);
	packer_done(&packer);
}

static void refuses_texts_that_lie_about_their_length(void **state)
{
	static const struct {
		uint64_t length;
		const char *bytes;
		size_t size;
	} cases[] = {
		{ 4, "abc", 3 },
		{ UINT64_MAX, "abc", 3 },
		{ 3, "a\0c", 3 },
		{ 1, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packer packer = { 0 };
		struct unpacker unpacker;

		pack_number(&packer, cases[i].length);
		pack_bytes(&packer, cases[i].bytes, cases[i].size);
		unpacker_init(&unpacker, packer.data, packer.length);
		if (unpack_text(&unpacker) != NULL || !unpacker.failed)
			fail_msg("case %zu", i);
		packer_done(&packer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_was_packed),
		cmocka_unit_test(what_is_missing_is_zero_and_a_failure),
		cmocka_unit_test(a_number_has_its_bound),
		cmocka_unit_test(refuses_texts_that_lie_about_their_length),
	};

	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
