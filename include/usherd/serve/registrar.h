/* SPDX-License-Identifier: ISC */
/*
 * Keeping rpcbind(8) informed of the services with type = RPC. In the supervisor, which
 * never talks to rpcbind itself: that may block, so each time a short-lived process,
 * usherd-rpc, is started with orders as its standard input.
 *
 * After a change the orders go out at once; while rpcbind cannot be reached they are
 * tried again, REGISTRAR_RETRY_FIRST_NS later and then twice as long each time. All that
 * is registered is said again every REGISTRAR_CHECK_NS, since rpcbind forgets it when it
 * is started anew.
 */
#ifndef USHERD_SERVE_REGISTRAR_H
#define USHERD_SERVE_REGISTRAR_H

#include "usherd/serve/duty.h"

#define REGISTRAR_PROGRAM        "usherd-rpc"

#define REGISTRAR_RETRY_FIRST_NS (UINT64_C(500) * 1000000)
#define REGISTRAR_RETRY_MAX_NS   (UINT64_C(20) * 1000000000)
#define REGISTRAR_CHECK_NS       (UINT64_C(20) * 1000000000)

struct registrar;

/* 0 or -ENOMEM. */
int registrar_new(struct engine *engine, struct registrar **ret);
/* Before the engine's children. A process that is at work finishes it. NULL allowed. */
void registrar_free(struct registrar *registrar);

/* To be called when services or their sockets have changed; costs nothing without
 * services of that type. */
void registrar_refresh(struct registrar *registrar);

/* Have everything removed from rpcbind, once; nothing is registered any more. When what
 * is under way has ended; or @at_once, because the loop ends with it: that is killed, and
 * the process that removes everything goes on by itself. */
void registrar_stop(struct registrar *registrar, bool at_once);

#endif
