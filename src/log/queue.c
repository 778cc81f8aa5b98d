/* SPDX-License-Identifier: ISC */
/*
 * Lines that wait for their target: a byte ring that is allocated once and never grows.
 * Knows nothing of targets.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log_internal.h"

#define RECORD_HEAD offsetof(struct log_record, text)

static void ring_write(struct log_queue *queue, size_t offset, const void *from,
		       size_t length)
{
	size_t at = (queue->head + offset) % LOG_QUEUE_SIZE;
	size_t first = LOG_QUEUE_SIZE - at;

	if (first > length)
		first = length;
	memcpy(queue->bytes + at, from, first);
	memcpy(queue->bytes, (const char *)from + first, length - first);
}

static void ring_read(const struct log_queue *queue, size_t offset, void *to,
		      size_t length)
{
	size_t at = (queue->head + offset) % LOG_QUEUE_SIZE;
	size_t first = LOG_QUEUE_SIZE - at;

	if (first > length)
		first = length;
	memcpy(to, queue->bytes + at, first);
	memcpy((char *)to + first, queue->bytes, length - first);
}

int log_queue_init(struct log_queue *queue)
{
	*queue = (struct log_queue){ .bytes = malloc(LOG_QUEUE_SIZE) };
	return queue->bytes ? 0 : -ENOMEM;
}

void log_queue_done(struct log_queue *queue)
{
	free(queue->bytes);
	*queue = (struct log_queue){ 0 };
}

bool log_queue_is_empty(const struct log_queue *queue)
{
	return queue->used == 0;
}

bool log_queue_put(struct log_queue *queue, const struct log_record *record)
{
	size_t size = RECORD_HEAD + record->length;

	assert(record->length <= LOG_TEXT_SIZE);
	if (size > LOG_QUEUE_SIZE - queue->used)
		return false;
	ring_write(queue, queue->used, record, size);
	queue->used += size;
	return true;
}

bool log_queue_read(const struct log_queue *queue, size_t *offset, struct log_record *ret)
{
	if (*offset >= queue->used)
		return false;
	ring_read(queue, *offset, ret, RECORD_HEAD);
	ring_read(queue, *offset + RECORD_HEAD, ret->text, ret->length);
	*offset += RECORD_HEAD + ret->length;
	return true;
}

void log_queue_peek(const struct log_queue *queue, struct log_record *ret)
{
	size_t offset = 0;

	assert(queue->used > 0);
	(void)log_queue_read(queue, &offset, ret);
}

void log_queue_drop(struct log_queue *queue)
{
	struct log_record record;
	size_t size;

	assert(queue->used > 0);
	ring_read(queue, 0, &record, RECORD_HEAD);
	size = RECORD_HEAD + record.length;
	queue->head = (queue->head + size) % LOG_QUEUE_SIZE;
	queue->used -= size;
	/* The same few pages again, as long as nothing waits: there may be many logs. */
	if (queue->used == 0)
		queue->head = 0;
}
