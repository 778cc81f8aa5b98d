/* SPDX-License-Identifier: ISC */
/* Answers of ident servers. What is taken begins with the ports that were asked for, and
 * its text fits. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "usherd/guard/userid.h"

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[USERID_TEXT_SIZE];
	enum userid_outcome outcome;

	if (size > USERID_LINE_MAX)
		return 0;
	memset(text, 'x', sizeof(text));
	outcome = userid_parse((const char *)data, size, 47070, 21701, text);
	assert(outcome == USERID_KNOWN || outcome == USERID_BAD_RESPONSE);
	if (outcome != USERID_KNOWN)
		return 0;
	assert(strnlen(text, sizeof(text)) < sizeof(text));
	assert(memchr(data, ',', size) != NULL);
	/* For others it says nothing. */
	assert(userid_parse((const char *)data, size, 47071, 21701, text) ==
	       USERID_BAD_RESPONSE);
	assert(userid_parse((const char *)data, size, 47070, 21702, text) ==
	       USERID_BAD_RESPONSE);
	return 0;
}
