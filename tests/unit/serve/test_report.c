/* SPDX-License-Identifier: ISC */
/* Messages and events on their way to a reporter, the gate, and the way into a log. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "usherd/serve/log_reporter.h"
#include "usherd/serve/report.h"

#define MOMENT UINT64_C(1000000000000)

struct notebook {
	struct reporter reporter;
	unsigned events;
	const struct event *event;
	unsigned messages;
	enum log_level level;
	char text[REPORT_TEXT_SIZE * 2];
};

static void note_event(struct reporter *reporter, const struct event *event)
{
	struct notebook *notebook = (struct notebook *)reporter;

	notebook->events++;
	notebook->event = event;
}

static void note_message(struct reporter *reporter, enum log_level level,
			 const char *text)
{
	struct notebook *notebook = (struct notebook *)reporter;

	notebook->messages++;
	notebook->level = level;
	(void)text_copy(notebook->text, sizeof(notebook->text), text);
}

static struct notebook notebook_new(void)
{
	return (struct notebook){
		.reporter = { .event = note_event, .message = note_message },
	};
}

static void passes_events_on_as_they_are(void **state)
{
	struct notebook notebook = notebook_new();
	struct event event = { .kind = EVENT_EXIT, .pid = 12 };

	(void)state;
	report_event(&notebook.reporter, &event);
	assert_int_equal(notebook.events, 1);
	assert_ptr_equal(notebook.event, &event);
}

static void formats_messages(void **state)
{
	struct notebook notebook = notebook_new();

	(void)state;
	report_message(&notebook.reporter, LOG_LEVEL_NOTICE, "%s has %d", "it", 3);
	assert_int_equal(notebook.messages, 1);
	assert_int_equal(notebook.level, LOG_LEVEL_NOTICE);
	assert_string_equal(notebook.text, "it has 3");
}

static void cuts_messages_that_are_too_long(void **state)
{
	struct notebook notebook = notebook_new();
	char text[REPORT_TEXT_SIZE * 2];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	report_message(&notebook.reporter, LOG_LEVEL_ERROR, "%s", text);
	assert_int_equal(strlen(notebook.text), REPORT_TEXT_SIZE - 1);
}

static void lets_one_message_through_per_period(void **state)
{
	struct notebook notebook = notebook_new();
	struct log_throttle gate = { 0 };

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		report_throttled(&notebook.reporter, &gate, MOMENT + i, LOG_LEVEL_WARNING,
				 "number %u", i);
	assert_int_equal(notebook.messages, 1);
	assert_int_equal(notebook.level, LOG_LEVEL_WARNING);
	assert_string_equal(notebook.text, "number 0");
	report_throttled(&notebook.reporter, &gate, MOMENT + LOG_THROTTLE_PERIOD_NS - 1,
			 LOG_LEVEL_WARNING, "too early");
	assert_int_equal(notebook.messages, 1);
}

static void says_how_many_were_left_out(void **state)
{
	struct notebook notebook = notebook_new();
	struct log_throttle gate = { 0 };
	uint64_t later_ns = MOMENT + LOG_THROTTLE_PERIOD_NS;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		report_throttled(&notebook.reporter, &gate, MOMENT, LOG_LEVEL_WARNING,
				 "again");
	report_throttled(&notebook.reporter, &gate, later_ns, LOG_LEVEL_ERROR, "again");
	assert_int_equal(notebook.messages, 2);
	assert_int_equal(notebook.level, LOG_LEVEL_ERROR);
	assert_string_equal(notebook.text, "again (4 more like this before)");
	report_throttled(&notebook.reporter, &gate, later_ns + LOG_THROTTLE_PERIOD_NS,
			 LOG_LEVEL_ERROR, "again");
	assert_string_equal(notebook.text, "again");
}

static void keeps_gates_apart(void **state)
{
	struct notebook notebook = notebook_new();
	struct log_throttle one = { 0 };
	struct log_throttle other = { 0 };

	(void)state;
	report_throttled(&notebook.reporter, &one, MOMENT, LOG_LEVEL_INFO, "one");
	report_throttled(&notebook.reporter, &other, MOMENT, LOG_LEVEL_INFO, "other");
	assert_int_equal(notebook.messages, 2);
	assert_string_equal(notebook.text, "other");
}

static void takes_no_percent_sign_of_others_for_a_format(void **state)
{
	struct notebook notebook = notebook_new();
	struct log_throttle gate = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++)
		report_throttled(&notebook.reporter, &gate, MOMENT, LOG_LEVEL_INFO, "%s",
				 "%n%s");
	report_throttled(&notebook.reporter, &gate, MOMENT + LOG_THROTTLE_PERIOD_NS,
			 LOG_LEVEL_INFO, "%s", "%n%s");
	assert_string_equal(notebook.text, "%n%s (1 more like this before)");
}

static void read_file(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	assert_int_not_equal(fd, -1);
	length = read(fd, buffer, size - 1);
	assert_true(length >= 0);
	buffer[length] = '\0';
	(void)close(fd);
}

static void writes_both_kinds_to_a_log(void **state)
{
	char folder[] = "/tmp/usherd-report-XXXXXX";
	char path[64];
	char text[1024];
	struct log_target target = { .kind = LOG_TO_FILE, .path = path };
	struct log_reporter reporter;
	struct event event = { .kind = EVENT_START, .fields = EVENT_PID, .pid = 42 };
	struct log *log;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/log", folder);
	assert_int_equal(log_new(&target, "usherd", LOG_LEVEL_NOTICE, &log, NULL), 0);
	log_reporter_init(&reporter, log);
	(void)text_copy(event.service, sizeof(event.service), "echo");
	report_event(&reporter.reporter, &event);
	report_message(&reporter.reporter, LOG_LEVEL_WARNING, "%s", "100%s sure");
	report_message(&reporter.reporter, LOG_LEVEL_DEBUG, "not for everybody");
	log_free(log);
	read_file(path, text, sizeof(text));
	assert_non_null(strstr(text, ": START: echo pid=42\n"));
	assert_non_null(strstr(text, ": warning: 100%s sure\n"));
	assert_null(strstr(text, "everybody"));
	(void)unlink(path);
	(void)rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_events_on_as_they_are),
		cmocka_unit_test(formats_messages),
		cmocka_unit_test(cuts_messages_that_are_too_long),
		cmocka_unit_test(lets_one_message_through_per_period),
		cmocka_unit_test(says_how_many_were_left_out),
		cmocka_unit_test(keeps_gates_apart),
		cmocka_unit_test(takes_no_percent_sign_of_others_for_a_format),
		cmocka_unit_test(writes_both_kinds_to_a_log),
	};

	return cmocka_run_group_tests_name("serve/report", tests, NULL, NULL);
}
