/* SPDX-License-Identifier: ISC */
/* The ring of waiting lines: order, wrapping round, and what does not fit. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "../../../src/log/log_internal.h"

static struct log_record numbered(uint32_t number, size_t length)
{
	struct log_record record = { .wall_seconds = number,
				     .length = (uint16_t)length,
				     .level = (uint8_t)(number % 5),
				     .is_event = number % 2 };

	memset(record.text, (int)('a' + number % 26), length);
	return record;
}

static void assert_numbered(const struct log_record *record, uint32_t number,
			    size_t length)
{
	struct log_record expected = numbered(number, length);

	assert_int_equal(record->wall_seconds, number);
	assert_int_equal(record->length, length);
	assert_int_equal(record->level, expected.level);
	assert_int_equal(record->is_event, expected.is_event);
	assert_memory_equal(record->text, expected.text, length);
}

static void gives_back_in_order_what_was_put(void **state)
{
	struct log_queue queue;
	static size_t lengths[200000];
	uint32_t put = 0;
	uint32_t taken = 0;

	(void)state;
	srandom(5);
	assert_int_equal(log_queue_init(&queue), 0);
	assert_true(log_queue_is_empty(&queue));
	while (put < 20000) {
		struct log_record record;
		size_t length = (size_t)random() % (LOG_TEXT_SIZE + 1);

		record = numbered(put, length);
		if (random() % 100 < 60 && log_queue_put(&queue, &record))
			lengths[put++] = length;
		if (random() % 100 < 55 && taken < put) {
			log_queue_peek(&queue, &record);
			assert_numbered(&record, taken, lengths[taken]);
			log_queue_drop(&queue);
			taken++;
		}
		assert_int_equal(log_queue_is_empty(&queue), taken == put);
		assert_true(queue.used <= LOG_QUEUE_SIZE);
	}
	log_queue_done(&queue);
}

static void refuses_what_does_not_fit_and_stays_whole(void **state)
{
	struct log_record record = numbered(1, LOG_TEXT_SIZE);
	struct log_record got;
	struct log_queue queue;
	uint32_t count = 0;

	(void)state;
	assert_int_equal(log_queue_init(&queue), 0);
	while (log_queue_put(&queue, &record))
		count++;
	assert_in_range(count, 200, LOG_QUEUE_SIZE / LOG_TEXT_SIZE);
	log_queue_drop(&queue);
	assert_true(log_queue_put(&queue, &record));
	assert_false(log_queue_put(&queue, &record));
	while (!log_queue_is_empty(&queue)) {
		log_queue_peek(&queue, &got);
		assert_numbered(&got, 1, LOG_TEXT_SIZE);
		log_queue_drop(&queue);
	}
	log_queue_done(&queue);
	log_queue_done(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_in_order_what_was_put),
		cmocka_unit_test(refuses_what_does_not_fit_and_stays_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
