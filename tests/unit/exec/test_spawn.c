/* SPDX-License-Identifier: ISC */
/* What a started program finds, and that its starter is left as it was. */
#include "test.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include "launch.h"

static void gives_the_connection_to_the_program(void **state)
{
	struct launch launch;

	launch_shell(&launch, state, "read line && echo \"got $line\" && echo oops >&2");
	assert_int_equal(write(launch.ours, "word\n", 5), 5);
	assert_output(&launch, "got word\noops\n");
}

static void leaves_only_the_three_standard_descriptors(void **state)
{
	struct launch launch;

	launch_init(&launch, state, "/bin/ls");
	launch_add(&launch, "/proc/self/fd");
	/* Not close-on-exec, as of a careless library, and far apart. */
	assert_int_not_equal(fcntl(launch.ours, F_DUPFD, 3), -1);
	assert_int_not_equal(fcntl(launch.ours, F_DUPFD, 70), -1);
	assert_int_not_equal(fcntl(launch.ours, F_DUPFD, 500), -1);
	launch_run(&launch);
	/* 3 is the directory that ls reads. */
	assert_string_equal(launch.output, "0\n1\n2\n3\n");
	assert_int_equal(close_range(70, 70, 0), 0);
	assert_int_equal(close_range(500, 500, 0), 0);
	launch_done(&launch);
}

static void makes_the_connection_blocking(void **state)
{
	struct launch launch;

	launch_init(&launch, state, "/bin/cat");
	launch_add(&launch, "/proc/self/fdinfo/0");
	assert_int_equal(fcntl(launch.theirs, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	launch_run(&launch);
	assert_int_equal(strtoul(output_line(&launch, "flags:"), NULL, 8) & O_NONBLOCK,
			 0);
	launch_done(&launch);
}

static void sends_errors_to_the_log_when_asked(void **state)
{
	struct launch launch;
	char line[16] = "";
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	launch_shell(&launch, state, "echo out; echo err >&2");
	launch.program->stderr_target = STDERR_LOG;
	launch.invocation.stderr_fd = pipes[1];
	assert_output(&launch, "out\n");
	assert_int_equal(read(pipes[0], line, sizeof(line) - 1), 4);
	assert_string_equal(line, "err\n");
	assert_int_equal(close(pipes[0]), 0);
	assert_int_equal(close(pipes[1]), 0);
}

static void sends_errors_nowhere_when_asked(void **state)
{
	struct launch launch;

	launch_shell(&launch, state, "readlink /proc/self/fd/2; echo err >&2");
	launch.program->stderr_target = STDERR_NULL;
	assert_output(&launch, "/dev/null\n");
}

static void passes_arguments_untouched(void **state)
{
	struct launch launch;

	launch_shell(&launch, state, "printf '<%s>' \"$@\"");
	launch_add(&launch, "sh");
	launch_add(&launch, "two words");
	launch_add(&launch, "qu'o\"te\\");
	launch_add(&launch, "");
	launch_add(&launch, "*$HOME");
	assert_output(&launch, "<two words><qu'o\"te\\><><*$HOME>");
}

static void passes_the_environment_of_the_plan_and_no_other(void **state)
{
	struct launch launch;
	struct addr peer;

	launch_init(&launch, state, "/usr/bin/env");
	assert_int_equal(strings_add(&launch.program->env, "MINE=a b"), 0);
	assert_int_equal(addr_parse_ip("192.0.2.1", 4000, &peer, NULL), 0);
	launch.invocation.peer = &peer;
	assert_output(&launch, "OWN=daemon\nMINE=a b\nREMOTE_HOST=192.0.2.1\n"
			       "REMOTE_ADDR=192.0.2.1\nREMOTE_PORT=4000\nPROTO=TCP\n"
			       "TCPREMOTEIP=192.0.2.1\nTCPREMOTEPORT=4000\n");
}

static void leads_a_session_of_its_own(void **state)
{
	struct launch launch;
	char text[64];

	launch_init(&launch, state, "/bin/cat");
	launch_add(&launch, "/proc/self/stat");
	launch_run(&launch);
	/* pid (comm) state ppid pgrp session; proc(5) */
	(void)snprintf(text, sizeof(text), "%d (cat) R %d %d %d ", (int)launch.pid,
		       (int)getpid(), (int)launch.pid, (int)launch.pid);
	assert_memory_equal(launch.output, text, strlen(text));
	launch_done(&launch);
}

static volatile sig_atomic_t handled;

static void handle(int signo)
{
	(void)signo;
	handled++;
}

static void begins_with_default_signals_and_keeps_ours(void **state)
{
	sigset_t blocked;
	sigset_t before;
	sigset_t after;
	struct launch launch;
	void *own = NULL;

	assert_true(signal(SIGUSR1, handle) != SIG_ERR);
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_true(signal(SIGRTMIN + 1, SIG_IGN) != SIG_ERR);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGTERM);
	(void)sigaddset(&blocked, SIGRTMAX);
	assert_int_equal(sigprocmask(SIG_SETMASK, &blocked, &before), 0);
	/* What is not default is worked out at the first start. */
	assert_int_equal(set_up(&own, ((struct pad *)*state)->technique), 0);
	launch_init(&launch, &own, "/bin/cat");
	launch_add(&launch, "/proc/self/status");
	launch_run(&launch);
	assert_string_equal(output_line(&launch, "SigBlk:"), "0000000000000000");
	assert_string_equal(output_line(&launch, "SigIgn:"), "0000000000000000");
	assert_string_equal(output_line(&launch, "SigCgt:"), "0000000000000000");
	launch_done(&launch);
	assert_int_equal(tear_down(&own), 0);
	assert_true(signal(SIGXFSZ, SIG_IGN) == SIG_DFL);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, &after), 0);
	assert_memory_equal(&after, &blocked, 8);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(handled, 1);
	handled = 0;
	assert_true(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	assert_true(signal(SIGRTMIN + 1, SIG_DFL) == SIG_IGN);
}

