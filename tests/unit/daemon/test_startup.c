/* SPDX-License-Identifier: ISC */
/*
 * Birth of the daemon. Everything here changes the process it runs in, so every case does
 * it in a child of its own, whose exit status is the answer.
 */
#include "daemon_bench.h"
#include <sys/socket.h>

#include "usherd/daemon/startup.h"

/* A child whose descriptors from 3 up are closed. */
static int clean(int (*body)(void *data), void *data)
{
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		if (close_range(3, ~0U, 0) == -1)
			_exit(101);
		bench_leave(body(data));
	}
	return bench_await(pid);
}

static bool set_number(const char *name, long number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%ld", number);
	return setenv(name, text, 1) == 0;
}

/* Sockets at 3, 4, ... as a service manager leaves them: inheritable and blocking. */
static bool open_sockets(int count)
{
	for (int i = 0; i < count; i++)
		if (socket(AF_UNIX, SOCK_STREAM, 0) != 3 + i)
			return false;
	return set_number("LISTEN_PID", getpid()) && set_number("LISTEN_FDS", count);
}

static bool is_cloexec(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static int take_sockets(void *data)
{
	struct inherited inherited;

	(void)data;
	REQUIRE(open_sockets(3));
	REQUIRE(setenv("LISTEN_FDNAMES", "a:b:c", 1) == 0);
	REQUIRE(startup_descriptors(&inherited, NULL) == 0);
	REQUIRE(inherited.count == 3);
	for (int i = 0; i < 3; i++) {
		REQUIRE(inherited.fds[i] == 3 + i);
		REQUIRE(is_cloexec(3 + i));
		REQUIRE((fcntl(3 + i, F_GETFL) & O_NONBLOCK) != 0);
	}
	REQUIRE(getenv("LISTEN_PID") == NULL);
	REQUIRE(getenv("LISTEN_FDS") == NULL);
	REQUIRE(getenv("LISTEN_FDNAMES") == NULL);
	inherited.fds[1] = -1; /* taken by somebody */
	inherited_done(&inherited);
	REQUIRE(inherited.count == 0 && inherited.fds == NULL);
	REQUIRE(fcntl(3, F_GETFD) == -1 && fcntl(5, F_GETFD) == -1);
	REQUIRE(fcntl(4, F_GETFD) != -1);
	inherited_done(&inherited);
	return 0;
}

static void takes_the_sockets_of_the_service_manager(void **state)
{
	assert_int_equal(clean(take_sockets, *state), 0);
}

/* Each row: the variables, and how many sockets are taken of the two there are. */
static const struct listen_row {
	const char *pid; /* NULL: this process's; "": not set */
	const char *fds;
	size_t taken;
} listen_rows[] = {
	{ NULL, "2", 2 },
	{ NULL, "1", 1 },
	{ NULL, "0", 0 },
	{ NULL, "5", 2 }, /* promised, but not there */
	{ NULL, "65536", 2 },
	{ NULL, "65537", 0 },
	{ NULL, "4294967298", 0 },
	{ NULL, "99999999999999999999", 0 },
	{ NULL, "-1", 0 },
	{ NULL, "2 ", 0 },
	{ NULL, "0x2", 0 },
	{ NULL, "two", 0 },
	{ NULL, "", 0 },
	{ "1", "2", 0 },
	{ "0", "2", 0 },
	{ "-1", "2", 0 },
	{ "", "2", 0 },
	{ "me", "2", 0 },
	{ "99999999999", "2", 0 },
};

static int take_row(void *data)
{
	const struct listen_row *row = data;
	struct inherited inherited;

	REQUIRE(open_sockets(2));
	REQUIRE(setenv("LISTEN_FDS", row->fds, 1) == 0);
	if (row->pid != NULL && row->pid[0] == '\0')
		REQUIRE(unsetenv("LISTEN_PID") == 0);
	else if (row->pid != NULL)
		REQUIRE(setenv("LISTEN_PID", row->pid, 1) == 0);
	REQUIRE(startup_descriptors(&inherited, NULL) == 0);
	REQUIRE(inherited.count == row->taken);
	REQUIRE(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL);
	/* What is not taken leaks into no program either. */
	REQUIRE(is_cloexec(3) && is_cloexec(4));
	inherited_done(&inherited);
	return 0;
}

static void reads_the_variables_exactly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(listen_rows) / sizeof(listen_rows[0]); i++) {
		struct listen_row row = listen_rows[i];
		int status = clean(take_row, &row);

		if (status != 0)
			fail_msg("row %zu: status %d", i, status);
	}
}

