/* SPDX-License-Identifier: ISC */
/* SipHash-2-4 against the test vectors of its paper and of its reference implementation:
 * key 00 to 0f, message 00 01 02 ... */
#include "test.h"

#include "usherd/base/siphash.h"

static const struct siphash_key key = { { UINT64_C(0x0706050403020100),
					  UINT64_C(0x0f0e0d0c0b0a0908) } };

static void gives_the_published_values(void **state)
{
	static const struct {
		size_t length;
		uint64_t hash;
	} vectors[] = {
		{ 0, UINT64_C(0x726fdb47dd0e0e31) },
		{ 1, UINT64_C(0x74f839c593dc67fd) },
		{ 7, UINT64_C(0xab0200f58b01d137) },
		{ 8, UINT64_C(0x93f5f5799a932462) },
		{ 15, UINT64_C(0xa129ca6149be45e5) },
		{ 16, UINT64_C(0x3f2acc7f57c29bdb) },
		{ 63, UINT64_C(0x958a324ceb064572) },
	};
	uint8_t message[64];

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_int_equal(siphash(&key, message, vectors[i].length),
				 vectors[i].hash);
}

static void makes_a_key_of_its_own_each_time(void **state)
{
	struct siphash_key one = { { 0 } }, two = { { 0 } };

	(void)state;
	assert_int_equal(siphash_make_key(&one), 0);
	assert_int_equal(siphash_make_key(&two), 0);
	assert_int_not_equal(one.words[0], two.words[0]);
	assert_int_not_equal(siphash(&one, "x", 1), siphash(&two, "x", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_published_values),
		cmocka_unit_test(makes_a_key_of_its_own_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
