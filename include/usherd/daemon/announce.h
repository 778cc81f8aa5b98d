/* SPDX-License-Identifier: ISC */
/* What the log says of the life of the daemon, in the words of its persona: log scanners
 * know xinetd's. */
#ifndef USHERD_DAEMON_ANNOUNCE_H
#define USHERD_DAEMON_ANNOUNCE_H

#include "usherd/daemon/server.h"

void announce_ready(const struct server *server, const char *summary);
void announce_reload(const struct server *server); /* it begins */
void announce_reloaded(const struct server *server, const struct diff *diff);
void announce_stop(const struct server *server, enum stop_mode mode);

#endif
