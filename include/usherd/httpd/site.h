/* SPDX-License-Identifier: ISC */
/* The files of one service: finding them beneath its document root. */
#ifndef USHERD_HTTPD_SITE_H
#define USHERD_HTTPD_SITE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "usherd/base/error.h"
#include "usherd/http/path.h"
#include "usherd/model/service.h"

struct site {
	int root;                      /* owned */
	const struct service *service; /* borrowed */
};

/* Open the document root, with the rights of the service's user. 0 or a negative errno.
 */
int site_open(const struct service *service, struct site *ret, struct error *err);
void site_close(struct site *site);

enum site_kind {
	SITE_FILE,     /* a regular file, open for reading */
	SITE_REDIRECT, /* a directory written without its slash; nothing is open */
	SITE_LISTING,  /* a directory to be listed, open for reading */
};

struct site_item {
	enum site_kind kind;
	int fd; /* owned by the caller; -1 for SITE_REDIRECT */
	struct stat status;
	const char *type; /* of a file; Content-Type */
	bool gzip;        /* it is the compressed copy */
	bool varies;      /* there could be one, for other clients */
};

/*
 * What @path is for a client that takes gzip or not. Nothing outside of the root is ever
 * opened, whatever links and races there are: openat2(2), RESOLVE_BENEATH. 0 with what is
 * open in *ret; -ENOENT, -EACCES, or another negative errno.
 */
int site_find(const struct site *site, const struct http_path *path, bool gzip,
	      struct site_item *ret);

/* The page for the directory @fd, which is closed in any case. 0 with *ret to be freed.
 */
int site_list(int fd, const struct http_path *path, char **ret, size_t *ret_size);

#endif
