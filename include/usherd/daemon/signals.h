/* SPDX-License-Identifier: ISC */
/* Which signal means what: a table for each persona. */
#ifndef USHERD_DAEMON_SIGNALS_H
#define USHERD_DAEMON_SIGNALS_H

#include "usherd/daemon/server.h"

struct signal_row {
	int signo;                             /* 0: the end of the table */
	void (*handle)(struct server *server); /* NULL: the signal is ignored */
};

extern const struct signal_row signals_usherd[];
extern const struct signal_row signals_xinetd[];
extern const struct signal_row signals_inetd[];

/* As the persona of the server's options has it. 0 or a negative errno. */
int signals_install(struct server *server, struct error *err);

#endif
