/* SPDX-License-Identifier: ISC */
/*
 * The whole way from files to a table: read, follow includes, build. A file that cannot
 * be used costs its own errors; the others are still read, so that all is reported.
 */
#include "usherd/conf/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/units.h"
#include "usherd/conf/build.h"
#include "usherd/conf/reader_inetd.h"
#include "usherd/conf/reader_native.h"
#include "usherd/conf/reader_xinetd.h"
#include "usherd/conf/source.h"

#define INCLUDE_DEPTH_MAX 16
/* So many seconds a service rests that was asked for more often than it may. */
#define FOREIGN_PAUSE "10"

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

/* Where a file was asked for (a command line has no place), and what syntax it is in. */
struct origin {
	const char *file;
	unsigned line;
	unsigned depth;
	enum dialect dialect;
	const char *address; /* what an inetd file says of all services here, or NULL */
	bool listable;       /* a directory means its files */
};

/* The settings that name files to be read as well. */
static const struct inclusion {
	const char *setting;
	enum dialect dialect;
} inclusions[] = {
	{ "include", DIALECT_NATIVE },
	{ "xinetd_conf", DIALECT_XINETD },
	{ "inetd_conf", DIALECT_INETD },
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

/* One file of many in a foreign syntax is missed as its own program would miss it. */
static enum severity severity_of(const struct origin *origin)
{
	return origin->dialect == DIALECT_NATIVE || origin->depth == 0 ? SEVERITY_ERROR
								       : SEVERITY_REFUSAL;
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
		diagnostics_add(loading->diagnostics, severity_of(origin), origin->file,
				origin->line, "%s", err.text);
		result = 0;
	}
	for (size_t i = 0; i < paths.count && result == 0; i++)
		result = load_file(loading, paths.items[i], origin);
	strings_done(&paths);
	return result;
}

