/* SPDX-License-Identifier: ISC */
/* Targets of requests: what they mean, and which mean nothing. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "usherd/http/path.h"

static void finds_the_file_that_is_meant(void **state)
{
	static const struct {
		const char *target;
		const char *path;
		bool directory;
	} cases[] = {
		{ "/", "", true },
		{ "/a", "a", false },
		{ "/a/", "a", true },
		{ "/a/b.txt", "a/b.txt", false },
		{ "/a/b.txt?x=/../y", "a/b.txt", false },
		{ "/a#b", "a", false },
		{ "//a///b//", "a/b", true },
		{ "/./a/./b/.", "a/b", true },
		{ "/a/../b", "b", false },
		{ "/a/b/..", "a", true },
		{ "/a/..", "", true },
		{ "/a/%2e%2E/b", "b", false },
		{ "/a%20b", "a b", false },
		{ "/%61%2Eb", "a.b", false },
		{ "/%c3%a4", "\xc3\xa4", false },
		{ "/a%3Fb%23c%25", "a?b#c%", false },
		{ "/a\\..\\b", "a\\..\\b", false },
		{ "/a../b", "a../b", false },
		{ "/a..", "a..", false },
		{ "/.git/../a", "a", false },
		{ "/.well-known/acme-challenge/x", ".well-known/acme-challenge/x",
		  false },
		{ "http://host/a", "a", false },
		{ "HTTP://host:80/a/", "a", true },
		{ "https://host", "", true },
		{ "http://host?a", "", true },
		{ "/http://host/", "http:/host", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_path path;

		if (http_path_decode(cases[i].target, &path) != 0 ||
		    strcmp(path.text, cases[i].path) != 0 ||
		    path.directory != cases[i].directory)
			fail_msg("%s", cases[i].target);
	}
}

static void refuses_what_means_nothing(void **state)
{
	static const struct {
		const char *target;
		int result;
	} cases[] = {
		{ "", -EINVAL },
		{ "*", -EINVAL },
		{ "a", -EINVAL },
		{ "host:80", -EINVAL },
		{ "ftp://host/a", -EINVAL },
		{ "/..", -EINVAL },
		{ "/../etc/passwd", -EINVAL },
		{ "/a/../../etc/passwd", -EINVAL },
		{ "/%2e%2e/etc/passwd", -EINVAL },
		{ "/a/%2e./%2e%2e/b", -EINVAL },
		{ "//..", -EINVAL },
		{ "http://host/..", -EINVAL },
		{ "/%", -EINVAL },
		{ "/%1", -EINVAL },
		{ "/%g0", -EINVAL },
		{ "/%0g", -EINVAL },
		{ "/a%00b", -EINVAL },
		{ "/a%0ab", -EINVAL },
		{ "/a%7f", -EINVAL },
		{ "/a\x01", -EINVAL },
		{ "/a%2fb", -ENOENT },
		{ "/..%2fb", -ENOENT },
		{ "/.htaccess", -ENOENT },
		{ "/a/.git/config", -ENOENT },
		{ "/%2egit/config", -ENOENT },
		{ "/...", -ENOENT },
		{ "/a/.well-known/b", -ENOENT },
		{ "/.well-known/.b", -ENOENT },
		{ "/.well-known2", -ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_path path;

		if (http_path_decode(cases[i].target, &path) != cases[i].result)
			fail_msg("%s", cases[i].target);
	}
}

static void refuses_what_is_too_long(void **state)
{
	static char target[3 * HTTP_PATH_SIZE];
	struct http_path path;

	(void)state;
	memset(target, 'a', sizeof(target) - 1);
	target[0] = '/';
	assert_int_equal(http_path_decode(target, &path), -ENAMETOOLONG);
	target[HTTP_PATH_SIZE] = '\0';
	assert_int_equal(http_path_decode(target, &path), 0);
	assert_int_equal(strlen(path.text), HTTP_PATH_SIZE - 1);
	target[HTTP_PATH_SIZE] = '/';
	target[HTTP_PATH_SIZE + 1] = '\0';
	assert_int_equal(http_path_decode(target, &path), -ENAMETOOLONG);
	for (size_t i = 0; i < sizeof(target) - 1; i++)
		target[i] = i % 2 == 0 ? '/' : 'a';
	assert_int_equal(http_path_decode(target, &path), -ENAMETOOLONG);
	/* Of slashes and dots nothing is left. */
	for (size_t i = 0; i < sizeof(target) - 1; i++)
		target[i] = i % 2 == 0 ? '/' : '.';
	assert_int_equal(http_path_decode(target, &path), 0);
	assert_string_equal(path.text, "");
}

static void encodes_whatever_is_not_plain(void **state)
{
	char buffer[256];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	http_path_encode("a b/\xc3\xa4?#%&<>\"'\n\x7f:.-_~", &text);
	assert_string_equal(buffer, "a%20b/%C3%A4%3F%23%25%26%3C%3E%22%27%0A%7F%3A.-_~");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_file_that_is_meant),
		cmocka_unit_test(refuses_what_means_nothing),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(encodes_whatever_is_not_plain),
	};

	return cmocka_run_group_tests_name("http/path", tests, NULL, NULL);
}
