/* SPDX-License-Identifier: ISC */
/*
 * Where events and messages of the engine go: to the log in the supervisor, through a
 * socket to the supervisor in a worker. Who reports does not know which.
 */
#ifndef USHERD_SERVE_REPORT_H
#define USHERD_SERVE_REPORT_H

#include "usherd/log/event.h"
#include "usherd/log/log.h"

#define REPORT_TEXT_SIZE 768

struct reporter {
	void (*event)(struct reporter *reporter, const struct event *event);
	void (*message)(struct reporter *reporter, enum log_level level,
			const char *text);
	/* Is there a use for messages of this level? NULL: there always is. */
	bool (*wants)(const struct reporter *reporter, enum log_level level);
};

/* For what costs time to put into words, and mostly is not written. */
bool report_is_wanted(const struct reporter *reporter, enum log_level level);

void report_event(struct reporter *reporter, const struct event *event);
void report_message(struct reporter *reporter, enum log_level level, const char *format,
		    ...) __attribute__((format(printf, 3, 4)));

/*
 * A message that a client or a broken system could repeat: written at most once per
 * LOG_THROTTLE_PERIOD_NS of @gate, with the number of those left out in between.
 */
void report_throttled(struct reporter *reporter, struct log_throttle *gate,
		      uint64_t now_ns, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* A worker that was not told to has ended: how, and that there will be another. */
void report_worker_end(struct reporter *reporter, pid_t pid, int wait_status);

#endif
