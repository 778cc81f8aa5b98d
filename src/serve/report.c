/* SPDX-License-Identifier: ISC */
/*
 * The reporter's convenience functions and the one that writes to a log. The worker's
 * reporter, which sends everything to the supervisor, is in channel.c.
 */
#include "usherd/serve/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "usherd/serve/service_logs.h"

void report_event(struct reporter *reporter, const struct event *event)
{
	reporter->event(reporter, event);
}

bool report_is_wanted(const struct reporter *reporter, enum log_level level)
{
	return reporter->wants == NULL || reporter->wants(reporter, level);
}

void report_message(struct reporter *reporter, enum log_level level, const char *format,
		    ...)
{
	char text[REPORT_TEXT_SIZE];
	va_list arguments;

	if (!report_is_wanted(reporter, level))
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	reporter->message(reporter, level, text);
}

void report_throttled(struct reporter *reporter, struct log_throttle *gate,
		      uint64_t now_ns, enum log_level level, const char *format, ...)
{
	char text[REPORT_TEXT_SIZE];
	unsigned suppressed;
	va_list arguments;

	if (!log_throttle_pass(gate, now_ns, &suppressed))
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (suppressed > 0)
		report_message(reporter, level, "%s (%u more like this before)", text,
			       suppressed);
	else
		reporter->message(reporter, level, text);
}

void report_worker_end(struct reporter *reporter, pid_t pid, int wait_status)
{
	if (WIFSIGNALED(wait_status))
		report_message(reporter, LOG_LEVEL_ERROR,
			       "worker %d was ended by signal %d (%s); starting another",
			       (int)pid, WTERMSIG(wait_status),
			       strsignal(WTERMSIG(wait_status)));
	else
		report_message(reporter, LOG_LEVEL_ERROR,
			       "worker %d ended with status %d; starting another",
			       (int)pid, WEXITSTATUS(wait_status));
}

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
