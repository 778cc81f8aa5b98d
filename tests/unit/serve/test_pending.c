/* SPDX-License-Identifier: ISC */
/* The order of what is held, and who owns it. */
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "usherd/serve/pending.h"

/* A sanitizer is to refuse memory as malloc(3) does, not to end the process. */
/* NOLINTNEXTLINE: called by this name. */
const char *__asan_default_options(void);

/* NOLINTNEXTLINE: called by this name. */
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void add(struct pending_list *list, const char *text)
{
	uint8_t data[64];
	struct datagram datagram = { .data = data, .length = strlen(text) };

	assert_true(datagram.length <= sizeof(data));
	memcpy(data, text, datagram.length);
	pending_add(list, &datagram);
	/* What the list keeps is a copy. */
	memset(data, '#', sizeof(data));
}

static void expect(struct pending_list *list, const char *text)
{
	struct pending *one = pending_take(list);

	assert_non_null(one);
	assert_int_equal(one->datagram.length, strlen(text));
	assert_memory_equal(one->datagram.data, text, strlen(text));
	free(one);
}

static void gives_nothing_when_empty(void **state)
{
	struct pending_list list = { 0 };

	(void)state;
	assert_null(pending_take(&list));
	assert_int_equal(list.count, 0);
	pending_done(&list);
}

static void gives_back_in_the_order_of_arrival(void **state)
{
	struct pending_list list = { 0 };

	(void)state;
	add(&list, "one");
	add(&list, "two");
	add(&list, "three");
	assert_int_equal(list.count, 3);
	expect(&list, "one");
	expect(&list, "two");
	add(&list, "four");
	expect(&list, "three");
	expect(&list, "four");
	assert_null(pending_take(&list));
	assert_int_equal(list.count, 0);
}

static void is_a_list_again_after_the_last_was_taken(void **state)
{
	struct pending_list list = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		add(&list, "only");
		assert_ptr_equal(list.first, list.last);
		expect(&list, "only");
		assert_null(list.first);
		assert_null(list.last);
	}
}

static void keeps_addresses_and_empty_datagrams(void **state)
{
	struct pending_list list = { 0 };
	struct datagram datagram = { .interface = 3, .multicast = true };
	struct pending *one;

	(void)state;
	assert_int_equal(addr_parse_ip("192.0.2.1", 69, &datagram.peer, NULL), 0);
	assert_int_equal(addr_parse_ip("192.0.2.9", 7, &datagram.local, NULL), 0);
	pending_add(&list, &datagram);
	one = pending_take(&list);
	assert_non_null(one);
	assert_int_equal(one->datagram.length, 0);
	assert_int_equal(one->datagram.interface, 3);
	assert_true(one->datagram.multicast);
	assert_true(addr_equal(&one->datagram.peer, &datagram.peer));
	assert_true(addr_equal(&one->datagram.local, &datagram.local));
	free(one);
}

static void moves_from_list_to_list(void **state)
{
	struct pending_list from = { 0 };
	struct pending_list to = { 0 };

	(void)state;
	add(&from, "one");
	add(&from, "two");
	add(&to, "zero");
	pending_put(&to, pending_take(&from));
	pending_put(&to, pending_take(&from));
	assert_int_equal(from.count, 0);
	assert_int_equal(to.count, 3);
	expect(&to, "zero");
	expect(&to, "one");
	expect(&to, "two");
	assert_null(pending_take(&to));
}

static void frees_what_nobody_took(void **state)
{
	struct pending_list list = { 0 };

	(void)state;
	for (int i = 0; i < PENDING_MAX; i++)
		add(&list, "left");
	assert_int_equal(list.count, PENDING_MAX);
	pending_done(&list);
	assert_int_equal(list.count, 0);
	assert_int_equal(list.dropped, 0);
	assert_null(list.first);
	add(&list, "again");
	expect(&list, "again");
}

static void counts_what_does_not_fit_into_memory(void **state)
{
	struct pending_list list = { 0 };
	uint8_t byte = 0;
	/* More than any allocator gives; never copied from. */
	struct datagram datagram = { .data = &byte, .length = PTRDIFF_MAX - 4096 };

	(void)state;
	add(&list, "before");
	pending_add(&list, &datagram);
	assert_int_equal(list.dropped, 1);
	assert_int_equal(list.count, 1);
	expect(&list, "before");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_nothing_when_empty),
		cmocka_unit_test(gives_back_in_the_order_of_arrival),
		cmocka_unit_test(is_a_list_again_after_the_last_was_taken),
		cmocka_unit_test(keeps_addresses_and_empty_datagrams),
		cmocka_unit_test(moves_from_list_to_list),
		cmocka_unit_test(frees_what_nobody_took),
		cmocka_unit_test(counts_what_does_not_fit_into_memory),
	};

	return cmocka_run_group_tests_name("serve/pending", tests, NULL, NULL);
}
