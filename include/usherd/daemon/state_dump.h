/* SPDX-License-Identifier: ISC */
/*
 * The state of the supervisor in the blocks that xinetd's SIGUSR1 has: header, settings,
 * every service with its effective attributes, the running programs, counters, end mark.
 * For people and for scripts that look for one of its lines.
 */
#ifndef USHERD_DAEMON_STATE_DUMP_H
#define USHERD_DAEMON_STATE_DUMP_H

#include <stdio.h>

#include "usherd/daemon/server.h"

/* Write it to @out, which is flushed. 0 or a negative errno. */
int state_dump(const struct server *server, FILE *out);

#endif
