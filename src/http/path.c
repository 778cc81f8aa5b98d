/* SPDX-License-Identifier: ISC */
/*
 * From what a client writes to the name of a file. That the file is beneath the document
 * root the kernel sees to when it is opened; this is for answers that make sense.
 */
#include "usherd/http/path.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* The only names with a dot in front that are meant for everybody. */
#define WELL_KNOWN ".well-known"

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The absolute form, which every server has to take: past scheme and authority. NULL for
 * what is neither that nor a path. */
static const char *find_path(const char *target)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i]);

		if (strncasecmp(target, schemes[i], length) != 0)
			continue;
		target += length + strcspn(target + length, "/?#");
		return *target == '/' ? target : "/";
	}
	return *target == '/' ? target : NULL;
}

static bool ends_path(char c)
{
	return c == '\0' || c == '?' || c == '#';
}

/* One byte of a name from @at on, and how far on the next one is. */
static int decode_byte(const char *at, char *ret)
{
	int high, low;

	*ret = *at;
	if (*at != '%')
		return 1;
	high = digit_of(at[1]);
	low = high >= 0 ? digit_of(at[2]) : -1;
	if (low < 0)
		return -EINVAL;
	*ret = (char)(high << 4 | low);
	return 3;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Append the segment that begins at *at, advance it behind it. 0 or a negative errno. */
static int decode_segment(const char **at, char *buffer, size_t *length)
{
	while (**at != '/' && !ends_path(**at)) {
		char byte;
		int r = decode_byte(*at, &byte);

		if (r < 0 || is_control(byte))
			return -EINVAL;
		if (byte == '/')
			return -ENOENT;
		if (*length + 1 >= HTTP_PATH_SIZE)
			return -ENAMETOOLONG;
		buffer[(*length)++] = byte;
		*at += r;
	}
	buffer[*length] = '\0';
	return 0;
}

/* What the segment from @start on means for what stands before it. */
static int resolve_segment(struct http_path *path, size_t start, size_t *length)
{
	const char *segment = path->text + start;
	char *slash;

	path->directory = true;
	if (strcmp(segment, "") != 0 && strcmp(segment, ".") != 0 &&
	    strcmp(segment, "..") != 0) {
		path->directory = false;
		return 0;
	}
	/* Without it and the slash in front. */
	*length = start > 0 ? start - 1 : 0;
	if (strcmp(segment, "..") == 0) {
		if (start == 0)
			return -EINVAL;
		path->text[*length] = '\0';
		slash = strrchr(path->text, '/');
		*length = slash != NULL ? (size_t)(slash - path->text) : 0;
	}
	path->text[*length] = '\0';
	return 0;
}

bool http_path_is_hidden(const char *name)
{
	if (name[0] == '.')
		return true;
	while (*name != '\0' && !is_control(*name))
		name++;
	return *name != '\0';
}

static bool is_any_hidden(const char *path)
{
	size_t first = strcspn(path, "/");

	if (first == strlen(WELL_KNOWN) && strncmp(path, WELL_KNOWN, first) == 0)
		path += first;
	return http_path_is_hidden(path) || strstr(path, "/.") != NULL;
}

int http_path_decode(const char *target, struct http_path *ret)
{
	const char *at = find_path(target);
	size_t length = 0;

	if (at == NULL)
		return -EINVAL;
	ret->text[0] = '\0';
	ret->directory = true;
	while (*at == '/') {
		size_t start;
		int r;

		at++;
		if (length > 0 && length + 1 >= HTTP_PATH_SIZE)
			return -ENAMETOOLONG;
		if (length > 0)
			ret->text[length++] = '/';
		start = length;
		r = decode_segment(&at, ret->text, &length);
		if (r == 0)
			r = resolve_segment(ret, start, &length);
		if (r < 0)
			return r;
	}
	return is_any_hidden(ret->text) ? -ENOENT : 0;
}

static bool is_unreserved(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c != '\0' && strchr("-._~/", c) != NULL);
}

void http_path_encode(const char *path, struct text *ret)
{
	for (; *path != '\0'; path++) {
		if (is_unreserved(*path))
			text_add_bytes(ret, path, 1);
		else
			text_addf(ret, "%%%02X", (unsigned)(unsigned char)*path);
	}
}
