/* SPDX-License-Identifier: ISC */
/*
 * Every line goes into the queue and from there to the target: one way for all, so the
 * order is kept. How they get there is drain.c's business; where that is and what they
 * look like there, the sinks'.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log_internal.h"
#include "usherd/base/clock.h"

static const struct log_sink_ops *const sinks[] = {
	[LOG_TO_STDERR] = &log_sink_stderr,
	[LOG_TO_SYSLOG] = &log_sink_syslog,
	[LOG_TO_FILE] = &log_sink_file,
};

static const char *const level_words[] = {
	[LOG_LEVEL_ERROR] = "error",   [LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_NOTICE] = "notice", [LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

const char *log_level_word(enum log_level level)
{
	return level_words[level];
}

static void tell_changes(struct log *log)
{
	bool waiting = log_is_waiting(log);
	int fd = log_waiting_fd(log);

	if (waiting == log->waiting && fd == log->waiting_fd)
		return;
	log->waiting = waiting;
	log->waiting_fd = fd;
	if (log->changed)
		log->changed(log->data);
}

static int open_sink(struct log_sink *sink, const struct log_target *target,
		     struct error *err)
{
	sink->pid = getpid();
	sink->stamp_seconds = INT64_MIN;
	sink->ops = sinks[target->kind];
	sink->fd = -1;
	sink->of_services = target->of_services;
	sink->as_xinetd = target->as_xinetd;
	sink->soft_limit = 0;
	sink->hard_limit = 0;
	return sink->ops->open(sink, target, err);
}

static int set_socket_path(struct log_sink *sink, const char *path, struct error *err)
{
	sink->address.sun_family = AF_UNIX;
	if (!text_copy(sink->address.sun_path, sizeof(sink->address.sun_path), path))
		return error_set(err, -ENAMETOOLONG, "socket path '%s' is too long",
				 path);
	return 0;
}

int log_new_with_socket(const struct log_target *target, const char *ident,
			enum log_level level, const char *socket_path, struct log **ret,
			struct error *err)
{
	struct log *log = calloc(1, sizeof(*log));
	int result;

	if (!log || log_queue_init(&log->queue) < 0) {
		free(log);
		return error_set(err, -ENOMEM, "out of memory");
	}
	log->level = level;
	log->waiting_fd = -1;
	(void)text_copy(log->sink.ident, sizeof(log->sink.ident), ident);
	result = set_socket_path(&log->sink, socket_path, err);
	if (result == 0)
		result = open_sink(&log->sink, target, err);
	if (result < 0) {
		log_queue_done(&log->queue);
		free(log);
		return result;
	}
	*ret = log;
	return 0;
}

int log_new(const struct log_target *target, const char *ident, enum log_level level,
	    struct log **ret, struct error *err)
{
	int saved = errno;
	int result = log_new_with_socket(target, ident, level, LOG_SYSLOG_PATH, ret, err);

	errno = saved;
	return result;
}

void log_free(struct log *log)
{
	int saved = errno;

	if (!log)
		return;
	log_drain(log);
	log->sink.ops->close(&log->sink);
	log_queue_done(&log->queue);
	free(log);
	errno = saved;
}

int log_reopen(struct log *log, const struct log_target *target, struct error *err)
{
	int saved = errno;
	struct log_sink old = log->sink;
	struct log_sink new = old;
	int result = open_sink(&new, target, err);

	if (result == 0) {
		log_drain(log);
		old = log->sink;
		log->sink = new;
		/* A line cut short in the old place stands in the new one in full. */
		log->sent = 0;
		log->warned = false;
		log_fill_reset(&log->fill, &log->notice);
		log_drain(log);
		/* Before the old descriptor is closed: it may be watched. */
		tell_changes(log);
		old.ops->close(&old);
	}
	errno = saved;
	return result;
}

void log_set_level(struct log *log, enum log_level level)
{
	log->level = level;
}

void log_on_notice(struct log *log,
		   void (*tell)(void *data, enum log_level level, const char *text),
		   void *data)
{
	log->notice = (struct log_notice){ tell, data };
}

bool log_writes(const struct log *log, enum log_level level)
{
	return level <= log->level;
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
	int saved = errno;
	struct log_record record;
	va_list arguments;

	if (!log_writes(log, level))
		return;
	log_record_init(&record, level, false);
	va_start(arguments, format);
	if (vsnprintf(record.text, sizeof(record.text), format, arguments) < 0)
		record.text[0] = '\0';
	va_end(arguments);
	log_record_seal(&record, strlen(record.text));
	log_put(log, &record);
	log_drain(log);
	tell_changes(log);
	errno = saved;
}

void log_event(struct log *log, const struct event *event)
{
	int saved = errno;
	struct log_record record;
	struct text text;
	bool hold, first;

	log_record_init(&record, LOG_LEVEL_INFO, true);
	text_init(&text, record.text, sizeof(record.text));
	event_format(event, &text);
	log_record_seal(&record, text.length);
	hold = log->held && !log_is_waiting(log) && log->queue.used < LOG_QUEUE_SIZE / 4;
	first = log_queue_is_empty(&log->queue);
	log_put(log, &record);
	if (hold) {
		if (first)
			log->held(log->held_data);
	} else {
		log_drain(log);
		tell_changes(log);
	}
	errno = saved;
}

void log_hold_events(struct log *log, void (*held)(void *data), void *data)
{
	log->held = held;
	log->held_data = data;
}

int log_waiting_fd(const struct log *log)
{
	return log->code == -EAGAIN ? log->sink.fd : -1;
}

bool log_is_waiting(const struct log *log)
{
	return log->code != 0;
}

void log_flush(struct log *log)
{
	int saved = errno;

	log_drain(log);
	tell_changes(log);
	errno = saved;
}

void log_on_waiting(struct log *log, void (*changed)(void *data), void *data)
{
	log->changed = changed;
	log->data = data;
}
