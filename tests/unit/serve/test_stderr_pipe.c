/* SPDX-License-Identifier: ISC */
/* What programs write to descriptor 2, as lines of the log. */
#include "duty_bench.h"
#include "usherd/serve/record.h"
#include "usherd/serve/stderr_pipe.h"

static struct post *complainer(struct bench *bench)
{
	struct service *service = bench_shell("noisy", "exit 0");

	service->program.stderr_target = STDERR_LOG;
	return bench_post(bench, service);
}

static void complain(const struct post *post, const void *bytes, size_t count)
{
	assert_int_equal(write(stderr_pipe_fd(post->stderr_pipe), bytes, count), count);
}

static void complain_text(const struct post *post, const char *text)
{
	complain(post, text, strlen(text));
}

static void writes_a_message_for_each_line(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);

	complain_text(post, "first\nsecond\n");
	UNTIL(bench, bench->message_count == 2);
	assert_string_equal(bench->messages[0].text, "service 'noisy': first");
	assert_string_equal(bench->messages[1].text, "service 'noisy': second");
	assert_int_equal(bench->messages[0].level, LOG_LEVEL_NOTICE);
}

static void waits_for_the_end_of_the_line(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);

	complain_text(post, "half a ");
	bench_settle(bench);
	assert_int_equal(bench->message_count, 0);
	complain_text(post, "line\nand");
	UNTIL(bench, bench->message_count == 1);
	assert_string_equal(bench->messages[0].text, "service 'noisy': half a line");
	bench_settle(bench);
	assert_int_equal(bench->message_count, 1);
}

static void passes_over_empty_lines(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);

	complain_text(post, "\n\n\nafter\n\n");
	UNTIL(bench, bench->message_count == 1);
	bench_settle(bench);
	assert_int_equal(bench->message_count, 1);
	assert_string_equal(bench->messages[0].text, "service 'noisy': after");
}

static void escapes_what_could_be_taken_for_something_else(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);
	static const char bytes[] = "a\r\033[2J\0b\tc\\'\xff%s\n";

	complain(post, bytes, sizeof(bytes) - 1);
	UNTIL(bench, bench->message_count == 1);
	assert_string_equal(bench->messages[0].text,
			    "service 'noisy': a\\x0d\\x1b[2J\\x00b\\tc\\\\\\'\\xff%s");
}

static void cuts_long_lines_into_several(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);
	char bytes[STDERR_LINE_SIZE * 2 + 11];
	const size_t prefix = strlen("service 'noisy': ");

	memset(bytes, 'x', sizeof(bytes) - 1);
	bytes[sizeof(bytes) - 1] = '\n';
	complain(post, bytes, sizeof(bytes));
	UNTIL(bench, bench->message_count == 3);
	assert_int_equal(strlen(bench->messages[0].text), prefix + STDERR_LINE_SIZE);
	assert_int_equal(strlen(bench->messages[1].text), prefix + STDERR_LINE_SIZE);
	assert_int_equal(strlen(bench->messages[2].text), prefix + 10);
}

static void takes_a_line_of_just_the_longest_size_for_one(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);
	char bytes[STDERR_LINE_SIZE + 1];

	memset(bytes, 'y', STDERR_LINE_SIZE);
	bytes[STDERR_LINE_SIZE] = '\n';
	complain(post, bytes, sizeof(bytes));
	complain_text(post, "z\n");
	UNTIL(bench, bench->message_count == 2);
	assert_string_equal(bench->messages[1].text, "service 'noisy': z");
}

/* However they are cut: every byte of the line is in some message. */
static void loses_nothing_of_a_line_full_of_control_characters(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);
	char bytes[STDERR_LINE_SIZE + 1];
	size_t seen = 0;

	memset(bytes, 1, STDERR_LINE_SIZE);
	bytes[STDERR_LINE_SIZE] = '\n';
	complain(post, bytes, sizeof(bytes));
	complain_text(post, "end\n");
	UNTIL(bench, bench_said(bench, "end") == 1);
	for (size_t i = 0; i < bench->message_count; i++)
		for (const char *at = bench->messages[i].text;
		     (at = strstr(at, "\\x01")) != NULL; at++)
			seen++;
	assert_int_equal(seen, STDERR_LINE_SIZE);
}

