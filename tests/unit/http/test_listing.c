/* SPDX-License-Identifier: ISC */
/* Pages of directories: in order, harmless, and not without end. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/http/listing.h"

static char *page_of(struct http_listing *listing, const char *path)
{
	char *page;
	size_t size;

	assert_int_equal(http_listing_page(listing, path, &page, &size), 0);
	assert_int_equal(strlen(page), size);
	assert_true(size < HTTP_LISTING_BYTES);
	assert_non_null(strstr(page, "</html>\n"));
	return page;
}

static size_t count_of(const char *page, const char *part)
{
	size_t count = 0;

	while ((page = strstr(page, part)) != NULL) {
		page += strlen(part);
		count++;
	}
	return count;
}

static void lists_names_in_order(void **state)
{
	struct http_listing listing = { 0 };
	char *page;

	(void)state;
	assert_int_equal(http_listing_add(&listing, "b", false), 0);
	assert_int_equal(http_listing_add(&listing, "c", true), 0);
	assert_int_equal(http_listing_add(&listing, "a.txt", false), 0);
	assert_int_equal(http_listing_add(&listing, ".hidden", false), 0);
	assert_int_equal(http_listing_add(&listing, "..", true), 0);
	assert_int_equal(http_listing_add(&listing, "not\nshown", false), 0);
	assert_int_equal(http_listing_add(&listing, "\x7f", false), 0);
	page = page_of(&listing, "x/y");
	assert_non_null(strstr(page, "<h1>/x/y</h1>\n<ul>\n"
				     "<li><a href=\"../\">../</a></li>\n"
				     "<li><a href=\"./a.txt\">a.txt</a></li>\n"
				     "<li><a href=\"./b\">b</a></li>\n"
				     "<li><a href=\"./c/\">c/</a></li>\n"
				     "</ul>\n</body>"));
	free(page);
	http_listing_done(&listing);
}

static void has_no_way_up_from_the_root(void **state)
{
	struct http_listing listing = { 0 };
	char *page = page_of(&listing, "");

	(void)state;
	assert_null(strstr(page, "<li>"));
	free(page);
}

static void makes_every_name_harmless(void **state)
{
	struct http_listing listing = { 0 };
	char *page;

	(void)state;
	assert_int_equal(http_listing_add(&listing, "<script>alert('\"&", false), 0);
	assert_int_equal(http_listing_add(&listing, "javascript:x", false), 0);
	page = page_of(&listing, "<b>");
	assert_non_null(strstr(page, "<a href=\"./%3Cscript%3Ealert%28%27%22%26\">"
				     "&lt;script&gt;alert(&#39;&quot;&amp;</a>"));
	assert_non_null(strstr(page, "<a href=\"./javascript%3Ax\">"));
	assert_non_null(strstr(page, "<h1>/&lt;b&gt;</h1>"));
	assert_null(strstr(page, "<script"));
	free(page);
	http_listing_done(&listing);
}

static void takes_only_so_many(void **state)
{
	struct http_listing listing = { 0 };
	char *page;

	(void)state;
	for (unsigned i = 0; i < HTTP_LISTING_ENTRIES; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%06u", HTTP_LISTING_ENTRIES - 1 - i);
		assert_int_equal(http_listing_add(&listing, name, false), 0);
	}
	page = page_of(&listing, "");
	assert_int_equal(count_of(page, "<li>"), HTTP_LISTING_ENTRIES);
	assert_null(strstr(page, "There is more"));
	free(page);
	assert_int_equal(http_listing_add(&listing, "more", false), -ENOSPC);
	page = page_of(&listing, "");
	assert_non_null(strstr(page, "There is more"));
	free(page);
	http_listing_done(&listing);
}

static void never_gets_longer_than_it_may(void **state)
{
	struct http_listing listing = { 0 };
	char name[256], path[4096];
	char *page;

	(void)state;
	memset(name, '"', sizeof(name));
	memset(path, '"', sizeof(path));
	name[255] = '\0';
	path[4095] = '\0';
	for (unsigned i = 0; i < HTTP_LISTING_ENTRIES; i++)
		assert_int_equal(http_listing_add(&listing, name, true), 0);
	page = page_of(&listing, path);
	assert_non_null(strstr(page, "There is more"));
	assert_true(count_of(page, "<li>") > 100);
	free(page);
	http_listing_done(&listing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_names_in_order),
		cmocka_unit_test(has_no_way_up_from_the_root),
		cmocka_unit_test(makes_every_name_harmless),
		cmocka_unit_test(takes_only_so_many),
		cmocka_unit_test(never_gets_longer_than_it_may),
	};

	return cmocka_run_group_tests_name("http/listing", tests, NULL, NULL);
}
