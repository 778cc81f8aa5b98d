/* SPDX-License-Identifier: ISC */
/* What the suites of conf share: loading a text as root would, and looking at what came
 * of it. Needs test.h first. */
#ifndef USHERD_CONF_TEST_H
#define USHERD_CONF_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/conf/load.h"

struct loaded {
	int result;
	struct table *table; /* NULL after errors */
	struct diagnostics diagnostics;
};

static inline bool conf_test_internal(const char *name, bool stream)
{
	return strcmp(name, "echo") == 0 || (stream && strcmp(name, "chargen") == 0);
}

static inline struct loaded load_text_as(bool root, const char *text)
{
	const struct conf_request request = { .root = root,
					      .internal_exists = conf_test_internal };
	struct loaded loaded = { 0 };
	loaded.result = conf_load_text(&request, DIALECT_NATIVE, "t", text, strlen(text),
				       &loaded.table, &loaded.diagnostics);
	return loaded;
}

static inline struct loaded load_text(const char *text)
{
	return load_text_as(true, text);
}

static inline void loaded_done(struct loaded *loaded)
{
	table_free(loaded->table);
	diagnostics_done(&loaded->diagnostics);
}

/* All lines of the diagnostics as one string, each ended by a newline. */
static inline char *join_errors(const struct diagnostics *diagnostics)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	for (size_t i = 0; out != NULL && i < diagnostics->count; i++) {
		char line[1024];
		(void)fprintf(
			out, "%s\n",
			diagnostic_format(&diagnostics->items[i], line, sizeof(line)));
	}
	if (out != NULL)
		(void)fclose(out);
	return text;
}

#define assert_errors(diagnostics, expected)                                             \
	do {                                                                             \
		char *errors_ = join_errors(diagnostics);                                \
		assert_string_equal(errors_, expected);                                  \
		free(errors_);                                                           \
	} while (0)

/* The text is refused with exactly these lines. */
#define assert_refused_as(root, text, expected)                                          \
	do {                                                                             \
		struct loaded loaded_ = load_text_as(root, text);                        \
		assert_errors(&loaded_.diagnostics, expected);                           \
		assert_int_equal(loaded_.result, -EINVAL);                               \
		assert_null(loaded_.table);                                              \
		loaded_done(&loaded_);                                                   \
	} while (0)
#define assert_refused(text, expected) assert_refused_as(true, text, expected)

/* The text loads; what it loads to is freed by loaded_done(). */
#define assert_loads_as(root, loaded, text)                                              \
	do {                                                                             \
		*(loaded) = load_text_as(root, text);                                    \
		assert_errors(&(loaded)->diagnostics, "");                               \
		assert_int_equal((loaded)->result, 0);                                   \
	} while (0)
#define assert_loads(loaded, text) assert_loads_as(true, loaded, text)

/* The canonical text of a table, to be freed. */
static inline char *dump_text(const struct table *table)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (out == NULL)
		return NULL;
	int result = conf_dump(table, out);
	(void)fclose(out);
	if (result < 0) {
		free(text);
		return NULL;
	}
	return text;
}

#endif