static void limits_how_many_lines_it_writes(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);

	/* All in one turn of the loop, so in one second. */
	for (int i = 0; i < RECORD_LINES_PER_SECOND + 50; i++)
		complain_text(post, "again\n");
	UNTIL(bench, bench->message_count >= RECORD_LINES_PER_SECOND);
	bench_settle(bench);
	assert_int_equal(bench_said(bench, "again"), RECORD_LINES_PER_SECOND);
}

static void never_blocks_on_its_own_end(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);
	int fd = stderr_pipe_fd(post->stderr_pipe);

	/* Programs expect a standard error that blocks. */
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	bench_settle(bench);
	assert_int_equal(bench->message_count, 0);
}

static void speaks_for_another_post_after_a_move(void **state)
{
	struct bench *bench = *state;
	struct post *from = complainer(bench);
	struct post *to = bench_post(bench, bench_shell("other", "exit 0"));

	to->stderr_pipe = stderr_pipe_move(from->stderr_pipe, to);
	from->stderr_pipe = NULL;
	complain_text(to, "moved\n");
	UNTIL(bench, bench_said(bench, "service 'other': moved") == 1);
	assert_null(stderr_pipe_move(NULL, to));
}

static void writes_the_unfinished_line_at_its_end(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);

	complain_text(post, "whole\nlast words");
	UNTIL(bench, bench->message_count == 1);
	bench_dismiss(bench, post);
	assert_int_equal(bench_said(bench, "service 'noisy': last words"), 1);
}

/* The last program's last words may still be in the pipe when its post goes. */
static void reads_what_is_left_at_its_end(void **state)
{
	struct bench *bench = *state;
	struct post *post = complainer(bench);

	complain_text(post, "why i have to end\nso sad");
	bench_dismiss(bench, post);
	assert_int_equal(bench_said(bench, "service 'noisy': why i have to end"), 1);
	assert_int_equal(bench_said(bench, "service 'noisy': so sad"), 1);
}

static void is_what_a_program_gets_as_standard_error(void **state)
{
	struct bench *bench = *state;
	struct service *service = bench_shell("program", "echo to-log >&2; echo to-peer");
	uint16_t port = bench_port();
	int client;

	service->program.stderr_target = STDERR_LOG;
	bench_at(service, TRANSPORT_TCP, "127.0.0.1", port);
	(void)bench_post(bench, service);
	client = bench_client(SOCK_STREAM, port);
	bench_expect(bench, client, "to-peer\n");
	UNTIL(bench, bench_said(bench, "service 'program': to-log") == 1);
	UNTIL(bench, children_count(bench->engine.children) == 0);
	(void)close(client);
}

static void is_none_for_nobody(void **state)
{
	(void)state;
	assert_int_equal(stderr_pipe_fd(NULL), -1);
	stderr_pipe_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(writes_a_message_for_each_line),
		CASE(waits_for_the_end_of_the_line),
		CASE(passes_over_empty_lines),
		CASE(escapes_what_could_be_taken_for_something_else),
		CASE(cuts_long_lines_into_several),
		CASE(takes_a_line_of_just_the_longest_size_for_one),
		CASE(loses_nothing_of_a_line_full_of_control_characters),
		CASE(limits_how_many_lines_it_writes),
		CASE(never_blocks_on_its_own_end),
		CASE(speaks_for_another_post_after_a_move),
		CASE(writes_the_unfinished_line_at_its_end),
		CASE(reads_what_is_left_at_its_end),
		CASE(is_what_a_program_gets_as_standard_error),
		CASE(is_none_for_nobody),
	};

	return cmocka_run_group_tests_name("serve/stderr_pipe", tests, NULL, NULL);
}
