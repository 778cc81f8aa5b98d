/* SPDX-License-Identifier: ISC */
/* The page that lists a directory. Pure but for memory, which is bounded. */
#ifndef USHERD_HTTP_LISTING_H
#define USHERD_HTTP_LISTING_H

#include <stdbool.h>
#include <stddef.h>

/* Entries beyond these are left out, and the page says so. */
#define HTTP_LISTING_ENTRIES 2000
#define HTTP_LISTING_BYTES   ((size_t)512 * 1024)

struct http_entry {
	char *name; /* owned */
	bool directory;
};

/* All zero is empty. */
struct http_listing {
	struct http_entry *entries; /* owned */
	size_t count;
	bool cut; /* there are more */
};

/* Hidden names are left out. 0; -ENOSPC when there is no room for any more; -ENOMEM. */
int http_listing_add(struct http_listing *listing, const char *name, bool directory);

/*
 * The page for the directory @path (as struct http_path has it) in UTF-8, entries sorted
 * by their bytes. Whatever is in the names, they are text and nothing else to a browser.
 * 0 with *ret, *ret_size bytes to be freed, or -ENOMEM.
 */
int http_listing_page(struct http_listing *listing, const char *path, char **ret,
		      size_t *ret_size);

void http_listing_done(struct http_listing *listing);

#endif
