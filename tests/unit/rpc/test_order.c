/* SPDX-License-Identifier: ISC */
/* Lines that are orders, and those that are none. */
#include <string.h>

#include "test.h"
#include "usherd/rpc/order.h"

static void reads_an_order(void **state)
{
	struct order order;

	(void)state;
	assert_int_equal(order_parse("+ 100002 2 3 udp6 ::.4.1\n", &order, NULL), 0);
	assert_int_equal(order.sign, '+');
	assert_int_equal(order.program, 100002);
	assert_int_equal(order.first, 2);
	assert_int_equal(order.last, 3);
	assert_string_equal(order.netid, "udp6");
	assert_string_equal(order.address, "::.4.1");
	assert_int_equal(order_parse("-4294967295 0 255 tcp 0.0.0.0.0.1", &order, NULL),
			 0);
	assert_true(order.program == UINT32_MAX);
}

static void refuses_what_is_none(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"* 1 1 1 tcp 0.0.0.0.4.1",
		"+ 1 1 1 tcp",
		"+ 1 1 1 tcp 0.0.0.0.4.1 more",
		"+ one 1 1 tcp 0.0.0.0.4.1",
		"+ 4294967296 1 1 tcp 0.0.0.0.4.1",
		"+ 1 -1 1 tcp 0.0.0.0.4.1",
		"+ 1 2 1 tcp 0.0.0.0.4.1",
		"+ 1 0 256 tcp 0.0.0.0.4.1",
	};
	struct order order;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_true(order_parse(lines[i], &order, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_order),
		cmocka_unit_test(refuses_what_is_none),
	};

	return cmocka_run_group_tests_name("rpc/order", tests, NULL, NULL);
}
