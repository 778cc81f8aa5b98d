/* SPDX-License-Identifier: ISC */
/* The state of the supervisor at the end of a file. */
#ifndef USHERD_DAEMON_DUMP_FILE_H
#define USHERD_DAEMON_DUMP_FILE_H

#include "usherd/daemon/server.h"

/*
 * Append state_dump() to the file at @path, which is made with mode 0600 if it is not
 * there. One that is not a regular file, has other names, or belongs to another user is
 * refused, and no symbolic link is followed. 0 or a negative errno.
 */
int dump_append(const struct server *server, const char *path, struct error *err);

#endif
