/* SPDX-License-Identifier: ISC */
/* The nearest word: what is near enough, what is nearer. */
#include "test.h"

#include <string.h>

#include "usherd/base/closest.h"

static const char *nearest(const char *word, const char *candidate)
{
	struct closest search;

	closest_init(&search, word);
	closest_consider(&search, candidate);
	return search.best;
}

static unsigned distance(const char *word, const char *candidate)
{
	struct closest search;

	closest_init(&search, word);
	closest_consider(&search, candidate);
	assert_non_null(search.best);
	return search.best_distance;
}

static void counts_each_kind_of_slip_as_one(void **state)
{
	(void)state;
	assert_int_equal(distance("server", "server"), 0);
	assert_int_equal(distance("sever", "server"), 1);
	assert_int_equal(distance("serrver", "server"), 1);
	assert_int_equal(distance("sarver", "server"), 1);
	assert_int_equal(distance("sevrer", "server"), 1);
	assert_int_equal(distance("sokcet_tpye", "socket_type"), 2);
}

static void does_not_edit_swapped_letters_again(void **state)
{
	(void)state;
	/* Optimal string alignment says 3 where unrestricted Damerau says 2. */
	assert_null(nearest("caxyz", "abcxyz"));
	assert_int_equal(distance("caxyz", "acxyz"), 1);
}

static void letter_case_does_not_count(void **state)
{
	(void)state;
	assert_int_equal(distance("SERVER_args", "server_ARGS"), 0);
	assert_int_equal(distance("SEVRER", "server"), 1);
	/* Neighbours of the letters in ASCII are not letters. */
	assert_int_equal(distance("ab@de", "ab`de"), 1);
	assert_int_equal(distance("ab[de", "ab{de"), 1);
}

static void long_words_may_differ_by_two_short_ones_by_one(void **state)
{
	(void)state;
	assert_non_null(nearest("hello", "help"));
	assert_null(nearest("hello", "hexxx"));
	assert_non_null(nearest("port", "sort"));
	assert_null(nearest("port", "sart"));
	assert_null(nearest("sart", "port"));
	assert_null(nearest("user", "userxx"));
}

static void nothing_is_near_at_first(void **state)
{
	struct closest search;

	(void)state;
	closest_init(&search, "word");
	assert_string_equal(search.word, "word");
	assert_null(search.best);
}

static void the_nearest_wins_and_the_first_of_equals(void **state)
{
	struct closest search;

	(void)state;
	closest_init(&search, "instancse");
	closest_consider(&search, "instants");
	closest_consider(&search, "port");
	closest_consider(&search, "instances");
	assert_string_equal(search.best, "instances");
	assert_int_equal(search.best_distance, 1);
	closest_consider(&search, "instancs");
	assert_string_equal(search.best, "instances");
	closest_consider(&search, "instants");
	assert_string_equal(search.best, "instances");
}

static void empty_words_do_no_harm(void **state)
{
	(void)state;
	assert_int_equal(distance("", ""), 0);
	assert_int_equal(distance("", "a"), 1);
	assert_int_equal(distance("a", ""), 1);
	assert_null(nearest("", "ab"));
	assert_null(nearest("hello", ""));
}

static void very_long_words_are_left_alone(void **state)
{
	char longest[65];
	char longer[66];

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(distance(longest, longest), 0);
	assert_null(nearest(longest, longer));
	assert_null(nearest(longer, longest));
	assert_null(nearest(longer, longer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_each_kind_of_slip_as_one),
		cmocka_unit_test(does_not_edit_swapped_letters_again),
		cmocka_unit_test(letter_case_does_not_count),
		cmocka_unit_test(long_words_may_differ_by_two_short_ones_by_one),
		cmocka_unit_test(nothing_is_near_at_first),
		cmocka_unit_test(the_nearest_wins_and_the_first_of_equals),
		cmocka_unit_test(empty_words_do_no_harm),
		cmocka_unit_test(very_long_words_are_left_alone),
	};

	return cmocka_run_group_tests_name("base/closest", tests, NULL, NULL);
}
