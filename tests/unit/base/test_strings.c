/* SPDX-License-Identifier: ISC */
/* Lists of strings: order, the NULL at the end, ownership, and no memory left. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/strings.h"

/* Calls of each kind that still succeed; negative: all of them. They stand in for the C
 * library's: a symbol of the program comes first. */
static int copies_left = -1;
static int arrays_left = -1;

static bool spend(int *left)
{
	if (*left == 0)
		return false;
	if (*left > 0)
		(*left)--;
	return true;
}

char *strdup(const char *string)
{
	size_t size = strlen(string) + 1;
	char *copy = spend(&copies_left) ? malloc(size) : NULL;

	return copy == NULL ? NULL : memcpy(copy, string, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
	return spend(&arrays_left) ? realloc(old, count * size) : NULL;
}

static int restore_memory(void **state)
{
	(void)state;
	copies_left = -1;
	arrays_left = -1;
	return 0;
}

static void fill(struct strings *list, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		const char string[2] = { *letters, '\0' };

		assert_int_equal(strings_add(list, string), 0);
	}
}

static void assert_letters(const struct strings *list, const char *letters)
{
	assert_int_equal(list->count, strlen(letters));
	for (size_t i = 0; i < list->count; i++) {
		assert_int_equal(list->items[i][0], letters[i]);
		assert_int_equal(list->items[i][1], '\0');
	}
	if (list->items != NULL)
		assert_null(list->items[list->count]);
}

static void all_zero_is_an_empty_list(void **state)
{
	struct strings list = { 0 };
	struct strings other = { 0 };

	(void)state;
	assert_int_equal(strings_find(&list, ""), -1);
	assert_true(strings_equal(&list, &other));
	assert_int_equal(strings_add_all(&list, &other), 0);
	assert_null(list.items);
	strings_done(&list);
	strings_done(&list);
}

static void is_followed_by_null_after_every_step(void **state)
{
	struct strings list = { 0 };
	char expected[201] = "";

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		const char letter[2] = { (char)('a' + i % 26), '\0' };

		expected[i] = letter[0];
		assert_int_equal(strings_add(&list, letter), 0);
		assert_letters(&list, expected);
	}
	while (list.count > 0) {
		strings_remove(&list, list.count - 1);
		expected[list.count] = '\0';
		assert_letters(&list, expected);
	}
	assert_non_null(list.items);
	fill(&list, "xy");
	assert_letters(&list, "xy");
	strings_done(&list);
	assert_null(list.items);
	assert_int_equal(list.count, 0);
}

static void keeps_copies_not_pointers(void **state)
{
	struct strings list = { 0 };
	char word[] = "word";

	(void)state;
	assert_int_equal(strings_add(&list, word), 0);
	word[0] = 'x';
	assert_string_equal(list.items[0], "word");
	assert_int_equal(strings_add(&list, list.items[0]), 0);
	assert_string_equal(list.items[1], "word");
	assert_ptr_not_equal(list.items[0], list.items[1]);
	strings_done(&list);
}

static void removes_from_every_place_in_order(void **state)
{
	struct strings list = { 0 };

	(void)state;
	fill(&list, "abcd");
	strings_remove(&list, 1);
	assert_letters(&list, "acd");
	strings_remove(&list, 0);
	assert_letters(&list, "cd");
	strings_remove(&list, 1);
	assert_letters(&list, "c");
	strings_remove(&list, 0);
	assert_letters(&list, "");
	strings_done(&list);
}

static void finds_the_first_of_equal_items(void **state)
{
	struct strings list = { 0 };

	(void)state;
	fill(&list, "abcb");
	assert_int_equal(strings_find(&list, "b"), 1);
	assert_int_equal(strings_find(&list, "c"), 2);
	assert_int_equal(strings_find(&list, "B"), -1);
	assert_true(strings_have_word(&list, "B"));
	assert_false(strings_have_word(&list, "bb"));
	assert_int_equal(strings_find(&list, ""), -1);
	assert_int_equal(strings_add(&list, ""), 0);
	assert_int_equal(strings_find(&list, ""), 4);
	strings_done(&list);
}

static void equality_is_of_content_and_order(void **state)
{
	struct strings a = { 0 };
	struct strings b = { 0 };

	(void)state;
	fill(&a, "ab");
	fill(&b, "a");
	assert_false(strings_equal(&a, &b));
	fill(&b, "b");
	assert_true(strings_equal(&a, &b));
	strings_remove(&b, 0);
	fill(&b, "a");
	assert_false(strings_equal(&a, &b));
	strings_done(&a);
	strings_done(&b);
}

static void adds_another_list_or_itself(void **state)
{
	struct strings a = { 0 };
	struct strings b = { 0 };

	(void)state;
	fill(&a, "ab");
	assert_int_equal(strings_add_all(&b, &a), 0);
	assert_letters(&b, "ab");
	assert_int_equal(strings_add_all(&b, &b), 0);
	assert_letters(&b, "abab");
	assert_letters(&a, "ab");
	strings_done(&a);
	strings_done(&b);
}

static void is_unchanged_when_memory_is_out(void **state)
{
	struct strings list = { 0 };
	struct strings others = { 0 };

	(void)state;
	fill(&list, "ab");
	fill(&others, "xyz");
	copies_left = 0;
	assert_int_equal(strings_add(&list, "c"), -ENOMEM);
	assert_letters(&list, "ab");
	copies_left = 2;
	assert_int_equal(strings_add_all(&list, &others), -ENOMEM);
	assert_letters(&list, "ab");
	copies_left = -1;
	arrays_left = 0;
	assert_int_equal(strings_add(&list, "c"), -ENOMEM);
	assert_letters(&list, "ab");
	arrays_left = 2;
	assert_int_equal(strings_add_all(&list, &others), -ENOMEM);
	assert_letters(&list, "ab");
	arrays_left = -1;
	assert_int_equal(strings_add_all(&list, &others), 0);
	assert_letters(&list, "abxyz");
	strings_done(&list);
	strings_done(&others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_zero_is_an_empty_list),
		cmocka_unit_test(is_followed_by_null_after_every_step),
		cmocka_unit_test(keeps_copies_not_pointers),
		cmocka_unit_test(removes_from_every_place_in_order),
		cmocka_unit_test(finds_the_first_of_equal_items),
		cmocka_unit_test(equality_is_of_content_and_order),
		cmocka_unit_test(adds_another_list_or_itself),
		cmocka_unit_test_teardown(is_unchanged_when_memory_is_out,
					  restore_memory),
	};

	return cmocka_run_group_tests_name("base/strings", tests, NULL, NULL);
}
