/* SPDX-License-Identifier: ISC */
/*
 * Golden files: golden FILE EXPECTED loads FILE as root would and compares what comes out
 * (the canonical dump, or every error line) with EXPECTED, byte by byte. A dump must also
 * load again and dump the same. "golden FILE" alone prints.
 *
 * A FILE of another program, by its suffix, is converted: every line said of it comes
 * first, then the dump.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/conf/load.h"

static const char *const names[] = { "chargen", "daytime", "discard", "echo", "http",
				     "ident",   "qotd",    "tcpmux",  "time", "tcponly" };

static bool is_for_streams_only(const char *name)
{
	return strcmp(name, "tcponly") == 0 || strcmp(name, "ident") == 0 ||
	       strcmp(name, "tcpmux") == 0 || strcmp(name, "http") == 0;
}

static bool internal_exists(const char *name, bool stream)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return stream || !is_for_streams_only(name);
	return false;
}

/* Nothing is installed here; "qotd" stands for what would need to be. */
static int internal_ready(const char *name, struct error *err)
{
	if (strcmp(name, "qotd") != 0)
		return 0;
	return error_set(err, -ENOENT,
			 "cannot execute '/usr/libexec/usherd/usherd-qotd'");
}

static const char *internal_name(size_t index)
{
	return index < sizeof(names) / sizeof(names[0]) ? names[index] : NULL;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	if (file == NULL || getdelim(&text, &size, '\0', file) == -1) {
		free(text);
		text = strdup("");
	}
	if (file != NULL)
		(void)fclose(file);
	return text;
}

/* The dump of @table, or NULL. */
static char *dump(const struct table *table)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int result = out != NULL ? conf_dump(table, out) : -1;
	if (out != NULL && fclose(out) == 0 && result == 0)
		return text;
	free(text);
	return NULL;
}

static char *list_errors(const struct diagnostics *diagnostics)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < diagnostics->count; i++) {
		char line[1024];
		(void)fprintf(
			out, "%s\n",
			diagnostic_format(&diagnostics->items[i], line, sizeof(line)));
	}
	(void)fclose(out);
	return text;
}

/* What a conversion adds: where each service comes from. */
static void strip_comments(char *text)
{
	char *to = text;
	for (char *line = text; *line != '\0';) {
		size_t length = strcspn(line, "\n");
		length += line[length] == '\n';
		if (line[0] != '#') {
			memmove(to, line, length);
			to += length;
		}
		line += length;
	}
	*to = '\0';
}

static bool dumps_the_same_again(const struct conf_request *request, const char *text)
{
	struct diagnostics diagnostics = { 0 };
	struct table *table = NULL;
	int result = conf_load_text(request, DIALECT_NATIVE, "dump", text, strlen(text),
				    &table, &diagnostics);
	char *errors = list_errors(&diagnostics);
	char *again = result == 0 ? dump(table) : NULL;
	bool same = again != NULL && strcmp(again, text) == 0;
	if (!same)
		(void)fprintf(stderr, "the dump does not load to itself:\n%s%s",
			      errors != NULL ? errors : "", again != NULL ? again : "");
	free(errors);
	free(again);
	table_free(table);
	diagnostics_done(&diagnostics);
	return same;
}

/* Every fingerprint begins with the entry that the dump has for its service. */
static bool has_entries_for_fingerprints(const struct table *table, const char *text)
{
	for (size_t i = 0; i < table->count; i++) {
		const char *fingerprint = table->services[i]->fingerprint;
		const char *end = strstr(fingerprint, "\n}\n");
		char *entry = strndup(fingerprint, (size_t)(end - fingerprint) + 3);
		bool found = entry != NULL && strstr(text, entry) != NULL;
		if (!found)
			(void)fprintf(stderr, "not in the dump:\n%s", fingerprint);
		free(entry);
		if (!found)
			return false;
	}
	return true;
}

/* The dump loads again, but for what is said in front of it. */
static bool converts_to_itself(const struct conf_request *request, const char *text)
{
	char *copy = strdup(text);
	bool same = copy != NULL;
	if (same) {
		strip_comments(copy);
		same = dumps_the_same_again(request, copy);
	}
	free(copy);
	return same;
}

static char *join(const char *first, const char *second)
{
	char *text = NULL;
	if (first == NULL || second == NULL ||
	    asprintf(&text, "%s%s", first, second) == -1)
		return NULL;
	return text;
}

static char *convert(const struct conf_request *request)
{
	struct diagnostics diagnostics = { 0 };
	struct table *table = NULL;
	int result = conf_load(request, &table, &diagnostics);
	char *said = list_errors(&diagnostics);
	char *dumped = result == 0 ? dump(table) : strdup("");
	char *text = join(said, dumped);
	if (result == 0 && dumped != NULL && !converts_to_itself(request, dumped)) {
		free(text);
		text = NULL;
	}
	free(said);
	free(dumped);
	table_free(table);
	diagnostics_done(&diagnostics);
	return text;
}

static char *load(const struct conf_request *request, bool *ret_good)
{
	struct diagnostics diagnostics = { 0 };
	struct table *table = NULL;
	int result = conf_load(request, &table, &diagnostics);
	char *text = result == 0 ? dump(table) : list_errors(&diagnostics);
	*ret_good = result == 0;
	if (*ret_good && text != NULL && !has_entries_for_fingerprints(table, text)) {
		free(text);
		text = NULL;
	}
	table_free(table);
	diagnostics_done(&diagnostics);
	return text;
}

int main(int count, char **arguments)
{
	struct conf_request request = { .root = true,
					.internal_exists = internal_exists,
					.internal_ready = internal_ready,
					.internal_name = internal_name };
	bool good = false;
	if (count < 2 || count > 3)
		return EXIT_FAILURE;
	const char *suffix = strrchr(arguments[1], '.');
	struct strings *files = &request.files;
	if (suffix != NULL && strcmp(suffix, ".xinetd") == 0)
		files = &request.xinetd_files;
	else if (suffix != NULL && strcmp(suffix, ".inetd") == 0)
		files = &request.inetd_files;
	bool foreign = files != &request.files;
	if (strings_add(files, arguments[1]) < 0)
		return EXIT_FAILURE;
	char *text = foreign ? convert(&request) : load(&request, &good);
	bool passed = text != NULL && (!good || dumps_the_same_again(&request, text));
	if (count == 3 && passed) {
		char *expected = read_file(arguments[2]);
		passed = expected != NULL && strcmp(expected, text) == 0;
		free(expected);
	}
	if (text != NULL && (count == 2 || !passed))
		(void)fputs(text, stdout);
	free(text);
	strings_done(&request.files);
	strings_done(&request.xinetd_files);
	strings_done(&request.inetd_files);
	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
