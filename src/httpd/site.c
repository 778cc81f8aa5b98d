/* SPDX-License-Identifier: ISC */
/*
 * From a path to an open file. Disks are waited for: sendfile(2) and openat2(2) know no
 * other way.
 */
#include "usherd/httpd/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/base/text.h"
#include "usherd/exec/open_as.h"
#include "usherd/http/listing.h"
#include "usherd/http/type.h"

/* A name of the service's own is added to the client's path. */
#define PATH_ROOM (HTTP_PATH_SIZE + NAME_MAX + 2)

/* openat2(2) gives up with EAGAIN when something was renamed below it. */
#define TRIES 4

/* Entries of a directory that are read at most: hidden ones are not in the listing. */
#define ENTRIES_READ (4 * HTTP_LISTING_ENTRIES)

int site_open(const struct service *service, struct site *ret, struct error *err)
{
	int r = open_as_directory(&service->program.credentials, service->document_root,
				  &ret->root, err);

	if (r < 0)
		return r;
	ret->service = service;
	return 0;
}

void site_close(struct site *site)
{
	fd_close(&site->root);
}

/* A FIFO does not make us wait for its writer. */
static int open_beneath(const struct site *site, const char *path,
			struct stat *ret_status)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd = -1;

	errno = EAGAIN;
	for (int i = 0; i < TRIES && fd == -1 && errno == EAGAIN; i++)
		fd = syscall(SYS_openat2, site->root, path[0] != '\0' ? path : ".", &how,
			     sizeof(how));
	if (fd == -1)
		return -errno;
	if (fstat((int)fd, ret_status) == -1) {
		int r = -errno;

		(void)close((int)fd);
		return r;
	}
	return (int)fd;
}

/* Take @fd as the file to be sent, or the compressed copy that stands beside it. */
static void take_file(const struct site *site, const char *path, bool gzip,
		      struct site_item *item)
{
	const struct http_type *type = http_type_of(path);
	char buffer[PATH_ROOM + 3];
	struct stat status = { 0 };
	struct text text;
	int fd;

	item->kind = SITE_FILE;
	item->type = type->name;
	item->varies = type->compresses;
	if (!type->compresses || !gzip)
		return;
	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "%s.gz", path);
	fd = open_beneath(site, buffer, &status);
	if (fd < 0)
		return;
	if (!S_ISREG(status.st_mode)) {
		fd_close(&fd);
		return;
	}
	fd_close(&item->fd);
	item->fd = fd;
	item->status = status;
	item->gzip = true;
}

/* The first index file there is, in the place of its directory. -ENOENT: none. */
static int find_index(const struct site *site, const char *directory, bool gzip,
		      struct site_item *item)
{
	const struct service *service = site->service;
	static const char *const usual[] = { SERVICE_INDEX };
	const char *const *names =
		service->index_given ? (const char *const *)service->index.items : usual;
	size_t count = service->index_given ? service->index.count : 1;

	for (size_t i = 0; i < count; i++) {
		char path[PATH_ROOM];
		struct text text;
		struct stat status = { 0 };
		int fd;

		text_init(&text, path, sizeof(path));
		text_addf(&text, "%s%s%s", directory, directory[0] != '\0' ? "/" : "",
			  names[i]);
		fd = open_beneath(site, path, &status);
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		if (!S_ISREG(status.st_mode)) {
			fd_close(&fd);
			continue;
		}
		fd_close(&item->fd);
		item->fd = fd;
		item->status = status;
		take_file(site, path, gzip, item);
		return 0;
	}
	return -ENOENT;
}

static int find_in_directory(const struct site *site, const struct http_path *path,
			     bool gzip, struct site_item *item)
{
	int r;

	if (!path->directory) {
		item->kind = SITE_REDIRECT;
		fd_close(&item->fd);
		return 0;
	}
	r = find_index(site, path->text, gzip, item);
	if (r != -ENOENT)
		return r;
	item->kind = SITE_LISTING;
	return site->service->listing ? 0 : -EACCES;
}

int site_find(const struct site *site, const struct http_path *path, bool gzip,
	      struct site_item *ret)
{
	struct site_item item = { 0 };
	int r = 0;

	item.fd = open_beneath(site, path->text, &item.status);
	if (item.fd < 0)
		return item.fd;
	if (S_ISDIR(item.status.st_mode))
		r = find_in_directory(site, path, gzip, &item);
	else if (S_ISREG(item.status.st_mode) && !path->directory)
		take_file(site, path->text, gzip, &item);
	else
		r = -ENOENT;
	if (r < 0)
		fd_close(&item.fd);
	else
		*ret = item;
	return r;
}

static int read_entries(DIR *directory, struct http_listing *listing)
{
	int r = 0;

	for (int i = 0; i < ENTRIES_READ && r == 0; i++) {
		const struct dirent *entry = readdir(directory);

		if (entry == NULL)
			return 0;
		r = http_listing_add(listing, entry->d_name, entry->d_type == DT_DIR);
	}
	listing->cut = true;
	return r == -ENOMEM ? r : 0;
}

int site_list(int fd, const struct http_path *path, char **ret, size_t *ret_size)
{
	struct http_listing listing = { 0 };
	DIR *directory = fdopendir(fd);
	int r;

	if (directory == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	r = read_entries(directory, &listing);
	if (r == 0)
		r = http_listing_page(&listing, path->text, ret, ret_size);
	http_listing_done(&listing);
	(void)closedir(directory);
	return r;
}
