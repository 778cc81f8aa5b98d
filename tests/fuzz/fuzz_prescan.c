/* SPDX-License-Identifier: ISC */
/* The pre-scan alone: it must stay inside the text, keep its length and its newlines, and
 * accept its own output. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/conf/prescan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536 || memchr(data, 0, size) != NULL)
		return 0;
	char *text = malloc(size + 1);
	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';

	struct diagnostics diagnostics = { 0 };
	struct outline outline;
	int result = prescan(text, size, "fuzz", &outline, &diagnostics);
	assert(result == 0 || result == -EINVAL);
	assert((result == 0) == (diagnostics.errors == 0));
	for (size_t i = 0; i < size; i++)
		assert((text[i] == '\n') == (data[i] == '\n'));
	size_t count = outline.count;
	outline_done(&outline);
	if (result == 0) {
		result = prescan(text, size, "fuzz", &outline, &diagnostics);
		assert(result == 0 && outline.count == count);
		outline_done(&outline);
	}
	diagnostics_done(&diagnostics);
	free(text);
	return 0;
}
