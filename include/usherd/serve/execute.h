/* SPDX-License-Identifier: ISC */
/* Becoming a worker in another program. */
#ifndef USHERD_SERVE_EXECUTE_H
#define USHERD_SERVE_EXECUTE_H

#include "usherd/serve/worker.h"

/* In the forked child: hand @plan over to its executable, see handover.h. If that cannot
 * be, say why over @channel and end. */
_Noreturn void worker_execute(const struct worker_plan *plan, int channel);

#endif
