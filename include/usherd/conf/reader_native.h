/* SPDX-License-Identifier: ISC */
/* The native syntax (usherd.conf(5)) into stanzas, by way of libconfuse. */
#ifndef USHERD_CONF_READER_NATIVE_H
#define USHERD_CONF_READER_NATIVE_H

#include <stddef.h>

#include "usherd/conf/diagnostics.h"
#include "usherd/conf/stanza.h"

/*
 * Read one file already in memory; @text is modified. What was understood is appended to
 * @stanzas even when there are errors, so that later stages can report theirs as well.
 * Returns 0, -EINVAL (see @diagnostics) or -ENOMEM. Not to be called from two threads at
 * once: the lexer of libconfuse is static.
 */
int reader_native(char *text, size_t length, const char *file, struct stanzas *stanzas,
		  struct diagnostics *diagnostics);

#endif
