/* SPDX-License-Identifier: ISC */
/*
 * Reads configuration files whole before anything looks at them, because the lexer of
 * libconfuse ends the process on a directory or a read error and cuts words at a NUL.
 * Knows nothing of any syntax.
 */
#include "usherd/conf/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usherd/base/fd.h"

static int check_file(const struct stat *status, struct error *err)
{
	if (S_ISDIR(status->st_mode))
		return error_set(err, -EISDIR, "is a directory, not a file");
	if (!S_ISREG(status->st_mode))
		return error_set(err, -EINVAL, "is not a regular file");
	if (status->st_size > SOURCE_SIZE_MAX)
		return error_set(err, -EFBIG, "is larger than %d bytes", SOURCE_SIZE_MAX);
	return 0;
}

/* A file may grow or shrink between fstat(2) and here: one byte more is asked for. */
static int read_all(int fd, char *buffer, size_t size, size_t *ret_length,
		    struct error *err)
{
	size_t length = 0;
	while (length < size) {
		ssize_t got = read(fd, buffer + length, size - length);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return error_set_errno(err, -errno, "cannot be read");
		if (got == 0)
			break;
		length += (size_t)got;
	}
	*ret_length = length;
	return 0;
}

int source_check_text(const char *text, size_t length, struct error *err)
{
	if (length > SOURCE_SIZE_MAX)
		return error_set(err, -EFBIG, "is larger than %d bytes", SOURCE_SIZE_MAX);
	if (memchr(text, '\0', length) != NULL)
		return error_set(err, -EINVAL, "is not text: it contains a NUL byte");
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return error_set(err, -EINVAL,
				 "begins with a byte order mark; save it without one");
	if (length >= 2 &&
	    (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
		return error_set(err, -EINVAL, "is UTF-16, not plain text");
	return 0;
}

static int read_checked(int fd, struct source *source, struct error *err)
{
	struct stat status;
	if (fstat(fd, &status) == -1)
		return error_set_errno(err, -errno, "cannot be examined");
	int result = check_file(&status, err);
	if (result < 0)
		return result;
	/* Files of /proc and the like have size 0 and content. */
	size_t size = SOURCE_SIZE_MAX + 1;
	if (status.st_size > 0)
		size = (size_t)status.st_size + 1;
	source->text = malloc(size + 1);
	if (source->text == NULL)
		return error_set(err, -ENOMEM, "cannot be read: out of memory");
	result = read_all(fd, source->text, size, &source->length, err);
	if (result < 0)
		return result;
	source->text[source->length] = '\0';
	source->device = status.st_dev;
	source->inode = status.st_ino;
	return source_check_text(source->text, source->length, err);
}

int source_read(const char *path, struct source *ret, struct error *err)
{
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return error_set_errno(err, -errno, "cannot be opened");
	struct source source = { 0 };
	int result = read_checked(fd, &source, err);
	fd_close(&fd);
	if (result < 0) {
		source_done(&source);
		return result;
	}
	*ret = source;
	return 0;
}

void source_done(struct source *source)
{
	free(source->text);
	*source = (struct source){ 0 };
}

char *source_resolve(const char *path, const char *including)
{
	const char *slash = strrchr(including, '/');
	if (path[0] == '/' || slash == NULL)
		return strdup(path);
	size_t directory = (size_t)(slash - including) + 1;
	size_t length = strlen(path);
	char *result = malloc(directory + length + 1);
	if (result == NULL)
		return NULL;
	memcpy(result, including, directory);
	memcpy(result + directory, path, length + 1);
	return result;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_entries(DIR *entries, const char *directory,
			bool (*takes)(const char *name), struct strings *ret)
{
	const struct dirent *entry;
	int result = 0;
	while (result == 0 && (entry = readdir(entries)) != NULL) {
		char *path = NULL;
		if (!takes(entry->d_name))
			continue;
		if (asprintf(&path, "%s/%s", directory, entry->d_name) == -1)
			return -ENOMEM;
		result = strings_add(ret, path);
		free(path);
	}
	return result;
}

int source_list(const char *directory, bool (*takes)(const char *name),
		struct strings *ret, struct error *err)
{
	size_t before = ret->count;
	DIR *entries = opendir(directory);
	if (entries == NULL)
		return error_set_errno(err, -errno, "cannot look through '%s'",
				       directory);
	int result = list_entries(entries, directory, takes, ret);
	(void)closedir(entries);
	if (ret->count > before)
		qsort((void *)(ret->items + before), ret->count - before,
		      sizeof(*ret->items), compare_paths);
	return result < 0 ? error_set(err, result, "out of memory") : 0;
}

/* A missing directory matches nothing; one that cannot be read must not hide files. */
static int stop_at_error(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

static int add_matches(const char *pattern, const glob_t *found, struct strings *ret)
{
	if (found->gl_pathc == 0 && strpbrk(pattern, "*?[") == NULL)
		return strings_add(ret, pattern);
	for (size_t i = 0; i < found->gl_pathc; i++) {
		int result = strings_add(ret, found->gl_pathv[i]);
		if (result < 0)
			return result;
	}
	return 0;
}

int source_expand(const char *pattern, const char *including, struct strings *ret,
		  struct error *err)
{
	if (pattern[0] == '\0')
		return error_set(err, -EINVAL, "include: the path is empty");
	char *resolved = source_resolve(pattern, including);
	if (resolved == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	glob_t found = { 0 };
	int status = glob(resolved, 0, stop_at_error, &found);
	int result = 0;
	if (status == GLOB_ABORTED)
		result = error_set_errno(err, -errno, "include: cannot look through '%s'",
					 resolved);
	else if (status == GLOB_NOSPACE)
		result = -ENOMEM;
	else
		result = add_matches(resolved, &found, ret);
	if (result == -ENOMEM)
		(void)error_set(err, result, "out of memory");
	globfree(&found);
	free(resolved);
	return result;
}
