/* SPDX-License-Identifier: ISC */
/*
 * How to start the program of a service: worked out once per load, all allocation here.
 * Counted, since a reload may replace the plan while starts that use it are under way.
 *
 * For each client only the variables that name it are made:
 *   REMOTE_HOST REMOTE_ADDR REMOTE_PORT PROTO TCPREMOTEIP TCPREMOTEPORT TCPLOCALIP
 *   TCPLOCALPORT (UDPREMOTEIP... for datagrams)
 * UNIX sockets: PROTO=UNIX, REMOTE_HOST and UNIXLOCALPATH, never REMOTE_ADDR. With an
 * unknown peer only REMOTE_HOST=<no address> is set. A variable of one of these names
 * that comes from elsewhere (daemon's environment, env) is left out in every case, so
 * that a program can believe them. Before them stand the daemon's variables (the whole
 * environment but for what speaks to the daemon itself: LISTEN_*, NOTIFY_SOCKET,
 * WATCHDOG_*, ...; or those of passenv, in its order), then those of env, the last of a
 * name winning.
 */
#ifndef USHERD_EXEC_PLAN_H
#define USHERD_EXEC_PLAN_H

#include "usherd/base/addr.h"
#include "usherd/base/error.h"
#include "usherd/base/strings.h"
#include "usherd/model/endpoint.h"
#include "usherd/model/service.h"

struct plan;

/*
 * What programs get of the daemon's environment. Counted: it is the same for all plans
 * whose services have neither passenv nor env, and those share it.
 */
struct environment;

/* @variables (the daemon's, borrowed) are to stay while plans are made with it. 0 or
 * -ENOMEM. */
int environment_new(char *const *variables, struct environment **ret);
void environment_unref(struct environment *environment); /* NULL allowed */

/* How the process is made that takes the steps. */
enum technique {
	/* It has our memory until exec, so that no start costs more when that has grown.
	 * For steps that cannot block but in a path: a start that hangs keeps its slot,
	 * see spawn.h. */
	TECHNIQUE_SHARED,
	/* A copy, by fork(2): for steps that may block, or need the C library. */
	TECHNIQUE_FORKED,
};

/*
 * A plan for the program of @service, with a reference of that and, where the program
 * gets it as it is, of @environment. 0 or -ENOMEM.
 */
int plan_new(struct service *service, struct environment *environment,
	     enum technique technique, struct plan **ret, struct error *err);
struct plan *plan_ref(struct plan *plan);
void plan_unref(struct plan *plan); /* NULL allowed */

/* What one start adds to the plan. */
struct invocation {
	int fd;        /* becomes 0 and 1 (and 2) */
	int stderr_fd; /* becomes 2 when the program says stderr = log */
	enum transport transport;
	const struct addr *peer;  /* NULL: unknown (wait = yes stream) */
	const struct addr *local; /* NULL: unknown */
};

/* Bytes that suffice for the environment of any start. */
size_t plan_environment_size(const struct plan *plan);

/* The environment of one start, in @room (aligned for pointers, of that size), with
 * strings of the plan in it; no allocation. */
char *const *plan_environment(const struct plan *plan,
			      const struct invocation *invocation, void *room);
char *const *plan_arguments(const struct plan *plan);
const struct program *plan_program(const struct plan *plan);
enum technique plan_technique(const struct plan *plan);

#endif