static int take_what_is_no_socket(void *data)
{
	struct inherited inherited;
	int ends[2];

	(void)data;
	REQUIRE(pipe(ends) == 0 && ends[1] == 4);
	REQUIRE(socket(AF_UNIX, SOCK_STREAM, 0) == 5);
	REQUIRE(open("/dev/null", O_RDONLY) == 6);
	REQUIRE(set_number("LISTEN_PID", getpid()) && set_number("LISTEN_FDS", 4));
	REQUIRE(startup_descriptors(&inherited, NULL) == 0);
	REQUIRE(inherited.count == 1 && inherited.fds[0] == 5);
	inherited_done(&inherited);
	return 0;
}

static void takes_nothing_but_sockets(void **state)
{
	assert_int_equal(clean(take_what_is_no_socket, *state), 0);
}

static int open_standard(void *data)
{
	struct inherited inherited;

	(void)data;
	if (close_range(0, 2, 0) == -1)
		return 2;
	if (startup_descriptors(&inherited, NULL) != 0 || inherited.count != 0)
		return 3;
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) != 0)
			return 4;
	inherited_done(&inherited);
	return 0;
}

static void fills_the_standard_descriptors(void **state)
{
	assert_int_equal(clean(open_standard, *state), 0);
}

static int mark_others(void *data)
{
	struct inherited inherited;

	(void)data;
	REQUIRE(open("/dev/null", O_RDONLY) == 3);
	REQUIRE(dup2(3, 77) == 77);
	REQUIRE(startup_descriptors(&inherited, NULL) == 0);
	REQUIRE(is_cloexec(3) && is_cloexec(77));
	REQUIRE(!is_cloexec(0) && !is_cloexec(1) && !is_cloexec(2));
	REQUIRE(inherited.count == 0);
	inherited_done(&inherited);
	return 0;
}

static void marks_all_others_close_on_exec(void **state)
{
	assert_int_equal(clean(mark_others, *state), 0);
}

/* The daemon's part after startup_background(): tell of itself, then do as asked. */
struct background {
	int report; /* of the daemon's pid, and what it found */
	int go;     /* one byte: end */
	int status; /* of an end before it is ready; -1: be ready */
};

struct finding {
	pid_t pid;
	pid_t session;
	bool standard_is_null;
	bool closed;
};

static bool leads_to_null(int fd)
{
	struct stat by_fd, by_name;

	return fstat(fd, &by_fd) == 0 && stat("/dev/null", &by_name) == 0 &&
	       by_fd.st_rdev == by_name.st_rdev;
}

static int go_to_background(void *data)
{
	struct background *background = data;
	struct finding finding = { 0 };
	int ready_fd = -1;
	char byte;

	if (startup_background(&ready_fd, NULL) < 0)
		return 90;
	(void)prctl(PR_SET_PDEATHSIG, 0);
	finding.pid = getpid();
	finding.session = getsid(0);
	if (background->status >= 0)
		bench_leave(background->status);
	if (background->status == -2)
		(void)kill(getpid(), SIGKILL);
	child_write(background->report, &finding, sizeof(finding));
	child_read(background->go, &byte, 1);
	startup_ready(&ready_fd);
	finding.closed = ready_fd == -1;
	startup_ready(&ready_fd);
	finding.standard_is_null =
		leads_to_null(0) && leads_to_null(1) && leads_to_null(2);
	child_write(background->report, &finding, sizeof(finding));
	bench_leave(0);
}

