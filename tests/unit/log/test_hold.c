/* SPDX-License-Identifier: ISC */
/* Events that wait to be written together. */
#include "log_bench.h"

static void note_held(void *data)
{
	unsigned *count = data;

	(*count)++;
}

static void put_event(struct bench *bench, unsigned number)
{
	struct event event = { .kind = EVENT_START, .fields = EVENT_PID };

	event.pid = (pid_t)number;
	(void)text_copy(event.service, sizeof(event.service), "s");
	log_event(bench->log, &event);
}

static size_t lines(struct bench *bench)
{
	size_t count = 0;

	bench_read_file(bench, bench->path);
	for (const char *at = bench->text; (at = strchr(at, '\n')) != NULL; at++)
		count++;
	return count;
}

static void keeps_events_until_it_is_flushed(void **state)
{
	struct bench *bench = *state;
	unsigned held = 0;

	bench_open_file(bench);
	log_hold_events(bench->log, note_held, &held);
	for (unsigned i = 0; i < 200; i++)
		put_event(bench, i);
	assert_int_equal(held, 1);
	assert_int_equal(lines(bench), 0);
	log_flush(bench->log);
	assert_int_equal(lines(bench), 200);
	put_event(bench, 200);
	assert_int_equal(held, 2);
}

static void writes_them_in_order_and_whole(void **state)
{
	struct bench *bench = *state;
	unsigned held = 0;
	const char *at;

	bench_open_file(bench);
	log_hold_events(bench->log, note_held, &held);
	for (unsigned i = 0; i < 200; i++)
		put_event(bench, i);
	log_flush(bench->log);
	bench_read_file(bench, bench->path);
	at = bench->text;
	for (unsigned i = 0; i < 200; i++) {
		char expected[64];

		(void)snprintf(expected, sizeof(expected), "START: s pid=%u\n", i);
		at = strstr(at, "START: ");
		assert_non_null(at);
		assert_int_equal(strncmp(at, expected, strlen(expected)), 0);
		at++;
	}
}

static void lets_a_message_take_them_along(void **state)
{
	struct bench *bench = *state;
	unsigned held = 0;

	bench_open_file(bench);
	log_hold_events(bench->log, note_held, &held);
	put_event(bench, 1);
	log_write(bench->log, LOG_LEVEL_ERROR, "now");
	assert_int_equal(lines(bench), 2);
	assert_true(strstr(bench->text, "START") < strstr(bench->text, "error: now"));
}

/* More than a quarter of the queue does not wait for anybody. */
static void does_not_let_them_fill_the_queue(void **state)
{
	struct bench *bench = *state;
	unsigned held = 0;

	bench_open_file(bench);
	log_hold_events(bench->log, note_held, &held);
	for (unsigned i = 0; i < 10000; i++)
		put_event(bench, i);
	assert_true(lines(bench) > 5000);
	log_flush(bench->log);
	assert_int_equal(lines(bench), 10000);
}

static void writes_them_before_it_ends(void **state)
{
	struct bench *bench = *state;
	unsigned held = 0;

	bench_open_file(bench);
	log_hold_events(bench->log, note_held, &held);
	put_event(bench, 1);
	log_free(bench->log);
	bench->log = NULL;
	assert_int_equal(lines(bench), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(keeps_events_until_it_is_flushed),
		CASE(writes_them_in_order_and_whole),
		CASE(lets_a_message_take_them_along),
		CASE(does_not_let_them_fill_the_queue),
		CASE(writes_them_before_it_ends),
	};

	return cmocka_run_group_tests_name("log/hold", tests, NULL, NULL);
}
