/* SPDX-License-Identifier: ISC */
/* The reporter of the supervisor. */
#ifndef USHERD_SERVE_LOG_REPORTER_H
#define USHERD_SERVE_LOG_REPORTER_H

#include "usherd/serve/report.h"

struct service_logs;

struct log_reporter {
	struct reporter reporter;
	struct log *log; /* borrowed */
	/* Where events may go instead; borrowed, or NULL. */
	const struct service_logs *service_logs;
};
void log_reporter_init(struct log_reporter *reporter, struct log *log);

#endif
