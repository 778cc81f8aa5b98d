/* SPDX-License-Identifier: ISC */
/* Which signal means what, as a table. */
#ifndef USHERD_DAEMON_SIGNALS_H
#define USHERD_DAEMON_SIGNALS_H

#include "usherd/daemon/server.h"

int signals_install(struct server *server, struct error *err);

#endif
