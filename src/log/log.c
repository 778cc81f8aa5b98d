/* SPDX-License-Identifier: ISC */
/*
 * Every line goes into the queue and from there to the target as far as it takes it:
 * one way for all, so the order is kept. Lines are framed on their way out, so those that
 * waited while the target changed have the new one's form.
 *
 * Where lines go and what they look like there is the sinks' business.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log_internal.h"
#include "usherd/base/clock.h"

/* Lines that one write carries at most. */
#define BATCH_LINES 64

struct log {
	struct log_sink sink;
	struct log_queue queue;
	enum log_level level;
	size_t sent;   /* bytes of the oldest line the target already has */
	uint64_t lost; /* lines, not reported yet */
	int code;      /* why the oldest line waits, 0 while none does */
	bool warned;   /* of this failure */
	struct log_throttle warnings;
	int waiting_fd; /* as told to changed() last */
	bool waiting;
	void (*changed)(void *data);
	void *data;
	void (*held)(void *data); /* NULL: events go out at once */
	void *held_data;
};

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

static void record_init(struct log_record *record, enum log_level level, bool is_event)
{
	record->wall_seconds = clock_wall_seconds();
	record->level = (uint8_t)level;
	record->is_event = is_event;
	record->lost = 0;
	record->length = 0;
}

/* One message, one line: control characters would let it pose as several. */
static void record_seal(struct log_record *record, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)record->text[i];

		if (byte < 0x20 || byte == 0x7f)
			record->text[i] = '?';
	}
	record->length = (uint16_t)length;
}

/* Into the queue, after the report of what did not fit there before. */
static bool put_loss_report(struct log *log)
{
	struct log_record record;
	struct text text;

	if (log->lost == 0)
		return true;
	record_init(&record, LOG_LEVEL_WARNING, false);
	text_init(&text, record.text, sizeof(record.text));
	text_addf(&text, "%llu log line%s lost", (unsigned long long)log->lost,
		  log->lost == 1 ? " was" : "s were");
	record_seal(&record, text.length);
	record.lost = log->lost;
	if (!log_queue_put(&log->queue, &record))
		return false;
	log->lost = 0;
	return true;
}

static void put(struct log *log, const struct log_record *record)
{
	if (!put_loss_report(log) || !log_queue_put(&log->queue, record))
		log->lost++;
}

static void warn(struct log *log, int code)
{
	char buffer[ERROR_TEXT_SIZE + LOG_IDENT_SIZE];
	unsigned suppressed = 0;
	struct error err = { 0 };
	struct text text;

	if (log->warned)
		return;
	log->warned = true;
	if (!log_throttle_pass(&log->warnings, clock_monotonic_ns(), &suppressed))
		return;
	(void)error_set_errno(
		&err, code, "cannot write to the log, keeping lines while there is room");
	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "%s: warning: %s\n", log->sink.ident, err.text);
	(void)log_stderr_write(text.data, text.length);
}

/* The target takes lines again, so what it missed may be said now. */
static void oldest_is_done(struct log *log)
{
	log_queue_drop(&log->queue);
	log->sent = 0;
	(void)put_loss_report(log);
}

/* A report that is lost itself must not take its figure along. */
static void oldest_is_lost(struct log *log)
{
	struct log_record record;

	log_queue_peek(&log->queue, &record);
	log->lost += record.lost != 0 ? record.lost : 1;
	log_queue_drop(&log->queue);
	log->sent = 0;
}

/* The oldest lines as they stand in the target, as many as one write may carry. */
struct batch {
	struct text text;
	char bytes[LOG_LINE_SIZE * 8];
	size_t ends[BATCH_LINES]; /* of each line, counted from the begin */
	size_t count;
};

static void batch_fill(struct batch *batch, struct log *log)
{
	size_t most = log->sink.ops->is_stream ? BATCH_LINES : 1;
	struct log_record record;
	size_t offset = 0;

	text_init(&batch->text, batch->bytes, sizeof(batch->bytes));
	batch->count = 0;
	while (batch->count < most &&
	       sizeof(batch->bytes) - batch->text.length > LOG_LINE_SIZE &&
	       log_queue_read(&log->queue, &offset, &record)) {
		log->sink.ops->frame(&log->sink, &record, &batch->text);
		batch->ends[batch->count++] = batch->text.length;
	}
}

/* Hand over the oldest lines. Returns 0 when all that were tried are gone. */
static int send_oldest(struct log *log)
{
	struct batch batch;
	size_t sent = log->sent;
	size_t begin = 0;
	size_t done = 0;
	int code = 0;

	batch_fill(&batch, log);
	while (code == 0 && sent < batch.text.length) {
		ssize_t taken = log->sink.ops->write(&log->sink, batch.bytes + sent,
						     batch.text.length - sent);

		if (taken < 0)
			code = (int)taken;
		else
			sent += (size_t)taken;
	}
	for (; done < batch.count && batch.ends[done] <= sent; done++) {
		begin = batch.ends[done];
		oldest_is_done(log);
	}
	log->sent = sent - begin;
	return code;
}

static void drain(struct log *log)
{
	log->code = 0;
	while (!log_queue_is_empty(&log->queue)) {
		int code = send_oldest(log);

		if (code == 0)
			continue;
		if (log->sink.ops->warns)
			warn(log, code);
		if (log->sink.ops->may_recover(code)) {
			log->code = code;
			return;
		}
		oldest_is_lost(log);
	}
	log->warned = false;
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
	drain(log);
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
		drain(log);
		old = log->sink;
		log->sink = new;
		/* A line cut short in the old place stands in the new one in full. */
		log->sent = 0;
		log->warned = false;
		drain(log);
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
	record_init(&record, level, false);
	va_start(arguments, format);
	if (vsnprintf(record.text, sizeof(record.text), format, arguments) < 0)
		record.text[0] = '\0';
	va_end(arguments);
	record_seal(&record, strlen(record.text));
	put(log, &record);
	drain(log);
	tell_changes(log);
	errno = saved;
}

void log_event(struct log *log, const struct event *event)
{
	int saved = errno;
	struct log_record record;
	struct text text;
	bool hold, first;

	record_init(&record, LOG_LEVEL_INFO, true);
	text_init(&text, record.text, sizeof(record.text));
	event_format(event, &text);
	record_seal(&record, text.length);
	hold = log->held && !log_is_waiting(log) && log->queue.used < LOG_QUEUE_SIZE / 4;
	first = log_queue_is_empty(&log->queue);
	put(log, &record);
	if (hold) {
		if (first)
			log->held(log->held_data);
	} else {
		drain(log);
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

	drain(log);
	tell_changes(log);
	errno = saved;
}

void log_on_waiting(struct log *log, void (*changed)(void *data), void *data)
{
	log->changed = changed;
	log->data = data;
}