static void delivers_a_signal_that_came_meanwhile_to_us(void **state)
{
	struct launch launch;
	sigset_t one;
	sigset_t pending;

	(void)sigemptyset(&one);
	(void)sigaddset(&one, SIGUSR1);
	assert_true(signal(SIGUSR1, handle) != SIG_ERR);
	assert_int_equal(sigprocmask(SIG_BLOCK, &one, NULL), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	launch_shell(&launch, state, "true");
	assert_output(&launch, "");
	assert_int_equal(handled, 0);
	assert_int_equal(sigpending(&pending), 0);
	assert_true(sigismember(&pending, SIGUSR1));
	assert_int_equal(sigprocmask(SIG_UNBLOCK, &one, NULL), 0);
	assert_int_equal(handled, 1);
	handled = 0;
}

static void sets_umask_nice_and_directory_of_the_program_alone(void **state)
{
	char before[256];
	char after[256];
	mode_t mask = umask(022);
	int nice = getpriority(PRIO_PROCESS, 0);
	struct launch launch;

	assert_non_null(getcwd(before, sizeof(before)));
	launch_nice_shell(&launch, state, "umask; NICER; pwd -P");
	launch.program->umask_given = true;
	launch.program->umask = 0137;
	launch.program->nice = 3;
	launch.program->directory = strdup("/usr/bin");
	assert_output(&launch, "0137\n3\n/usr/bin\n");
	assert_non_null(getcwd(after, sizeof(after)));
	assert_string_equal(before, after);
	assert_int_equal(umask(mask), 022);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), nice);
}

static void begins_in_the_root_directory_with_the_daemons_umask(void **state)
{
	mode_t mask = umask(051);
	struct launch launch;

	launch_nice_shell(&launch, state, "umask; NICER; pwd -P");
	assert_output(&launch, "0051\n0\n/\n");
	(void)umask(mask);
}

static void keeps_errno_and_leaves_descriptors_to_the_caller(void **state)
{
	struct launch launch;
	int before = count_descriptors();

	launch_init(&launch, state, "/bin/true");
	errno = ENOTTY;
	assert_int_equal(launch_start(&launch), 0);
	assert_int_equal(errno, ENOTTY);
	assert_int_not_equal(fcntl(launch.theirs, F_GETFD), -1);
	assert_exit(launch_finish(&launch), 0);
	launch_done(&launch);
	assert_int_equal(count_descriptors(), before);
}

static void starts_many_without_leaving_anything_behind(void **state)
{
	int before = count_descriptors();

	for (int i = 0; i < 100; i++) {
		struct launch launch;

		launch_init(&launch, state, i % 2 == 0 ? "/bin/true" : "/bin/missing");
		if (i % 2 == 0)
			launch_run(&launch);
		else
			assert_int_equal(launch_start(&launch), -ENOENT);
		launch_done(&launch);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(count_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_connection_to_the_program),
		cmocka_unit_test(leaves_only_the_three_standard_descriptors),
		cmocka_unit_test(makes_the_connection_blocking),
		cmocka_unit_test(sends_errors_to_the_log_when_asked),
		cmocka_unit_test(sends_errors_nowhere_when_asked),
		cmocka_unit_test(passes_arguments_untouched),
		cmocka_unit_test(passes_the_environment_of_the_plan_and_no_other),
		cmocka_unit_test(leads_a_session_of_its_own),
		cmocka_unit_test(begins_with_default_signals_and_keeps_ours),
		cmocka_unit_test(delivers_a_signal_that_came_meanwhile_to_us),
		cmocka_unit_test(sets_umask_nice_and_directory_of_the_program_alone),
		cmocka_unit_test(begins_in_the_root_directory_with_the_daemons_umask),
		cmocka_unit_test(keeps_errno_and_leaves_descriptors_to_the_caller),
		cmocka_unit_test(starts_many_without_leaving_anything_behind),
	};
	int failed =
		cmocka_run_group_tests_name("shared", tests, set_up_shared, tear_down);

	return failed +
	       cmocka_run_group_tests_name("forking", tests, set_up_forking, tear_down);
}
