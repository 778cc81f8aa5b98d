/* SPDX-License-Identifier: ISC */
/*
 * What an HTTP client writes and the http floor reads: the first byte chooses the reader,
 * the rest is one NUL-terminated value.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/http/coding.h"
#include "usherd/http/condition.h"
#include "usherd/http/date.h"
#include "usherd/http/listing.h"
#include "usherd/http/path.h"
#include "usherd/http/range.h"
#include "usherd/http/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No way leads up, into what is hidden, or to a name that is none. */
static void check_segments(const char *path)
{
	const char *at = path;

	while (*at != '\0') {
		size_t length = strcspn(at, "/");

		assert(length > 0);
		assert(at[0] != '.' || (at == path && length == strlen(".well-known")));
		at += length;
		at += *at == '/';
		assert(at[-1] != '/' || *at != '\0');
	}
}

/* What was decoded means itself when it is encoded again. */
static void read_path(const char *text)
{
	static struct http_path path, again;
	static char target[3 * HTTP_PATH_SIZE + 2];
	struct text encoded;

	if (http_path_decode(text, &path) != 0)
		return;
	assert(strlen(path.text) < sizeof(path.text));
	check_segments(path.text);
	for (const char *at = path.text; *at != '\0'; at++)
		assert((unsigned char)*at >= 0x20 && *at != 0x7f);
	text_init(&encoded, target, sizeof(target));
	text_add(&encoded, "/");
	http_path_encode(path.text, &encoded);
	assert(!encoded.truncated);
	assert(http_path_decode(target, &again) == 0);
	assert(strcmp(path.text, again.text) == 0);
	assert(strchr(http_type_of(path.text)->name, '/') != NULL);
}

static void read_range(const char *text)
{
	static const uint64_t sizes[] = { 0, 1, 10, 1000000, UINT64_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct http_range range;

		if (http_range_parse(text, sizes[i], &range) == HTTP_RANGE_PART)
			assert(range.first <= range.last && range.last < sizes[i]);
	}
}

static void read_date(const char *text)
{
	char buffer[HTTP_DATE_SIZE];
	int64_t moment, again;

	if (!http_date_parse(text, &moment))
		return;
	if (moment < 0)
		return;
	assert(http_date_parse(http_date_format(moment, buffer), &again));
	assert(moment == again);
}

static void read_conditions(const char *text)
{
	const struct http_validator validator = { .etag = "\"a\"", .modified = 1 };
	const struct http_conditions match = { .if_match = text };
	const struct http_conditions others = { .if_none_match = text, .if_range = text };
	const struct http_conditions dates = { .if_modified_since = text,
					       .if_unmodified_since = text };

	assert(http_condition_decide(&match, &validator) != HTTP_OUTCOME_NOT_MODIFIED);
	assert(http_condition_decide(&others, &validator) != HTTP_OUTCOME_FAILED);
	(void)http_condition_decide(&dates, &validator);
	/* A strong match is a weak one as well. */
	if (http_condition_decide(&match, &validator) == HTTP_OUTCOME_SEND)
		assert(http_condition_decide(&others, &validator) ==
		       HTTP_OUTCOME_NOT_MODIFIED);
	(void)http_condition_allows_range(&others, &validator);
}

/* The lines of @text as names. */
static void write_listing(const char *text)
{
	struct http_listing listing = { 0 };
	char *copy = strdup(text);
	char *page;
	size_t size;

	assert(copy != NULL);
	for (char *rest = copy, *name; (name = strsep(&rest, "\n")) != NULL;)
		if (strlen(name) <= 255)
			(void)http_listing_add(&listing, name, name[0] == 'd');
	assert(http_listing_page(&listing, copy, &page, &size) == 0);
	assert(size < HTTP_LISTING_BYTES && strlen(page) == size);
	/* Only the frame's own tags. */
	for (const char *at = page; (at = strchr(at, '<')) != NULL; at++)
		assert(strchr("!hmtbula/p", at[1]) != NULL);
	free(page);
	free(copy);
	http_listing_done(&listing);
}

static void read_coding(const char *text)
{
	(void)http_coding_accepts_gzip(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *) = { read_path,     read_range,
							 read_date,     read_conditions,
							 write_listing, read_coding };
	char *text;

	if (size == 0)
		return 0;
	text = calloc(size, 1);
	assert(text != NULL);
	memcpy(text, data + 1, size - 1);
	readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](text);
	free(text);
	return 0;
}
