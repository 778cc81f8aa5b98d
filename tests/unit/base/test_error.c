/* SPDX-License-Identifier: ISC */
/* Failures in words. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "usherd/base/error.h"

static void sets_code_and_sentence_and_returns_the_code(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_set(&err, -EINVAL, "no %s in '%s'", "x", "y"), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.text, "no x in 'y'");
}

static void returns_the_code_without_an_error(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, -ENOMEM, "x"), -ENOMEM);
	assert_int_equal(error_set_errno(NULL, -EIO, "x"), -EIO);
	error_prefix(NULL, "x");
}

static void keeps_errno(void **state)
{
	struct error err = { 0 };

	(void)state;
	errno = ERANGE;
	(void)error_set(&err, -EINVAL, "x");
	assert_int_equal(errno, ERANGE);
	(void)error_set_errno(&err, -12345, "x");
	assert_int_equal(errno, ERANGE);
	error_prefix(&err, "y");
	assert_int_equal(errno, ERANGE);
}

static void appends_the_text_of_the_errno_value(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_set_errno(&err, -ENOENT, "open '%s'", "/x"), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.text, "open '/x': No such file or directory");
}

static void puts_context_in_front(void **state)
{
	struct error err = { 0 };

	(void)state;
	(void)error_set(&err, -EINVAL, "inner");
	error_prefix(&err, "line %d", 3);
	error_prefix(&err, "outer");
	assert_string_equal(err.text, "outer: line 3: inner");
	assert_int_equal(err.code, -EINVAL);
}

static void cuts_long_sentences(void **state)
{
	char longer[2 * ERROR_TEXT_SIZE];
	struct error err = { 0 };

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	(void)error_set(&err, -EINVAL, "%s", longer);
	assert_int_equal(strlen(err.text), ERROR_TEXT_SIZE - 1);
	(void)error_set_errno(&err, -EINVAL, "%s", longer);
	assert_int_equal(strlen(err.text), ERROR_TEXT_SIZE - 1);
	error_prefix(&err, "b");
	assert_int_equal(strlen(err.text), ERROR_TEXT_SIZE - 1);
	assert_memory_equal(err.text, "b: aaa", 6);
	error_prefix(&err, "%s", longer);
	assert_int_equal(strlen(err.text), ERROR_TEXT_SIZE - 1);
}

static void the_old_sentence_may_be_part_of_the_new_one(void **state)
{
	struct error err = { 0 };

	(void)state;
	(void)error_set(&err, -EINVAL, "inner");
	(void)error_set(&err, -EIO, "a %s b", err.text);
	assert_string_equal(err.text, "a inner b");
	(void)error_set_errno(&err, -ENOENT, "c %s", err.text);
	assert_string_equal(err.text, "c a inner b: No such file or directory");
	error_prefix(&err, "%.1s", err.text);
	assert_string_equal(err.text, "c: c a inner b: No such file or directory");
}

static void an_argument_that_cannot_be_converted_gives_no_sentence(void **state)
{
	static const wchar_t wide[] = { (wchar_t)0x7fffffff, 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_set(&err, -EINVAL, "x%ls", wide), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_code_and_sentence_and_returns_the_code),
		cmocka_unit_test(returns_the_code_without_an_error),
		cmocka_unit_test(keeps_errno),
		cmocka_unit_test(appends_the_text_of_the_errno_value),
		cmocka_unit_test(puts_context_in_front),
		cmocka_unit_test(cuts_long_sentences),
		cmocka_unit_test(the_old_sentence_may_be_part_of_the_new_one),
		cmocka_unit_test(an_argument_that_cannot_be_converted_gives_no_sentence),
	};

	return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
