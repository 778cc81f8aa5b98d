/* SPDX-License-Identifier: ISC */
/* The programs that belong to usherd and are started by nobody else. */
#ifndef USHERD_EXEC_LIBEXEC_H
#define USHERD_EXEC_LIBEXEC_H

#include <stddef.h>

#include "usherd/base/error.h"

/*
 * The path of the program @name into @buffer: in the directory of the running usherd, as
 * in a build tree, else where it is installed. 0, or a negative errno if it cannot be
 * executed, with a sentence that names the path. Looks at the disk.
 */
int libexec_find(const char *name, char *buffer, size_t size, struct error *err);

#endif
