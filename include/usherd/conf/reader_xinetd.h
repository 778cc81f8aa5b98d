/* SPDX-License-Identifier: ISC */
/* The syntax of xinetd.conf(5) into stanzas. */
#ifndef USHERD_CONF_READER_XINETD_H
#define USHERD_CONF_READER_XINETD_H

#include <stdbool.h>
#include <stddef.h>

#include "usherd/conf/diagnostics.h"
#include "usherd/conf/stanza.h"

/* Where the reader asks for other files, at once and in the order of the text. */
struct xinetd_includer {
	/* `include PATH`, or `includedir PATH` with @directory. 0 or -ENOMEM. */
	int (*include)(struct xinetd_includer *includer, const char *path, bool directory,
		       unsigned line);
};

/*
 * Read one file already in memory; @text is modified. What was understood is appended to
 * @stanzas. A mistake of syntax costs the service that it stands in, whose stanza is then
 * `broken`; in `defaults` it costs the load, since nobody knows what else would have been
 * said of every service. 0 (see @diagnostics) or -ENOMEM.
 */
int reader_xinetd(char *text, const char *file, struct xinetd_includer *includer,
		  struct stanzas *stanzas, struct diagnostics *diagnostics);

/* Is a file of that name read by includedir? xinetd leaves out what editors and packages
 * leave behind: a name with a dot in it, or one that ends in '~'. */
bool reader_xinetd_takes(const char *name);

#endif
