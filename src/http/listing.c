/* SPDX-License-Identifier: ISC */
/* Names that anybody may have chosen, made into a page that does nothing but name them.
 */
#include "usherd/http/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/text.h"
#include "usherd/http/path.h"

#define ENTRIES_FIRST 64

/* An entry twice, encoded and escaped, in the worst case. */
#define ENTRY_BYTES_MAX (256 * 3 + 256 * 6 + 64)

/* Head and end around the entries: the path twice, and what is written there besides. */
#define FRAME_BYTES_MAX (2 * HTTP_PATH_SIZE * 6 + 1024)

int http_listing_add(struct http_listing *listing, const char *name, bool directory)
{
	struct http_entry *entries = listing->entries;
	size_t count = listing->count;

	if (http_path_is_hidden(name))
		return 0;
	if (count == HTTP_LISTING_ENTRIES) {
		listing->cut = true;
		return -ENOSPC;
	}
	/* A power of two: it is full. */
	if (count == 0 || (count >= ENTRIES_FIRST && (count & (count - 1)) == 0)) {
		entries = reallocarray(entries, count == 0 ? ENTRIES_FIRST : count * 2,
				       sizeof(*entries));
		if (entries == NULL)
			return -ENOMEM;
		listing->entries = entries;
	}
	entries[count].name = strdup(name);
	if (entries[count].name == NULL)
		return -ENOMEM;
	entries[count].directory = directory;
	listing->count++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct http_entry *left = a;
	const struct http_entry *right = b;

	return strcmp(left->name, right->name);
}

static const char *escape_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void add_escaped(struct text *page, const char *name)
{
	for (; *name != '\0'; name++) {
		const char *escape = escape_of(*name);

		if (escape != NULL)
			text_add(page, escape);
		else
			text_add_bytes(page, name, 1);
	}
}

/* "./" in front keeps a colon in the name from ending a scheme; it is encoded anyway. */
static void add_entry(struct text *page, const struct http_entry *entry)
{
	const char *slash = entry->directory ? "/" : "";

	text_add(page, "<li><a href=\"./");
	http_path_encode(entry->name, page);
	text_addf(page, "%s\">", slash);
	add_escaped(page, entry->name);
	text_addf(page, "%s</a></li>\n", slash);
}

static void add_head(struct text *page, const char *path)
{
	text_add(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		       "<meta charset=\"utf-8\">\n<title>/");
	add_escaped(page, path);
	text_add(page, "</title>\n</head>\n<body>\n<h1>/");
	add_escaped(page, path);
	text_add(page, "</h1>\n<ul>\n");
	if (path[0] != '\0')
		text_add(page, "<li><a href=\"../\">../</a></li>\n");
}

int http_listing_page(struct http_listing *listing, const char *path, char **ret,
		      size_t *ret_size)
{
	size_t size = FRAME_BYTES_MAX + listing->count * ENTRY_BYTES_MAX;
	struct text page;
	char *buffer;

	if (size > HTTP_LISTING_BYTES)
		size = HTTP_LISTING_BYTES;
	buffer = malloc(size);
	if (buffer == NULL)
		return -ENOMEM;
	text_init(&page, buffer, size);
	add_head(&page, path);
	if (listing->count > 0)
		qsort(listing->entries, listing->count, sizeof(*listing->entries),
		      compare);
	for (size_t i = 0; i < listing->count; i++) {
		/* What ends the page has to fit as well. */
		if (size - page.length < ENTRY_BYTES_MAX + 128) {
			listing->cut = true;
			break;
		}
		add_entry(&page, &listing->entries[i]);
	}
	text_addf(&page, "</ul>\n%s</body>\n</html>\n",
		  listing->cut ? "<p>There is more than is listed here.</p>\n" : "");
	*ret = buffer;
	*ret_size = page.length;
	return 0;
}

void http_listing_done(struct http_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->entries[i].name);
	free(listing->entries);
	*listing = (struct http_listing){ 0 };
}
