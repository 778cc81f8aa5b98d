/* SPDX-License-Identifier: ISC */
/* What the personas' readers of the command line share. */
#ifndef USHERD_DAEMON_INTERNAL_H
#define USHERD_DAEMON_INTERNAL_H

#include "usherd/daemon/options.h"

/* The daemon changes to / and reads its files again at reload: absolute paths, owned by
 * the caller; NULL when out of memory. */
char *options_absolute(const char *path);

/* Takes @value over in place of what *field was. 0, or -ENOMEM if it is NULL. */
int options_set(char **field, char *value);

/* One absolute path more. 0 or -ENOMEM. */
int options_add_path(struct strings *files, const char *path);

/* As options_parse(), for xinetd(8) and for inetd(8). */
int options_parse_xinetd(int argc, char *const argv[], struct options *ret,
			 struct error *err);
void options_usage_xinetd(FILE *out);
int options_parse_inetd(int argc, char *const argv[], struct options *ret,
			struct error *err);
void options_usage_inetd(FILE *out);
void options_help_inetd(FILE *out);

#endif
