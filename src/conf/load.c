/* SPDX-License-Identifier: ISC */
/*
 * The whole way from files to a table: read, follow includes, build. A file that cannot
 * be used costs its own errors; the others are still read, so that all is reported.
 */
#include "usherd/conf/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/conf/build.h"
#include "usherd/conf/reader_native.h"
#include "usherd/conf/source.h"

#define INCLUDE_DEPTH_MAX 16

/* A file that has been read, or is being read. */
struct seen {
	dev_t device;
	ino_t inode;
	bool open; /* its includes are being followed */
};

struct loading {
	struct diagnostics *diagnostics;
	struct stanzas stanzas;
	struct seen *seen; /* owned */
	size_t seen_count;
};

/* Where a file was asked for: a command line has no place. */
struct origin {
	const char *file;
	unsigned line;
	unsigned depth;
};

static struct seen *find_seen(const struct loading *loading, const struct source *source)
{
	for (size_t i = 0; i < loading->seen_count; i++)
		if (loading->seen[i].device == source->device &&
		    loading->seen[i].inode == source->inode)
			return &loading->seen[i];
	return NULL;
}

static int add_seen(struct loading *loading, const struct source *source)
{
	struct seen *seen = reallocarray(loading->seen, loading->seen_count + 1,
					 sizeof(*loading->seen));
	if (seen == NULL)
		return -ENOMEM;
	loading->seen = seen;
	seen[loading->seen_count++] =
		(struct seen){ source->device, source->inode, true };
	return 0;
}

static int load_file(struct loading *loading, const char *path,
		     const struct origin *origin);

static int include_pattern(struct loading *loading, const char *pattern,
			   const struct origin *origin)
{
	struct strings paths = { 0 };
	struct error err = { 0 };
	int result = source_expand(pattern, origin->file, &paths, &err);
	if (result < 0 && result != -ENOMEM) {
		diagnostics_add(loading->diagnostics, SEVERITY_ERROR, origin->file,
				origin->line, "%s", err.text);
		result = 0;
	}
	for (size_t i = 0; i < paths.count && result == 0; i++)
		result = load_file(loading, paths.items[i], origin);
	strings_done(&paths);
	return result;
}

/* By index, because reading a file adds stanzas and may move them all. */
static int follow_includes(struct loading *loading, size_t first, const char *path,
			   unsigned depth)
{
	int result = 0;
	size_t last = loading->stanzas.count;
	for (size_t s = first; s < last; s++) {
		for (size_t a = 0; a < loading->stanzas.items[s].count; a++) {
			struct stanza *stanza = &loading->stanzas.items[s];
			struct stanza_attribute *given = &stanza->attributes[a];
			if (stanza->kind != STANZA_SETTINGS ||
			    strcmp(given->name, "include") != 0)
				continue;
			struct origin origin = { path, given->line, depth + 1 };
			/* The words stay where they are when the stanzas move. */
			struct strings patterns = given->values;
			for (size_t i = 0; i < patterns.count && result == 0; i++)
				result = include_pattern(loading, patterns.items[i],
							 &origin);
		}
	}
	return result;
}

static int read_native(struct loading *loading, const char *path, char *text,
		       size_t length, unsigned depth)
{
	size_t first = loading->stanzas.count;
	int result = reader_native(text, length, path, &loading->stanzas,
				   loading->diagnostics);
	if (result == -ENOMEM)
		return result;
	return follow_includes(loading, first, path, depth);
}

static int load_source(struct loading *loading, const char *path, struct source *source,
		       const struct origin *origin)
{
	const struct seen *before = find_seen(loading, source);
	if (before != NULL && before->open)
		diagnostics_add(loading->diagnostics, SEVERITY_ERROR, origin->file,
				origin->line, "include: '%s' includes itself", path);
	if (before != NULL)
		return 0;
	if (add_seen(loading, source) < 0)
		return -ENOMEM;
	int result =
		read_native(loading, path, source->text, source->length, origin->depth);
	find_seen(loading, source)->open = false;
	return result;
}

static int load_file(struct loading *loading, const char *path,
		     const struct origin *origin)
{
	struct source source = { 0 };
	struct error err = { 0 };
	if (origin->depth > INCLUDE_DEPTH_MAX) {
		diagnostics_add(loading->diagnostics, SEVERITY_ERROR, origin->file,
				origin->line, "include: more than %d files deep",
				INCLUDE_DEPTH_MAX);
		return 0;
	}
	int result = source_read(path, &source, &err);
	if (result == -ENOMEM)
		return result;
	if (result < 0) {
		const char *file = origin->file != NULL ? origin->file : path;
		diagnostics_add(loading->diagnostics, SEVERITY_ERROR, file, origin->line,
				"%s%s%s%s", origin->file != NULL ? "include: '" : "",
				origin->file != NULL ? path : "",
				origin->file != NULL ? "' " : "", err.text);
		return 0;
	}
	result = load_source(loading, path, &source, origin);
	source_done(&source);
	return result;
}

static int finish(struct loading *loading, int result, const struct conf_request *request,
		  struct table **ret)
{
	if (result == 0)
		result = build_table(request, &loading->stanzas, ret,
				     loading->diagnostics);
	diagnostics_sort(loading->diagnostics);
	stanzas_done(&loading->stanzas);
	free(loading->seen);
	return result;
}

int conf_load(const struct conf_request *request, struct table **ret,
	      struct diagnostics *diagnostics)
{
	struct loading loading = { .diagnostics = diagnostics };
	const struct origin origin = { 0 };
	int result = 0;
	for (size_t i = 0; i < request->files.count && result == 0; i++)
		result = load_file(&loading, request->files.items[i], &origin);
	return finish(&loading, result, request, ret);
}

int conf_load_text(const struct conf_request *request, const char *name, const char *text,
		   size_t length, struct table **ret, struct diagnostics *diagnostics)
{
	struct loading loading = { .diagnostics = diagnostics };
	struct error err = { 0 };
	int result = 0;
	char *copy = malloc(length + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (source_check_text(copy, length, &err) < 0)
		diagnostics_add(diagnostics, SEVERITY_ERROR, name, 0, "%s", err.text);
	else
		result = read_native(&loading, name, copy, length, 0);
	result = finish(&loading, result, request, ret);
	free(copy);
	return result;
}