static void lets_its_starter_wait_until_it_is_ready(void **state)
{
	int report[2], go[2];
	struct background background = { .status = -1 };
	struct finding finding;
	siginfo_t info = { .si_pid = 0 };
	pid_t starter;

	(void)state;
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	background.report = report[1];
	background.go = go[0];
	starter = fork();
	if (starter == 0)
		bench_leave(go_to_background(&background));
	assert_int_equal(read(report[0], &finding, sizeof(finding)), sizeof(finding));
	assert_int_not_equal(finding.pid, starter);
	assert_int_equal(finding.session, finding.pid);
	/* It is up, but not ready: the starter waits. */
	assert_int_equal(waitid(P_PID, (id_t)starter, &info, WEXITED | WNOHANG | WNOWAIT),
			 0);
	assert_int_equal(info.si_pid, 0);
	assert_int_equal(write(go[1], "G", 1), 1);
	assert_int_equal(bench_await(starter), 0);
	assert_int_equal(read(report[0], &finding, sizeof(finding)), sizeof(finding));
	assert_true(finding.closed);
	assert_true(finding.standard_is_null);
	for (int i = 0; i < 2; i++) {
		(void)close(report[i]);
		(void)close(go[i]);
	}
}

static void passes_the_status_of_a_failed_start_on(void **state)
{
	static const int statuses[] = { 0, 1, 64, 71, 77, 78, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct background background = { .status = statuses[i] };

		assert_int_equal(bench_in_child(go_to_background, &background),
				 statuses[i]);
	}
}

static void fails_when_the_daemon_is_killed(void **state)
{
	struct background background = { .status = -2 };
	int status = bench_in_child(go_to_background, &background);

	(void)state;
	assert_int_not_equal(status, 0);
	assert_true(status < 200);
}

static void has_nobody_to_tell_in_the_foreground(void **state)
{
	int none = -1;

	(void)state;
	startup_ready(&none);
	assert_int_equal(none, -1);
	assert_false(leads_to_null(STDERR_FILENO) && leads_to_null(STDOUT_FILENO) &&
		     leads_to_null(STDIN_FILENO));
}

static int launder(void *data)
{
	(void)data;
	REQUIRE(clearenv() == 0);
	startup_launder();
	REQUIRE(setenv("PATH", "/bin", 1) == 0);
	REQUIRE(setenv("PATH_INFO", "kept", 1) == 0);
	REQUIRE(setenv("LD_PRELOAD", "", 1) == 0);
	REQUIRE(setenv("LANG", "C", 1) == 0);
	REQUIRE(setenv("TERMCAP", "x", 1) == 0);
	startup_launder();
	REQUIRE(getenv("PATH") == NULL && getenv("LD_PRELOAD") == NULL);
	REQUIRE(getenv("TERMCAP") == NULL);
	REQUIRE(strcmp(getenv("PATH_INFO"), "kept") == 0);
	REQUIRE(strcmp(getenv("LANG"), "C") == 0);
	REQUIRE(environ[0] != NULL && environ[1] != NULL && environ[2] == NULL);
	return 0;
}

static void personal_variables_are_taken_out(void **state)
{
	(void)state;
	assert_int_equal(clean(launder, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(takes_the_sockets_of_the_service_manager),
		CASE(reads_the_variables_exactly),
		CASE(takes_nothing_but_sockets),
		CASE(fills_the_standard_descriptors),
		CASE(marks_all_others_close_on_exec),
		CASE(lets_its_starter_wait_until_it_is_ready),
		CASE(passes_the_status_of_a_failed_start_on),
		CASE(fails_when_the_daemon_is_killed),
		CASE(has_nobody_to_tell_in_the_foreground),
		CASE(personal_variables_are_taken_out),
	};

	return cmocka_run_group_tests_name("daemon/startup", tests, NULL, NULL);
}
