/* SPDX-License-Identifier: ISC */
/* What everybody says to a reporter, put into words. The supervisor's reporter is in
 * log_reporter.c, a worker's in channel.c. */
#include "usherd/serve/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

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
