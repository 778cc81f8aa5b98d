/* SPDX-License-Identifier: ISC */
/* The syntaxes of inetd.conf, those of the whole family, into stanzas. */
#ifndef USHERD_CONF_READER_INETD_H
#define USHERD_CONF_READER_INETD_H

#include "usherd/conf/diagnostics.h"
#include "usherd/conf/stanza.h"

/* Where the reader asks for other files, at once and in the order of the text. */
struct inetd_includer {
	/* `.include PATTERN`; @address: what an `ADDRESS:` line above said, or NULL. 0 or
	 * -ENOMEM. */
	int (*include)(struct inetd_includer *includer, const char *pattern,
		       const char *address, unsigned line);
};

/*
 * Read one file already in memory; @text is modified. What was understood is appended to
 * @stanzas; a line with a mistake costs its service alone, whose stanza is then `broken`.
 * @address: what holds for services that name none, or NULL for all addresses.
 * 0 (see @diagnostics) or -ENOMEM.
 */
int reader_inetd(char *text, const char *file, const char *address,
		 struct inetd_includer *includer, struct stanzas *stanzas,
		 struct diagnostics *diagnostics);

#endif