static const struct inclusion *find_inclusion(const struct stanza *stanza,
					      const struct stanza_attribute *given)
{
	for (size_t i = 0; i < sizeof(inclusions) / sizeof(inclusions[0]); i++)
		if (stanza->kind == STANZA_SETTINGS &&
		    strcmp(given->name, inclusions[i].setting) == 0)
			return &inclusions[i];
	return NULL;
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
			const struct inclusion *row = find_inclusion(stanza, given);
			if (row == NULL)
				continue;
			struct origin origin = { .file = path,
						 .line = given->line,
						 .depth = depth + 1,
						 .dialect = row->dialect,
						 .listable =
							 row->dialect == DIALECT_INETD };
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

/* Files that an xinetd file asks for. */
struct xinetd_inclusions {
	struct xinetd_includer includer;
	struct loading *loading;
	const char *path;
	unsigned depth;
};

static int include_directory(struct loading *loading, const char *path,
			     const struct origin *origin)
{
	struct strings paths = { 0 };
	struct error err = { 0 };
	int result = source_list(path, reader_xinetd_takes, &paths, &err);
	if (result < 0 && result != -ENOMEM) {
		diagnostics_add(loading->diagnostics, SEVERITY_REFUSAL, origin->file,
				origin->line, "includedir: %s", err.text);
		result = 0;
	}
	for (size_t i = 0; i < paths.count && result == 0; i++)
		result = load_file(loading, paths.items[i], origin);
	strings_done(&paths);
	return result;
}

static int include_xinetd(struct xinetd_includer *includer, const char *path,
			  bool directory, unsigned line)
{
	struct xinetd_inclusions *from = (struct xinetd_inclusions *)includer;
	const struct origin origin = { .file = from->path,
				       .line = line,
				       .depth = from->depth + 1,
				       .dialect = DIALECT_XINETD };
	char *resolved = source_resolve(path, from->path);
	int result = -ENOMEM;
	if (resolved != NULL && directory)
		result = include_directory(from->loading, resolved, &origin);
	else if (resolved != NULL)
		result = load_file(from->loading, resolved, &origin);
	free(resolved);
	return result;
}

static int read_xinetd(struct loading *loading, const char *path, char *text,
		       unsigned depth)
{
	struct xinetd_inclusions from = { { include_xinetd }, loading, path, depth };
	return reader_xinetd(text, path, &from.includer, &loading->stanzas,
			     loading->diagnostics);
}

/* Files that an inetd file asks for. */
struct inetd_inclusions {
	struct inetd_includer includer;
	struct loading *loading;
	const char *path;
	unsigned depth;
};

static int include_inetd(struct inetd_includer *includer, const char *pattern,
			 const char *address, unsigned line)
{
	struct inetd_inclusions *from = (struct inetd_inclusions *)includer;
	const struct origin origin = { .file = from->path,
				       .line = line,
				       .depth = from->depth + 1,
				       .dialect = DIALECT_INETD,
				       .address = address };
	return include_pattern(from->loading, pattern, &origin);
}

static int read_inetd(struct loading *loading, const char *path, char *text,
		      const struct origin *origin)
{
	struct inetd_inclusions from = {
		{ include_inetd }, loading, path, origin->depth
	};
	return reader_inetd(text, path, origin->address, &from.includer,
			    &loading->stanzas, loading->diagnostics);
}

static int read_source(struct loading *loading, const char *path, struct source *source,
		       const struct origin *origin)
{
	if (origin->dialect == DIALECT_INETD)
		return read_inetd(loading, path, source->text, origin);
	if (origin->dialect == DIALECT_XINETD)
		return read_xinetd(loading, path, source->text, origin->depth);
	return read_native(loading, path, source->text, source->length, origin->depth);
}

static int load_source(struct loading *loading, const char *path, struct source *source,
		       const struct origin *origin)
{
	const struct seen *before = find_seen(loading, source);
	if (before != NULL && before->open)
		diagnostics_add(loading->diagnostics, severity_of(origin), origin->file,
				origin->line, "include: '%s' includes itself", path);
	if (before != NULL)
		return 0;
	if (add_seen(loading, source) < 0)
		return -ENOMEM;
	int result = read_source(loading, path, source, origin);
	find_seen(loading, source)->open = false;
	return result;
}

static int load_file(struct loading *loading, const char *path,
		     const struct origin *origin)
{
	struct source source = { 0 };
	struct error err = { 0 };
	if (origin->depth > INCLUDE_DEPTH_MAX) {
		diagnostics_add(loading->diagnostics, severity_of(origin), origin->file,
				origin->line, "include: more than %d files deep",
				INCLUDE_DEPTH_MAX);
		return 0;
	}
	int result = source_read(path, &source, &err);
	if (result == -ENOMEM)
		return result;
	if (result == -EISDIR && origin->listable) {
		const struct origin inside = { .file = path,
					       .depth = origin->depth + 1,
					       .dialect = origin->dialect };
		return include_directory(loading, path, &inside);
	}
	if (result < 0) {
		const char *file = origin->file != NULL ? origin->file : path;
		diagnostics_add(loading->diagnostics, severity_of(origin), file,
				origin->line, "%s%s%s%s",
				origin->file != NULL ? "include: '" : "",
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

/* A default that stands in no file; @more is a second value or NULL. */
static int add_default(struct stanza *stanza, const char *name, uint64_t number,
		       const char *more)
{
	struct stanza_attribute *attribute = stanza_add(stanza, name, STANZA_SET, 0);
	char text[UNITS_TEXT_SIZE];
	int result = attribute != NULL ? 0 : -ENOMEM;
	(void)snprintf(text, sizeof(text), "%" PRIu64, number);
	if (result == 0)
		result = strings_add(&attribute->values, text);
	if (result == 0 && more != NULL)
		result = strings_add(&attribute->values, more);
	return result;
}

static int add_foreign_defaults(struct loading *loading,
				const struct conf_request *request)
{
	if (request->foreign_backlog == 0 && request->foreign_rate == 0)
		return 0;
	struct stanza *stanza = stanzas_add(&loading->stanzas, STANZA_DEFAULTS, NULL,
					    "the command line", 0);
	if (stanza == NULL)
		return -ENOMEM;
	stanza->dialect = DIALECT_INETD;
	int result = 0;
	if (request->foreign_backlog > 0)
		result = add_default(stanza, "backlog", request->foreign_backlog, NULL);
	if (result == 0 && request->foreign_rate > 0)
		result = add_default(stanza, "cpm", request->foreign_rate, FOREIGN_PAUSE);
	return result;
}

int conf_load(const struct conf_request *request, struct table **ret,
	      struct diagnostics *diagnostics)
{
	struct loading loading = { .diagnostics = diagnostics };
	const struct {
		const struct strings *paths;
		enum dialect dialect;
	} asked[] = {
		{ &request->files, DIALECT_NATIVE },
		{ &request->xinetd_files, DIALECT_XINETD },
		{ &request->inetd_files, DIALECT_INETD },
	};
	int result = add_foreign_defaults(&loading, request);
	for (size_t k = 0; result == 0 && k < sizeof(asked) / sizeof(asked[0]); k++) {
		const struct origin origin = { .dialect = asked[k].dialect,
					       .listable = asked[k].dialect ==
							   DIALECT_INETD };
		for (size_t i = 0; i < asked[k].paths->count && result == 0; i++)
			result = load_file(&loading, asked[k].paths->items[i], &origin);
	}
	return finish(&loading, result, request, ret);
}

int conf_load_text(const struct conf_request *request, enum dialect dialect,
		   const char *name, const char *text, size_t length, struct table **ret,
		   struct diagnostics *diagnostics)
{
	struct loading loading = { .diagnostics = diagnostics };
	struct error err = { 0 };
	int result = 0;
	const struct origin origin = { .dialect = dialect };
	struct source source = { .text = malloc(length + 1), .length = length };
	if (source.text == NULL)
		return -ENOMEM;
	memcpy(source.text, text, length);
	source.text[length] = '\0';
	if (source_check_text(source.text, length, &err) < 0)
		diagnostics_add(diagnostics, SEVERITY_ERROR, name, 0, "%s", err.text);
	else
		result = read_source(&loading, name, &source, &origin);
	result = finish(&loading, result, request, ret);
	source_done(&source);
	return result;
}
