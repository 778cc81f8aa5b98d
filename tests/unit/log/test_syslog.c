/* SPDX-License-Identifier: ISC */
/* Lines to a syslog daemon that is there, missing, restarted, or too slow. */
#include "log_bench.h"

#include <regex.h>
#include <sys/socket.h>
#include <syslog.h>

#define DATAGRAM_MAX 2048

static int daemon_open(const struct bench *bench)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	assert_true(text_copy(address.sun_path, sizeof(address.sun_path), bench->path));
	(void)unlink(bench->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The next line as one datagram, "" when there is none. */
static const char *next_line(int fd)
{
	static char line[DATAGRAM_MAX];
	ssize_t length = recv(fd, line, sizeof(line) - 1, 0);

	line[length < 0 ? 0 : length] = '\0';
	return line;
}

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

static void frames_lines_as_syslog_does(void **state)
{
	static const struct {
		enum log_level level;
		int severity;
	} levels[] = {
		{ LOG_LEVEL_ERROR, LOG_ERR },     { LOG_LEVEL_WARNING, LOG_WARNING },
		{ LOG_LEVEL_NOTICE, LOG_NOTICE }, { LOG_LEVEL_INFO, LOG_INFO },
		{ LOG_LEVEL_DEBUG, LOG_DEBUG },
	};
	struct bench *bench = *state;
	struct event event = { .kind = EVENT_FAIL, .service = "s", .reason = "address" };
	int fd = daemon_open(bench);

	bench_open(bench, "syslog:local3");
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		char pattern[160];

		(void)snprintf(pattern, sizeof(pattern),
			       "^<%d>(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
			       "[ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} "
			       "usherd\\[[0-9]+\\]: text %zu$",
			       LOG_LOCAL3 | levels[i].severity, i);
		log_write(bench->log, levels[i].level, "text %zu", i);
		assert_matches(next_line(fd), pattern);
	}
	log_event(bench->log, &event);
	assert_matches(next_line(fd), "^<158>.*: FAIL: s address$");
	assert_false(log_is_waiting(bench->log));
	(void)close(fd);
}

static void events_of_services_have_the_severity_asked_for(void **state)
{
	struct bench *bench = *state;
	struct event event = { .kind = EVENT_FAIL, .service = "s", .reason = "address" };
	struct log_target target = { .kind = LOG_TO_SYSLOG,
				     .facility = LOG_LOCAL3,
				     .of_services = true,
				     .severity = LOG_ALERT };
	int fd = daemon_open(bench);

	assert_int_equal(log_new_with_socket(&target, "usherd", LOG_LEVEL_INFO,
					     bench->path, &bench->log, NULL),
			 0);
	log_event(bench->log, &event);
	/* 19 * 8 + 1, RFC 3164 section 4.1.1. */
	assert_matches(next_line(fd), "^<153>.* usherd\\[[0-9]+\\]: FAIL: s address$");
	(void)close(fd);
}

static void a_missing_daemon_is_tried_again(void **state)
{
	struct bench *bench = *state;
	int fd;

	bench_open(bench, "syslog");
	log_write(bench->log, LOG_LEVEL_INFO, "early");
	log_flush(bench->log);
	assert_true(log_is_waiting(bench->log));
	assert_int_equal(log_waiting_fd(bench->log), -1);
	assert_int_equal(bench->changes, 1);
	fd = daemon_open(bench);
	log_flush(bench->log);
	assert_matches(next_line(fd), ": early$");
	assert_false(log_is_waiting(bench->log));
	assert_int_equal(bench->changes, 2);
	(void)close(fd);
}

