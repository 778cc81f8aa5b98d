/* SPDX-License-Identifier: ISC */
/* Lines to standard error: their form, and never blocking whatever stands there. */
#include "log_bench.h"

#include <sys/socket.h>

#define FLOOD 20000 /* lines: more than a pipe and the queue together take */

static void writes_level_and_text(void **state)
{
	struct bench *bench = *state;
	struct event event = {
		.kind = EVENT_START, .fields = EVENT_PID, .service = "echo", .pid = 12
	};

	bench_catch_pipe(bench);
	bench_open(bench, "stderr");
	log_write(bench->log, LOG_LEVEL_ERROR, "cannot %s '%d'", "bind", 7);
	log_write(bench->log, LOG_LEVEL_WARNING, "b");
	log_write(bench->log, LOG_LEVEL_NOTICE, "c");
	log_write(bench->log, LOG_LEVEL_INFO, "d");
	log_write(bench->log, LOG_LEVEL_DEBUG, "e");
	log_event(bench->log, &event);
	(void)bench_read(bench, bench->caught);
	bench_release_stderr(bench);
	assert_string_equal(bench->text, "error: cannot bind '7'\nwarning: b\nnotice: c\n"
					 "info: d\ndebug: e\nSTART: echo pid=12\n");
	assert_int_equal(bench->changes, 0);
}

static void keeps_back_what_is_above_the_level(void **state)
{
	struct bench *bench = *state;
	struct event event = { .kind = EVENT_FAIL, .service = "s", .reason = "r" };

	bench_catch_pipe(bench);
	bench_open(bench, "stderr");
	log_set_level(bench->log, LOG_LEVEL_WARNING);
	log_write(bench->log, LOG_LEVEL_NOTICE, "no");
	log_write(bench->log, LOG_LEVEL_WARNING, "yes");
	log_event(bench->log, &event);
	(void)bench_read(bench, bench->caught);
	bench_release_stderr(bench);
	assert_string_equal(bench->text, "warning: yes\nFAIL: s r\n");
}

static void one_message_is_one_line(void **state)
{
	struct bench *bench = *state;
	char longest[3 * LOG_TEXT_SIZE];

	bench_catch_pipe(bench);
	bench_open(bench, "stderr");
	log_write(bench->log, LOG_LEVEL_INFO, "a\nerror: b\r\x1b[31m\x7f");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	log_write(bench->log, LOG_LEVEL_INFO, "%s", longest);
	(void)bench_read(bench, bench->caught);
	bench_release_stderr(bench);
	assert_memory_equal(bench->text, "info: a?error: b??[31m?\ninfo: xxx", 33);
	assert_int_equal(bench->length, 24 + 6 + LOG_TEXT_SIZE - 1 + 1);
	assert_int_equal(bench->text[bench->length - 1], '\n');
}

static void keeps_errno(void **state)
{
	struct bench *bench = *state;
	struct event event = { .kind = EVENT_FAIL };

	bench_catch_pipe(bench);
	bench_open(bench, "stderr");
	errno = EXDEV;
	log_write(bench->log, LOG_LEVEL_INFO, "a");
	assert_int_equal(errno, EXDEV);
	log_event(bench->log, &event);
	assert_int_equal(errno, EXDEV);
	log_flush(bench->log);
	assert_int_equal(errno, EXDEV);
	log_free(bench->log);
	bench->log = NULL;
	assert_int_equal(errno, EXDEV);
	log_free(NULL);
}

static void flood(struct bench *bench)
{
	for (unsigned i = 0; i < FLOOD; i++)
		log_write(bench->log, LOG_LEVEL_INFO, "this is line %u", i);
}

/* The reader falls behind, then catches up: everything arrives in order, and the gap is
 * where the loss is reported. */
static void a_full_pipe_does_not_block_and_loss_is_reported(void **state)
{
	struct bench *bench = *state;

	bench_catch_pipe(bench);
	bench_open(bench, "stderr");
	flood(bench);
	assert_true(log_is_waiting(bench->log));
	assert_int_equal(log_waiting_fd(bench->log), STDERR_FILENO);
	assert_int_equal(bench->changes, 1);
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	do {
		log_flush(bench->log);
	} while (bench_read(bench, bench->caught) > 0);
	bench_release_stderr(bench);
	assert_false(log_is_waiting(bench->log));
	assert_int_equal(log_waiting_fd(bench->log), -1);
	assert_int_equal(bench->changes, 2);
	assert_non_null(strstr(bench->text, " log lines were lost\n"));
	assert_int_equal(bench_check_sequence(bench), FLOOD);
}

