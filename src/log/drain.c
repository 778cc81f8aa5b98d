/* SPDX-License-Identifier: ISC */
/*
 * The way of a line through the queue to the target, as far as that takes it. Lines are
 * framed on their way out, so those that waited while the target changed have the new
 * one's form.
 */
#include <errno.h>
#include <string.h>

#include "log_internal.h"
#include "usherd/base/clock.h"

/* Lines that one write carries at most. */
#define BATCH_LINES 64

void log_record_init(struct log_record *record, enum log_level level, bool is_event)
{
	record->wall_seconds = clock_wall_seconds();
	record->level = (uint8_t)level;
	record->is_event = is_event;
	record->lost = 0;
	record->length = 0;
}

void log_record_seal(struct log_record *record, size_t length)
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
	log_record_init(&record, LOG_LEVEL_WARNING, false);
	text_init(&text, record.text, sizeof(record.text));
	text_addf(&text, "%llu log line%s lost", (unsigned long long)log->lost,
		  log->lost == 1 ? " was" : "s were");
	log_record_seal(&record, text.length);
	record.lost = log->lost;
	if (!log_queue_put(&log->queue, &record))
		return false;
	log->lost = 0;
	return true;
}

void log_put(struct log *log, const struct log_record *record)
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
	if (log->notice.tell) {
		log->notice.tell(log->notice.data, LOG_LEVEL_ERROR, err.text);
		return;
	}
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

/* False, and nothing done, if the place has no room for the line. */
static bool batch_add(struct batch *batch, struct log *log,
		      const struct log_record *record)
{
	size_t begin = batch->text.length;

	log->sink.ops->frame(&log->sink, record, &batch->text);
	if (batch->text.length - log->sent > log->room) {
		batch->text.length = begin;
		return false;
	}
	batch->ends[batch->count++] = batch->text.length;
	return true;
}

static void batch_fill(struct batch *batch, struct log *log)
{
	size_t most = log->sink.ops->is_stream ? BATCH_LINES : 1;
	struct log_record record;
	size_t offset = 0;

	text_init(&batch->text, batch->bytes, sizeof(batch->bytes));
	batch->count = 0;
	while (batch->count < most &&
	       sizeof(batch->bytes) - batch->text.length > LOG_LINE_SIZE &&
	       log_queue_read(&log->queue, &offset, &record) &&
	       batch_add(batch, log, &record))
		;
}

/* The oldest line has no room: a hard limit. */
static void leave_out_oldest(struct log *log)
{
	log_fill_leave_out(&log->fill, &log->sink, log->room, &log->notice);
	log->room = 0;
	log_queue_drop(&log->queue);
	log->sent = 0;
}

/* Hand over the oldest lines. Returns 0 when all that were tried are gone. */
static int send_oldest(struct log *log)
{
	struct batch batch;
	size_t sent;
	size_t begin = 0;
	size_t done = 0;
	int code = 0;

	batch_fill(&batch, log);
	if (batch.count == 0)
		leave_out_oldest(log);
	sent = log->sent;
	while (code == 0 && sent < batch.text.length) {
		ssize_t taken = log->sink.ops->write(&log->sink, batch.bytes + sent,
						     batch.text.length - sent);

		if (taken < 0)
			code = (int)taken;
		else
			sent += (size_t)taken;
	}
	if (log->room != UINT64_MAX) {
		log->room -= sent - log->sent;
		log_fill_wrote(&log->fill, &log->sink, log->room, &log->notice);
	}
	for (; done < batch.count && batch.ends[done] <= sent; done++) {
		begin = batch.ends[done];
		oldest_is_done(log);
	}
	log->sent = sent - begin;
	return code;
}

void log_drain(struct log *log)
{
	log->code = 0;
	if (!log_queue_is_empty(&log->queue))
		log->room = log_fill_room(&log->fill, &log->sink, &log->notice);
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
