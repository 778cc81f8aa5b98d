/* SPDX-License-Identifier: ISC */
/* What keeps a log going in the loop: lines that wait go out when their target takes them
 * again, events that were held a few milliseconds later. */
#ifndef USHERD_SERVE_LOG_PUMP_H
#define USHERD_SERVE_LOG_PUMP_H

#include "usherd/log/log.h"
#include "usherd/loop/loop.h"

/* Embedded in the caller's. */
struct log_pump {
	struct loop *loop; /* borrowed */
	struct log *log;   /* borrowed */
	struct watch watch;
	struct timer second; /* where there is no descriptor to watch */
	struct timer hold;   /* end of the wait of events */
};

void log_pump_start(struct log_pump *pump, struct loop *loop, struct log *log);

/* To be called while loop and log are there; one that was never started (all zero) is
 * left alone. */
void log_pump_stop(struct log_pump *pump);

#endif
