/* SPDX-License-Identifier: ISC */
/* Opening something with the rights of the user it is for, while still being root. */
#ifndef USHERD_EXEC_OPEN_AS_H
#define USHERD_EXEC_OPEN_AS_H

#include "usherd/base/error.h"
#include "usherd/model/program.h"

/*
 * An O_PATH descriptor of the directory @path, close-on-exec, reached with the rights of
 * @credentials (with the caller's, where those are not to change). May block, as any
 * file system. The caller has one thread and keeps its own rights. 0; -EPERM when those
 * could not be had back, and the process must end; another negative errno.
 */
int open_as_directory(const struct credentials *credentials, const char *path,
		      int *ret_fd, struct error *err);

#endif
