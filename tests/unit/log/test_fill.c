/* SPDX-License-Identifier: ISC */
/* Logs of services: their form in a file, and the limits of that file, each told once. */
#include "log_bench.h"

#include <syslog.h>
#include <time.h>

#define LINE_LENGTH 40

struct notices {
	unsigned count;
	char last[256];
	enum log_level level;
};

static void note(void *data, enum log_level level, const char *text)
{
	struct notices *notices = data;

	notices->count++;
	notices->level = level;
	(void)snprintf(notices->last, sizeof(notices->last), "%s", text);
}

static struct log_target target_of(struct bench *bench, uint64_t soft, uint64_t hard)
{
	return (struct log_target){ .kind = LOG_TO_FILE,
				    .path = bench->path,
				    .of_services = true,
				    .soft_limit = soft,
				    .hard_limit = hard };
}

static void open_limited(struct bench *bench, uint64_t soft, uint64_t hard,
			 struct notices *notices)
{
	struct log_target target = target_of(bench, soft, hard);

	assert_int_equal(log_new(&target, "usherd", LOG_LEVEL_INFO, &bench->log, NULL),
			 0);
	log_on_notice(bench->log, note, notices);
	*notices = (struct notices){ 0 };
}

/* One line of LINE_LENGTH bytes at least: the stamp's month and day are not padded. */
static void write_line(struct bench *bench)
{
	struct event event = { .kind = EVENT_FAIL, .service = "service", .reason = "a" };

	log_event(bench->log, &event);
}

static off_t size_of(const struct bench *bench)
{
	struct stat status;

	assert_int_equal(stat(bench->path, &status), 0);
	return status.st_size;
}

static void has_the_form_of_xinetd(void **state)
{
	struct bench *bench = *state;
	struct notices notices;
	unsigned year, month, day, hour, minute, second;
	char rest[64] = "";
	char again[128];
	struct stat status;

	open_limited(bench, 0, 0, &notices);
	write_line(bench);
	bench_read_file(bench, bench->path);
	assert_int_equal(sscanf(bench->text, "%u/%u/%u@%u:%u:%u%63[^\n]", &year, &month,
				&day, &hour, &minute, &second, rest),
			 7);
	assert_string_equal(rest, ": FAIL: service a");
	(void)snprintf(again, sizeof(again), "%02u/%u/%u@%02u:%02u:%02u%s\n", year, month,
		       day, hour, minute, second, rest);
	assert_string_equal(bench->text, again);
	assert_int_equal(stat(bench->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
}

static void tells_each_limit_once_and_leaves_lines_out(void **state)
{
	struct bench *bench = *state;
	struct notices notices;
	off_t full;

	open_limited(bench, 100, 200, &notices);
	write_line(bench);
	assert_int_equal(notices.count, 0);
	while (size_of(bench) <= 100)
		write_line(bench);
	assert_int_equal(notices.count, 1);
	assert_int_equal(notices.level, LOG_LEVEL_WARNING);
	assert_string_equal(notices.last, "past its soft limit of 100 bytes");
	for (int i = 0; i < 1000; i++)
		write_line(bench);
	full = size_of(bench);
	assert_true(full > 200 - 2 * LINE_LENGTH && full <= 200);
	assert_int_equal(notices.count, 2);
	assert_int_equal(notices.level, LOG_LEVEL_ERROR);
	assert_string_equal(notices.last, "at its hard limit of 200 bytes: lines are "
					  "left out until it is rotated");
}

static void goes_on_when_the_file_is_small_again(void **state)
{
	struct bench *bench = *state;
	struct notices notices;

	open_limited(bench, 100, 200, &notices);
	for (int i = 0; i < 100; i++)
		write_line(bench);
	assert_int_equal(notices.count, 2);
	assert_int_equal(truncate(bench->path, 0), 0);
	write_line(bench);
	assert_int_equal(notices.count, 3);
	assert_int_equal(notices.level, LOG_LEVEL_NOTICE);
	assert_non_null(strstr(notices.last, "written again; 9"));
	assert_non_null(strstr(notices.last, " lines were left out"));
	assert_true(size_of(bench) > 0);
}

/* With both limits alike the file is never past the soft one. */
static void is_full_although_the_limits_are_the_same(void **state)
{
	struct bench *bench = *state;
	struct notices notices;

	open_limited(bench, 100, 100, &notices);
	for (int i = 0; i < 100; i++)
		write_line(bench);
	assert_int_equal(notices.count, 1);
	assert_int_equal(notices.level, LOG_LEVEL_ERROR);
	assert_int_equal(truncate(bench->path, 0), 0);
	write_line(bench);
	assert_int_equal(notices.count, 2);
}

static void goes_on_in_another_file(void **state)
{
	struct bench *bench = *state;
	struct log_target target = target_of(bench, 100, 200);
	struct notices notices;
	char moved[80];

	open_limited(bench, 100, 200, &notices);
	for (int i = 0; i < 100; i++)
		write_line(bench);
	(void)snprintf(moved, sizeof(moved), "%s.1", bench->path);
	assert_int_equal(rename(bench->path, moved), 0);
	assert_int_equal(log_reopen(bench->log, &target, NULL), 0);
	assert_int_equal(notices.count, 3);
	write_line(bench);
	assert_true(size_of(bench) > 0);
	assert_int_equal(notices.count, 3);
}

/* Held lines go out in one write, as far as there is room. */
static void cuts_a_batch_at_the_limit(void **state)
{
	struct bench *bench = *state;
	struct notices notices;

	open_limited(bench, 100, 200, &notices);
	log_hold_events(bench->log, bench_count_change, bench);
	for (int i = 0; i < 30; i++)
		write_line(bench);
	assert_int_equal(notices.count, 0);
	log_flush(bench->log);
	assert_int_equal(notices.count, 2);
	assert_true(size_of(bench) > 200 - 2 * LINE_LENGTH && size_of(bench) <= 200);
	bench_read_file(bench, bench->path);
	assert_int_equal(bench->text[bench->length - 1], '\n');
}

static void tells_what_cannot_be_written(void **state)
{
	struct bench *bench = *state;
	struct log_target target = { .kind = LOG_TO_FILE,
				     .path = (char[]){ "/dev/full" },
				     .of_services = true };
	struct notices notices = { 0 };

	assert_int_equal(log_new(&target, "usherd", LOG_LEVEL_INFO, &bench->log, NULL),
			 0);
	log_on_notice(bench->log, note, &notices);
	for (int i = 0; i < 10; i++)
		write_line(bench);
	assert_int_equal(notices.count, 1);
	assert_non_null(strstr(notices.last, "cannot write to the log"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(has_the_form_of_xinetd),
		CASE(tells_each_limit_once_and_leaves_lines_out),
		CASE(goes_on_when_the_file_is_small_again),
		CASE(is_full_although_the_limits_are_the_same),
		CASE(goes_on_in_another_file),
		CASE(cuts_a_batch_at_the_limit),
		CASE(tells_what_cannot_be_written),
	};

	return cmocka_run_group_tests_name("log/fill", tests, NULL, NULL);
}
