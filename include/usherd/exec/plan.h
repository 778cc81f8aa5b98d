/* SPDX-License-Identifier: ISC */
/*
 * How to start the program of a service: worked out once per load, all allocation here.
 *
 * For each client only the slots that name it are rewritten:
 *   REMOTE_HOST REMOTE_ADDR REMOTE_PORT PROTO TCPREMOTEIP TCPREMOTEPORT TCPLOCALIP
 *   TCPLOCALPORT (UDPREMOTEIP... for datagrams)
 * UNIX sockets: PROTO=UNIX, REMOTE_HOST and UNIXLOCALPATH, never REMOTE_ADDR. With an
 * unknown peer only REMOTE_HOST=<no address> is set. A variable of one of these names
 * that comes from elsewhere (daemon's environment, env) is left out in every case, so
 * that a program can believe them. Before them stand the daemon's variables (the whole
 * environment but for what speaks to the daemon itself: LISTEN_*, NOTIFY_SOCKET,
 * WATCHDOG_*, ...; or those of passenv, in its order), then those of env, the last of a
 * name winning. A plan is used for one start at a time (single-threaded).
 */
#ifndef USHERD_EXEC_PLAN_H
#define USHERD_EXEC_PLAN_H

#include "usherd/base/addr.h"
#include "usherd/base/error.h"
#include "usherd/base/strings.h"
#include "usherd/model/endpoint.h"
#include "usherd/model/program.h"

struct plan;

/*
 * @program is borrowed and must outlive the plan. @environment is the daemon's
 * environment at start (passenv refers to it); copied. 0 or -ENOMEM.
 */
int plan_new(const struct program *program, char *const *environment, struct plan **ret,
	     struct error *err);
void plan_free(struct plan *plan); /* NULL allowed */

/* What one start adds to the plan. */
struct invocation {
	int fd;        /* becomes 0 and 1 (and 2) */
	int stderr_fd; /* becomes 2 when the program says stderr = log */
	enum transport transport;
	const struct addr *peer;  /* NULL: unknown (wait = yes stream) */
	const struct addr *local; /* NULL: unknown */
};

/* Fill in the slots; no allocation. The arrays stay valid until the next call. */
char *const *plan_environment(struct plan *plan, const struct invocation *invocation);
char *const *plan_arguments(const struct plan *plan);
const struct program *plan_program(const struct plan *plan);

#endif
