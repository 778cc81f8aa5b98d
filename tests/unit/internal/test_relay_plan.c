/* SPDX-License-Identifier: ISC */
/* What a relay decides: pure functions. */
#include "relay_bench.h"

#include <poll.h>

#include "usherd/base/clock.h"

static void time_is_shared_among_those_left(void **state)
{
	(void)state;
	assert_int_equal(relay_share_ns(0, 3 * CLOCK_NS_PER_MS * 10, 3),
			 CLOCK_NS_PER_MS * 10);
	assert_int_equal(relay_share_ns(CLOCK_NS_PER_MS, 3 * CLOCK_NS_PER_MS, 1),
			 2 * CLOCK_NS_PER_MS);
}

static void nobody_has_less_than_a_millisecond(void **state)
{
	(void)state;
	assert_int_equal(relay_share_ns(10, 20, 1), CLOCK_NS_PER_MS);
	assert_int_equal(relay_share_ns(20, 10, 1), CLOCK_NS_PER_MS);
	assert_int_equal(relay_share_ns(0, 10, 0), CLOCK_NS_PER_MS);
}

static void sides_are_read_until_their_end(void **state)
{
	const struct relay_state open = { 0 };
	const struct relay_state over = { .over = true };

	(void)state;
	assert_int_equal(relay_events(open, open, false), POLLIN | POLLRDHUP);
	assert_int_equal(relay_events(open, over, true), POLLIN | POLLRDHUP);
	assert_int_equal(relay_events(over, open, false), POLLERR);
}

static void nothing_is_read_while_something_is_held(void **state)
{
	const struct relay_state open = { 0 };
	const struct relay_state over = { .over = true };
	const struct relay_state holding = { .holding = true };

	(void)state;
	assert_int_equal(relay_events(holding, open, false), POLLERR);
	assert_int_equal(relay_events(open, holding, false),
			 POLLIN | POLLRDHUP | POLLOUT);
	assert_int_equal(relay_events(over, holding, false), POLLOUT);
}

/* Asked for anything at all, poll(2) would tell of the hang-up again and again. */
static void side_that_hung_up_is_asked_for_nothing(void **state)
{
	const struct relay_state over = { .over = true };

	(void)state;
	assert_int_equal(relay_events(over, over, true), 0);
}

static void long_streams_of_full_buffers_are_bulk(void **state)
{
	(void)state;
	assert_false(relay_is_bulk(false, RELAY_SPLICE_AFTER - 1, 100, true));
	assert_true(relay_is_bulk(false, RELAY_SPLICE_AFTER, 100, true));
	assert_false(relay_is_bulk(false, RELAY_SPLICE_AFTER * 9, 100, false));
}

static void bulk_that_thins_out_is_copied_again(void **state)
{
	(void)state;
	assert_true(relay_is_bulk(true, 0, RELAY_BULK_BYTES, false));
	assert_false(
		relay_is_bulk(true, RELAY_SPLICE_AFTER * 9, RELAY_BULK_BYTES - 1, false));
}

/* Three addresses, 127.0.0.1 to .3, with port 9. */
static struct routes *three_routes(const struct route_filter *filter)
{
	struct target target = { 0 };
	struct target_list list = { .items = &target, .count = 1 };
	struct routes *routes = NULL;

	for (int i = 0; i < 3; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "127.0.0.%d", i + 1);
		assert_int_equal(addr_parse_ip(text, 9,
					       &target.at.addresses[target.at.count++],
					       NULL),
				 0);
	}
	assert_int_equal(routes_new(&list, filter, &routes), 0);
	return routes;
}

static void routes_are_tried_in_order_each_once(void **state)
{
	struct routes *routes = three_routes(NULL);
	struct route_set tried = { 0 };
	size_t left;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(routes_next(routes, tried, 1, &left), i);
		assert_int_equal(left, 3 - i);
		tried.bits |= UINT64_C(1) << i;
	}
	assert_int_equal(routes_next(routes, tried, 1, &left), -1);
	assert_int_equal(left, 0);
	routes_unref(routes);
}

static void resting_routes_come_last(void **state)
{
	struct routes *routes = three_routes(NULL);
	struct route_set tried = { 0 };
	size_t left;

	(void)state;
	routes->items[0].rests_until_ns = 100;
	assert_int_equal(routes_next(routes, tried, 99, &left), 1);
	assert_int_equal(left, 3);
	assert_int_equal(routes_next(routes, tried, 100, &left), 0);
	tried.bits = 6;
	assert_int_equal(routes_next(routes, tried, 99, &left), 0);
	assert_int_equal(left, 1);
	routes_unref(routes);
}

static void new_list_remembers_who_rests(void **state)
{
	struct routes *old = three_routes(NULL);
	struct routes *new = three_routes(NULL);

	(void)state;
	old->items[1].rests_until_ns = 100;
	routes_remember(new, old);
	assert_int_equal(new->items[0].rests_until_ns, 0);
	assert_int_equal(new->items[1].rests_until_ns, 100);
	routes_unref(old);
	routes_unref(new);
}

static bool refuses_second(const struct route_filter *filter, const struct addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	(void)filter;
	return strcmp(addr_format_host(addr, text), "127.0.0.2") == 0;
}

static void addresses_that_lead_back_are_left_out(void **state)
{
	const struct route_filter filter = { .refuses = refuses_second };
	struct routes *routes = three_routes(&filter);
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(routes->count, 2);
	assert_string_equal(addr_format_host(&routes->items[1].addr, text), "127.0.0.3");
	routes_unref(routes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_is_shared_among_those_left),
		cmocka_unit_test(nobody_has_less_than_a_millisecond),
		cmocka_unit_test(sides_are_read_until_their_end),
		cmocka_unit_test(nothing_is_read_while_something_is_held),
		cmocka_unit_test(side_that_hung_up_is_asked_for_nothing),
		cmocka_unit_test(long_streams_of_full_buffers_are_bulk),
		cmocka_unit_test(bulk_that_thins_out_is_copied_again),
		cmocka_unit_test(routes_are_tried_in_order_each_once),
		cmocka_unit_test(resting_routes_come_last),
		cmocka_unit_test(new_list_remembers_who_rests),
		cmocka_unit_test(addresses_that_lead_back_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
