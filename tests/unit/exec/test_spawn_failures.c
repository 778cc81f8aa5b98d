/* SPDX-License-Identifier: ISC */
/* Starts that fail: each step is named, nothing is left behind. */
#include "test.h"

#include <sys/stat.h>

#include "launch.h"

#define OTHER_UID 54321
#define OTHER_GID 54322

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* Start, expect @code and @text, and that neither child nor descriptor remains. */
static void assert_failure(struct launch *launch, int code, const char *text)
{
	int before = count_descriptors();
	int r = launch_start(launch);

	assert_string_equal(launch->err.text, text);
	assert_int_equal(r, code);
	assert_int_equal(launch->err.code, code);
	assert_int_equal(launch->pid, -7);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	launch_done(launch);
}

static void lists_its_steps_in_order(void **state)
{
	static const char *const names[] = {
		"session", "signals",      "descriptors", "chroot", "directory",
		"limits",  "nice",         "umask",       "groups", "gid",
		"uid",     "capabilities", "proof",       "exec",
	};
	unsigned count = sizeof(names) / sizeof(names[0]);

	(void)state;
	for (unsigned i = 0; i < count; i++)
		assert_string_equal(spawn_step_name(i), names[i]);
	assert_null(spawn_step_name(count));
	assert_null(spawn_step_name(count + 1));
}

static void reports_a_connection_that_is_none(void **state)
{
	struct launch launch;

	launch_init(&launch, state, "/bin/true");
	launch.invocation.fd = -1;
	assert_failure(&launch, -EBADF, "step descriptors: Bad file descriptor");
}

static void reports_a_log_descriptor_that_is_none(void **state)
{
	struct launch launch;

	launch_init(&launch, state, "/bin/true");
	launch.program->stderr_target = STDERR_LOG;
	assert_failure(&launch, -EBADF, "step descriptors: Bad file descriptor");
}

static void reports_a_missing_directory(void **state)
{
	struct launch launch;

	launch_init(&launch, state, "/bin/true");
	launch.program->directory = strdup("/nonexistent");
	assert_failure(&launch, -ENOENT, "step directory: No such file or directory");
}

static void reports_a_missing_root_directory(void **state)
{
	struct launch launch;

	need_root();
	launch_init(&launch, state, "/bin/true");
	launch.program->chroot = strdup("/nonexistent");
	assert_failure(&launch, -ENOENT, "step chroot: No such file or directory");
}

static void reports_a_limit_that_cannot_be(void **state)
{
	struct launch launch;

	launch_init(&launch, state, "/bin/true");
	launch.program->limits[RLIMIT_NOFILE].set = true;
	launch.program->limits[RLIMIT_NOFILE].value = RLIM_INFINITY;
	assert_failure(&launch, -EPERM, "step limits: Operation not permitted");
}

/* To an id of -1 the calls change nothing and succeed: only the proof notices. */
static void reports_a_change_that_did_not_happen(void **state)
{
	struct launch launch;

	need_root();
	launch_init(&launch, state, "/bin/true");
	launch_as(&launch, (uid_t)-1, OTHER_GID, NULL, 0);
	assert_failure(&launch, -EPERM,
		       "step proof: Operation not permitted (the old rights could come "
		       "back)");
}

static void reports_a_missing_program(void **state)
{
	struct launch launch;

	launch_init(&launch, state, "/nonexistent/program");
	assert_failure(&launch, -ENOENT,
		       "step exec: No such file or directory (the program or its "
		       "interpreter is missing)");
}

static void reports_a_directory_in_place_of_a_program(void **state)
{
	struct launch launch;

	launch_init(&launch, state, "/usr");
	assert_failure(&launch, -EACCES, "step exec: Permission denied");
}

static void reports_an_argument_too_long(void **state)
{
	size_t length = (size_t)256 * 1024;
	char *argument = malloc(length + 1);
	struct launch launch;

	assert_non_null(argument);
	memset(argument, 'x', length);
	argument[length] = '\0';
	launch_init(&launch, state, "/bin/true");
	launch_add(&launch, argument);
	free(argument);
	assert_failure(&launch, -E2BIG, "step exec: Argument list too long");
}

