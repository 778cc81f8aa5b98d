/* SPDX-License-Identifier: ISC */
/* Types by name, and a table that can be searched. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "usherd/http/type.h"

static void tells_the_type_by_the_last_extension(void **state)
{
	static const struct {
		const char *path;
		const char *type;
	} cases[] = {
		{ "index.html", "text/html; charset=utf-8" },
		{ "a/b/INDEX.HTM", "text/html; charset=utf-8" },
		{ "a.css", "text/css; charset=utf-8" },
		{ "a.js", "text/javascript; charset=utf-8" },
		{ "a.b.txt", "text/plain; charset=utf-8" },
		{ "a.json", "application/json" },
		{ "a.svg", "image/svg+xml" },
		{ "a.png", "image/png" },
		{ "a.7z", "application/x-7z-compressed" },
		{ "a.zst", "application/zstd" },
		{ "a.woff2", "font/woff2" },
		{ "a.html.gz", "application/gzip" },
		{ "README", "application/octet-stream" },
		{ "a.html/README", "application/octet-stream" },
		{ "a.", "application/octet-stream" },
		{ ".html", "application/octet-stream" },
		{ "a.unheard-of", "application/octet-stream" },
		{ "", "application/octet-stream" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(http_type_of(cases[i].path)->name, cases[i].type) != 0)
			fail_msg("%s: %s", cases[i].path,
				 http_type_of(cases[i].path)->name);
	assert_true(http_type_of("a.html")->compresses);
	assert_false(http_type_of("a.png")->compresses);
	assert_false(http_type_of("a.gz")->compresses);
}

/* Whatever stands in the table is found, or it would not be in order. */
static void finds_each_of_them(void **state)
{
	const struct http_type *first = http_type_of("a.7z");
	const struct http_type *last = http_type_of("a.zst");
	char path[64];

	(void)state;
	assert_true(last - first > 80);
	for (const struct http_type *type = first; type <= last; type++) {
		(void)snprintf(path, sizeof(path), "x.%s", type->extension);
		assert_ptr_equal(http_type_of(path), type);
		assert_non_null(strchr(type->name, '/'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_type_by_the_last_extension),
		cmocka_unit_test(finds_each_of_them),
	};

	return cmocka_run_group_tests_name("http/type", tests, NULL, NULL);
}