static void writing_on_while_the_reader_catches_up_keeps_the_order(void **state)
{
	struct bench *bench = *state;
	unsigned number = 0;

	bench_catch_pipe(bench);
	bench_open(bench, "stderr");
	for (int round = 0; round < 90; round++) {
		for (int i = 0; i < 1000; i++)
			log_write(bench->log, LOG_LEVEL_INFO, "line %u", number++);
		if (round % 30 == 29)
			(void)bench_read(bench, bench->caught);
	}
	do {
		log_flush(bench->log);
	} while (bench_read(bench, bench->caught) > 0);
	bench_release_stderr(bench);
	assert_non_null(strstr(bench->text, " log lines were lost\n"));
	assert_int_equal(bench_check_sequence(bench), number);
}

static void a_full_socket_does_not_block(void **state)
{
	struct bench *bench = *state;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	bench_catch(bench, ends[0], ends[1]);
	bench_open(bench, "stderr");
	flood(bench);
	assert_true(log_is_waiting(bench->log));
	assert_int_equal(log_waiting_fd(bench->log), STDERR_FILENO);
	do {
		log_flush(bench->log);
	} while (bench_read(bench, bench->caught) > 0);
	bench_release_stderr(bench);
	assert_int_equal(bench_check_sequence(bench), FLOOD);
}

/* Neither SIGPIPE nor an endless wait; what was lost is said to the next reader. */
static void a_reader_that_is_gone_costs_only_its_lines(void **state)
{
	struct bench *bench = *state;

	bench_catch_pipe(bench);
	bench_open(bench, "stderr");
	(void)close(bench->caught);
	bench->caught = -1;
	for (int i = 0; i < 3; i++)
		log_write(bench->log, LOG_LEVEL_INFO, "line %d", i);
	assert_false(log_is_waiting(bench->log));
	bench_catch_pipe(bench);
	log_write(bench->log, LOG_LEVEL_INFO, "line 3");
	(void)bench_read(bench, bench->caught);
	bench_release_stderr(bench);
	assert_string_equal(bench->text,
			    "warning: 3 log lines were lost\ninfo: line 3\n");
}

static void a_closed_standard_error_costs_only_its_lines(void **state)
{
	struct bench *bench = *state;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	bench_open(bench, "stderr");
	(void)close(STDERR_FILENO);
	log_write(bench->log, LOG_LEVEL_INFO, "line 0");
	bench_catch(bench, ends[0], ends[1]);
	log_write(bench->log, LOG_LEVEL_INFO, "line 1");
	(void)bench_read(bench, bench->caught);
	bench_release_stderr(bench);
	assert_string_equal(bench->text, "warning: 1 log line was lost\ninfo: line 1\n");
}

static void freeing_flushes_what_can_be_flushed(void **state)
{
	struct bench *bench = *state;

	bench_catch_pipe(bench);
	bench_open(bench, "stderr");
	for (int i = 0; !log_is_waiting(bench->log); i++)
		log_write(bench->log, LOG_LEVEL_INFO, "line %d", i);
	log_write(bench->log, LOG_LEVEL_INFO, "the last");
	(void)bench_read(bench, bench->caught);
	log_free(bench->log);
	bench->log = NULL;
	(void)bench_read(bench, bench->caught);
	bench_release_stderr(bench);
	assert_non_null(strstr(bench->text, "info: the last\n"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(writes_level_and_text),
		CASE(keeps_back_what_is_above_the_level),
		CASE(one_message_is_one_line),
		CASE(keeps_errno),
		CASE(a_full_pipe_does_not_block_and_loss_is_reported),
		CASE(writing_on_while_the_reader_catches_up_keeps_the_order),
		CASE(a_full_socket_does_not_block),
		CASE(a_reader_that_is_gone_costs_only_its_lines),
		CASE(a_closed_standard_error_costs_only_its_lines),
		CASE(freeing_flushes_what_can_be_flushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
