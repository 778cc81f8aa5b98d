/* SPDX-License-Identifier: ISC */
/* Lines to a file: form, mode, rotation, full disks, and what is not accepted as one. */
#include "log_bench.h"

#include <regex.h>
#include <sys/resource.h>
#include <time.h>

static void assert_matches(const char *text, const char *pattern)
{
	regex_t regex;
	int result;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	result = regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	if (result != 0)
		fail_msg("'%s' does not match '%s'", text, pattern);
}

static int reopen(struct bench *bench, const char *target_text, struct error *err)
{
	struct log_target target;
	int result;

	assert_int_equal(log_target_parse(target_text, &target, NULL), 0);
	result = log_reopen(bench->log, &target, err);
	log_target_done(&target);
	return result;
}

static const char *file_target(const struct bench *bench, const char *name)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "file:%s/%s", bench->folder, name);
	return text;
}

static void stamps_each_line(void **state)
{
	struct bench *bench = *state;
	struct event event = { .kind = EVENT_FAIL, .service = "s", .reason = "address" };
	struct log_target target = { .kind = LOG_TO_FILE, .path = bench->path };
	struct stat status;

	assert_int_equal(setenv("TZ", "XXX-05:30", 1), 0);
	tzset();
	bench_open_file(bench);
	log_write(bench->log, LOG_LEVEL_WARNING, "a");
	assert_int_equal(setenv("TZ", "XXX+03:30", 1), 0);
	tzset();
	assert_int_equal(log_reopen(bench->log, &target, NULL), 0);
	log_event(bench->log, &event);
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
	bench_read_file(bench, bench->path);
	assert_matches(bench->text,
		       "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\+05:30 "
		       "usherd\\[[0-9]+\\]: warning: a\n"
		       "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}-03:30 "
		       "usherd\\[[0-9]+\\]: FAIL: s address\n$");
	assert_int_equal(stat(bench->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
}

static void appends_to_what_is_there(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < 2; i++) {
		bench_open_file(bench);
		log_write(bench->log, LOG_LEVEL_INFO, "line %d", i);
		log_free(bench->log);
		bench->log = NULL;
	}
	bench_read_file(bench, bench->path);
	assert_int_equal(bench_check_sequence(bench), 2);
}

static void reopens_after_rotation(void **state)
{
	struct bench *bench = *state;
	char moved[80];

	(void)snprintf(moved, sizeof(moved), "%s.1", bench->path);
	bench_open_file(bench);
	log_write(bench->log, LOG_LEVEL_INFO, "first");
	assert_int_equal(rename(bench->path, moved), 0);
	log_write(bench->log, LOG_LEVEL_INFO, "second");
	assert_int_equal(reopen(bench, file_target(bench, "log"), NULL), 0);
	log_write(bench->log, LOG_LEVEL_INFO, "third");
	bench_read_file(bench, moved);
	assert_matches(bench->text, "first\n.*second\n$");
	bench_read_file(bench, bench->path);
	assert_matches(bench->text, "^[^\n]*third\n$");
}

static void stays_with_the_old_file_when_the_new_one_fails(void **state)
{
	struct bench *bench = *state;
	struct error err = { 0 };

	bench_open_file(bench);
	assert_int_equal(reopen(bench, file_target(bench, "missing/log"), &err), -ENOENT);
	assert_matches(err.text, "^cannot open log file '.*missing/log': ");
	log_write(bench->log, LOG_LEVEL_INFO, "still here");
	bench_read_file(bench, bench->path);
	assert_matches(bench->text, "still here\n$");
}

static void refuses_what_is_no_log_file(void **state)
{
	struct bench *bench = *state;
	static const char *const names[] = { "link", "folder", "fifo", "read-fifo" };
	static const int codes[] = { -ELOOP, -EISDIR, -ENXIO, -EINVAL };
	char paths[4][64];
	int reader;

	for (size_t i = 0; i < 4; i++)
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", bench->folder,
			       names[i]);
	assert_int_equal(symlink(bench->path, paths[0]), 0);
	assert_int_equal(mkdir(paths[1], 0700), 0);
	assert_int_equal(mkfifo(paths[2], 0600), 0);
	assert_int_equal(mkfifo(paths[3], 0600), 0);
	reader = open(paths[3], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_not_equal(reader, -1);
	for (size_t i = 0; i < 4; i++) {
		struct log_target target = { .kind = LOG_TO_FILE, .path = paths[i] };
		struct error err = { 0 };
		struct log *log = NULL;

		assert_int_equal(log_new(&target, "usherd", LOG_LEVEL_INFO, &log, &err),
				 codes[i]);
		assert_null(log);
		assert_int_equal(err.code, codes[i]);
		assert_non_null(strstr(err.text, names[i]));
	}
	(void)close(reader);
	assert_int_equal(access(bench->path, F_OK), -1);
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned count = 0;

	for (text = strstr(text, what); text; text = strstr(text + 1, what))
		count++;
	return count;
}

static void a_full_disk_costs_one_warning_and_no_lines_while_there_is_room(void **state)
{
	struct bench *bench = *state;

	bench_catch_pipe(bench);
	bench_open(bench, "file:/dev/full");
	for (int i = 0; i < 1000; i++) {
		log_write(bench->log, LOG_LEVEL_INFO, "line %d", i);
		log_flush(bench->log);
	}
	assert_true(log_is_waiting(bench->log));
	assert_int_equal(log_waiting_fd(bench->log), -1);
	assert_int_equal(bench->changes, 1);
	(void)bench_read(bench, bench->caught);
	bench_release_stderr(bench);
	assert_int_equal(count_of(bench->text, "\n"), 1);
	assert_matches(bench->text, "^usherd: warning: cannot write to the log.*: .*\n$");
	assert_int_equal(reopen(bench, file_target(bench, "log"), NULL), 0);
	assert_false(log_is_waiting(bench->log));
	assert_int_equal(bench->changes, 2);
	bench_read_file(bench, bench->path);
	assert_int_equal(bench_check_sequence(bench), 1000);
	assert_null(strstr(bench->text, "lost"));
}

static void a_disk_full_for_long_is_survived_and_the_loss_reported(void **state)
{
	struct bench *bench = *state;

	bench_catch_pipe(bench);
	bench_open(bench, "file:/dev/full");
	for (int i = 0; i < 30000; i++)
		log_write(bench->log, LOG_LEVEL_INFO, "line %d", i);
	bench_release_stderr(bench);
	assert_int_equal(reopen(bench, file_target(bench, "log"), NULL), 0);
	bench_read_file(bench, bench->path);
	assert_non_null(strstr(bench->text, " log lines were lost\n"));
	assert_int_equal(bench_check_sequence(bench), 30000);
}

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The limit falls inside a line: a short write, then an error, then room again. */
static void a_line_cut_by_a_full_disk_is_completed(void **state)
{
	struct bench *bench = *state;
	struct rlimit saved;

	bench_catch_pipe(bench);
	bench_open_file(bench);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	limit_file_size(100);
	for (int i = 0; i < 10; i++)
		log_write(bench->log, LOG_LEVEL_INFO, "line %d", i);
	assert_true(log_is_waiting(bench->log));
	limit_file_size(saved.rlim_cur);
	bench_read_file(bench, bench->path);
	assert_int_equal(bench->length, 100);
	log_flush(bench->log);
	assert_false(log_is_waiting(bench->log));
	bench_read_file(bench, bench->path);
	bench_release_stderr(bench);
	assert_int_equal(bench_check_sequence(bench), 10);
}

static void a_line_cut_in_the_old_file_stands_whole_in_the_new_one(void **state)
{
	struct bench *bench = *state;
	struct rlimit saved;
	char *line;

	bench_catch_pipe(bench);
	bench_open_file(bench);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	limit_file_size(20);
	log_write(bench->log, LOG_LEVEL_INFO, "line 0");
	assert_int_equal(reopen(bench, file_target(bench, "new"), NULL), 0);
	assert_true(log_is_waiting(bench->log));
	assert_int_equal(reopen(bench, "stderr", NULL), 0);
	limit_file_size(saved.rlim_cur);
	bench->length = 0;
	(void)bench_read(bench, bench->caught);
	bench_release_stderr(bench);
	line = strstr(bench->text, "info: line 0\n");
	assert_non_null(line);
	assert_false(log_is_waiting(bench->log));
}

static void has_the_form_of_xinetd(void **state)
{
	struct bench *bench = *state;
	struct log_target target = { .kind = LOG_TO_FILE,
				     .path = bench->path,
				     .as_xinetd = true };
	struct stat status;

	assert_int_equal(log_new(&target, "xinetd", LOG_LEVEL_DEBUG, &bench->log, NULL),
			 0);
	for (enum log_level level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++)
		log_write(bench->log, level, "a");
	bench_read_file(bench, bench->path);
#define LINE(word)                                                                       \
	"[0-9]{2}/[0-9]{1,2}/[0-9]{1,2}@[0-9]{2}:[0-9]{2}:[0-9]{2} "                     \
	"xinetd\\[[0-9]+\\]: " word ": a\n"
	assert_matches(bench->text, "^" LINE("ERROR") LINE("WARNING") LINE("NOTICE")
					    LINE("INFO") LINE("DEBUG") "$");
	assert_int_equal(stat(bench->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(stamps_each_line),
		CASE(has_the_form_of_xinetd),
		CASE(appends_to_what_is_there),
		CASE(reopens_after_rotation),
		CASE(stays_with_the_old_file_when_the_new_one_fails),
		CASE(refuses_what_is_no_log_file),
		CASE(a_full_disk_costs_one_warning_and_no_lines_while_there_is_room),
		CASE(a_disk_full_for_long_is_survived_and_the_loss_reported),
		CASE(a_line_cut_by_a_full_disk_is_completed),
		CASE(a_line_cut_in_the_old_file_stands_whole_in_the_new_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