/* A file of @content and @mode; with @writing it is kept open for that. */
static void assert_file_failure(void **state, const char *content, mode_t mode,
				bool writing, int code, const char *text)
{
	char path[] = "/tmp/usherd-exec-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	struct launch launch;

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	if (!writing)
		assert_int_equal(close(fd), 0);
	launch_init(&launch, state, path);
	assert_failure(&launch, code, text);
	if (writing)
		assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

static void reports_a_missing_interpreter(void **state)
{
	assert_file_failure(state, "#!/nonexistent/sh\n", 0755, false, -ENOENT,
			    "step exec: No such file or directory (the program or its "
			    "interpreter is missing)");
}

static void runs_no_file_that_is_no_program(void **state)
{
	assert_file_failure(state, "echo hello\n", 0755, false, -ENOEXEC,
			    "step exec: Exec format error (neither a binary for this "
			    "machine nor a '#!' script)");
}

static void reports_a_file_that_may_not_be_executed(void **state)
{
	assert_file_failure(state, "#!/bin/sh\n", 0644, false, -EACCES,
			    "step exec: Permission denied");
}

static void reports_a_program_that_is_being_written(void **state)
{
	assert_file_failure(state, "#!/bin/sh\n", 0755, true, -ETXTBSY,
			    "step exec: Text file busy");
}

/* The limit counts the user's processes, so there must be one already. */
static void reports_a_user_with_too_many_processes(void **state)
{
	struct launch first;
	struct launch second;

	need_root();
	launch_init(&first, state, "/bin/cat");
	launch_as(&first, OTHER_UID, OTHER_GID, NULL, 0);
	assert_int_equal(launch_start(&first), 0);
	launch_init(&second, state, "/bin/true");
	launch_as(&second, OTHER_UID, OTHER_GID, NULL, 0);
	second.program->limits[RLIMIT_NPROC].set = true;
	second.program->limits[RLIMIT_NPROC].value = 0;
	assert_int_equal(launch_start(&second), -EAGAIN);
	assert_string_equal(second.err.text,
			    "step exec: Resource temporarily unavailable (rlimit_nproc "
			    "of the user is used up)");
	launch_done(&second);
	assert_int_equal(shutdown(first.ours, SHUT_WR), 0);
	assert_exit(launch_finish(&first), 0);
	launch_done(&first);
}

/* With SIGCHLD ignored there is nothing to be reaped, and no less is reported. */
static void reports_where_nobody_reaps(void **state)
{
	struct launch launch;

	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	launch_init(&launch, state, "/bin/true");
	launch.program->directory = strdup("/nonexistent");
	assert_failure(&launch, -ENOENT, "step directory: No such file or directory");
	assert_true(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_its_steps_in_order),
		cmocka_unit_test(reports_a_connection_that_is_none),
		cmocka_unit_test(reports_a_log_descriptor_that_is_none),
		cmocka_unit_test(reports_a_missing_directory),
		cmocka_unit_test(reports_a_missing_root_directory),
		cmocka_unit_test(reports_a_limit_that_cannot_be),
		cmocka_unit_test(reports_a_change_that_did_not_happen),
		cmocka_unit_test(reports_a_missing_program),
		cmocka_unit_test(reports_a_directory_in_place_of_a_program),
		cmocka_unit_test(reports_an_argument_too_long),
		cmocka_unit_test(reports_a_missing_interpreter),
		cmocka_unit_test(runs_no_file_that_is_no_program),
		cmocka_unit_test(reports_a_file_that_may_not_be_executed),
		cmocka_unit_test(reports_a_program_that_is_being_written),
		cmocka_unit_test(reports_a_user_with_too_many_processes),
		cmocka_unit_test(reports_where_nobody_reaps),
	};
	int failed =
		cmocka_run_group_tests_name("shared", tests, set_up_shared, tear_down);

	return failed +
	       cmocka_run_group_tests_name("forking", tests, set_up_forking, tear_down);
}
