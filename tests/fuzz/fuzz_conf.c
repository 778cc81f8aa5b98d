/* SPDX-License-Identifier: ISC */
/*
 * The whole load from memory, of a file in FUZZ_DIALECT. What loads must dump, and the
 * dump must load to the same dump; what does not load must say why. Host names are not
 * looked up, for fuzzing must not send queries.
 */
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "usherd/conf/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In place of libc's. */
int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
	(void)node;
	(void)service;
	(void)hints;
	(void)ret;
	return EAI_NONAME;
}

static bool internal_exists(const char *name, bool stream)
{
	(void)stream;
	return strcmp(name, "echo") == 0;
}

static char *dump(const struct table *table, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);
	assert(out != NULL);
	int result = conf_dump(table, out);
	assert(result == 0);
	(void)fclose(out);
	return text;
}

/* "# from FILE:LINE" before each service that was converted. */
static size_t strip_comments(char *text, size_t size)
{
	size_t kept = 0;
	for (size_t at = 0, length; at < size; at += length) {
		const char *end = memchr(text + at, '\n', size - at);
		length = end != NULL ? (size_t)(end - text) - at + 1 : size - at;
		if (text[at] == '#')
			continue;
		memmove(text + kept, text + at, length);
		kept += length;
	}
	return kept;
}

static void check_round_trip(const struct conf_request *request,
			     const struct table *table)
{
	size_t size = 0;
	size_t again_size = 0;
	char *text = dump(table, &size);
	size = strip_comments(text, size);
	struct diagnostics diagnostics = { 0 };
	struct table *second = NULL;
	int result = conf_load_text(request, DIALECT_NATIVE, "dump", text, size, &second,
				    &diagnostics);
	if (result != 0 && diagnostics.count > 0)
		(void)fprintf(stderr, "%s%u: %s\n", text, diagnostics.items[0].line,
			      diagnostics.items[0].text);
	assert(result == 0);
	char *again = dump(second, &again_size);
	assert(size == again_size && memcmp(text, again, size) == 0);
	table_free(second);
	diagnostics_done(&diagnostics);
	free(again);
	free(text);
}

/* Includes would read the files of the machine; xinetd's keywords are so in any case. */
static bool has_include(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 7 <= size; i++)
		if (strncasecmp((const char *)data + i, "include", 7) == 0)
			return true;
	return memmem(data, size, "_conf", 5) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536 || has_include(data, size))
		return 0;
	const struct conf_request request = { .root = true,
					      .internal_exists = internal_exists };
	struct diagnostics diagnostics = { 0 };
	struct table *table = NULL;
	int result = conf_load_text(&request, FUZZ_DIALECT, "fuzz", (const char *)data,
				    size, &table, &diagnostics);
	assert(result == 0 || result == -EINVAL);
	assert((result == 0) == (diagnostics.errors == 0));
	if (result == 0)
		check_round_trip(&request, table);
	table_free(table);
	diagnostics_done(&diagnostics);
	return 0;
}
