/* SPDX-License-Identifier: ISC */
/* Reports into a log: the main one, or that of the service they are about. */
#include "usherd/serve/log_reporter.h"

#include "usherd/serve/service_logs.h"

static void log_reporter_event(struct reporter *reporter, const struct event *event)
{
	const struct log_reporter *own = (const struct log_reporter *)reporter;
	struct log *log = own->log;

	if (own->service_logs != NULL)
		log = service_logs_find(own->service_logs, event->service, log);
	if (log != NULL)
		log_event(log, event);
}

static void log_reporter_message(struct reporter *reporter, enum log_level level,
				 const char *text)
{
	log_write(((struct log_reporter *)reporter)->log, level, "%s", text);
}

static bool log_reporter_wants(const struct reporter *reporter, enum log_level level)
{
	return log_writes(((const struct log_reporter *)reporter)->log, level);
}

void log_reporter_init(struct log_reporter *reporter, struct log *log)
{
	reporter->reporter.event = log_reporter_event;
	reporter->reporter.message = log_reporter_message;
	reporter->reporter.wants = log_reporter_wants;
	reporter->log = log;
	reporter->service_logs = NULL;
}