static void a_restarted_daemon_gets_the_next_line(void **state)
{
	struct bench *bench = *state;
	int fd = daemon_open(bench);

	bench_open(bench, "syslog");
	log_write(bench->log, LOG_LEVEL_INFO, "one");
	assert_matches(next_line(fd), ": one$");
	(void)close(fd);
	log_write(bench->log, LOG_LEVEL_INFO, "two");
	assert_true(log_is_waiting(bench->log));
	fd = daemon_open(bench);
	log_write(bench->log, LOG_LEVEL_INFO, "three");
	assert_matches(next_line(fd), ": two$");
	assert_matches(next_line(fd), ": three$");
	(void)close(fd);
	fd = daemon_open(bench);
	log_write(bench->log, LOG_LEVEL_INFO, "four");
	assert_matches(next_line(fd), ": four$");
	assert_false(log_is_waiting(bench->log));
	(void)close(fd);
}

/* The line moves out of the text so that all can be checked as one sequence. */
static void receive_all(struct bench *bench, int fd)
{
	const char *line;

	while ((line = next_line(fd))[0]) {
		size_t length = strlen(line);

		memcpy(bench->text + bench->length, line, length);
		bench->length += length;
		bench->text[bench->length++] = '\n';
		bench->text[bench->length] = '\0';
	}
}

static void a_daemon_that_does_not_keep_up_does_not_block(void **state)
{
	struct bench *bench = *state;
	const unsigned lines = 2000;
	int fd = daemon_open(bench);

	bench_open(bench, "syslog");
	for (unsigned i = 0; i < lines; i++)
		log_write(bench->log, LOG_LEVEL_INFO, "line %u", i);
	assert_true(log_is_waiting(bench->log));
	assert_true(log_waiting_fd(bench->log) > STDERR_FILENO);
	for (int turns = 0; log_is_waiting(bench->log); turns++) {
		assert_in_range(turns, 0, lines);
		receive_all(bench, fd);
		log_flush(bench->log);
	}
	receive_all(bench, fd);
	assert_int_equal(bench_check_sequence(bench), lines);
	(void)close(fd);
}

static void descriptor_is_open(void *data)
{
	int *fd = data;

	if (fcntl(*fd, F_GETFD) == -1)
		abort();
	*fd = -1;
}

/* Whoever polls the old descriptor must hear of the change before it is closed. */
static void tells_of_the_change_before_the_descriptor_goes(void **state)
{
	struct bench *bench = *state;
	struct log_target target = { .kind = LOG_TO_STDERR };
	int fd = daemon_open(bench);
	int watched;
	int before;

	bench_catch_pipe(bench);
	bench_open(bench, "syslog");
	while (!log_is_waiting(bench->log))
		log_write(bench->log, LOG_LEVEL_INFO, "x");
	before = watched = log_waiting_fd(bench->log);
	log_on_waiting(bench->log, descriptor_is_open, &watched);
	assert_int_equal(log_reopen(bench->log, &target, NULL), 0);
	assert_int_equal(watched, -1);
	assert_int_equal(fcntl(before, F_GETFD), -1);
	assert_false(log_is_waiting(bench->log));
	(void)bench_read(bench, bench->caught);
	bench_release_stderr(bench);
	assert_string_equal(bench->text, "info: x\n");
	(void)close(fd);
}

static void refuses_a_socket_path_too_long(void **state)
{
	const struct log_target target = { .kind = LOG_TO_SYSLOG };
	struct error err = { 0 };
	struct log *log = NULL;
	char path[200];

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(
		log_new_with_socket(&target, "usherd", LOG_LEVEL_INFO, path, &log, &err),
		-ENAMETOOLONG);
	assert_null(log);
	assert_int_equal(err.code, -ENAMETOOLONG);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(frames_lines_as_syslog_does),
		CASE(events_of_services_have_the_severity_asked_for),
		CASE(a_missing_daemon_is_tried_again),
		CASE(a_restarted_daemon_gets_the_next_line),
		CASE(a_daemon_that_does_not_keep_up_does_not_block),
		CASE(tells_of_the_change_before_the_descriptor_goes),
		CASE(refuses_a_socket_path_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
