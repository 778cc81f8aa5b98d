/* SPDX-License-Identifier: ISC */
/* Starts against system calls that fail: every one has a step that is named. */
#include "test.h"

#include <linux/capability.h>
#include <sys/syscall.h>

#include "launch.h"

#define OTHER_UID 54321
#define OTHER_GID 54322

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* A system call that fails in the starter's child, and what is then reported. */
struct broken_call {
	int number;
	uint32_t action;
	int code;
	const char *text;
	struct launch *launch;
};

static const struct broken_call broken_calls[] = {
	{ SCMP_SYS(clone), SCMP_ACT_ERRNO(EAGAIN), -EAGAIN,
	  "step clone: Resource temporarily unavailable", NULL },
	{ SCMP_SYS(clone), SCMP_ACT_ERRNO(ENOMEM), -ENOMEM,
	  "step clone: Cannot allocate memory", NULL },
	{ SCMP_SYS(setsid), SCMP_ACT_ERRNO(EPERM), -EPERM,
	  "step session: Operation not permitted", NULL },
	{ SCMP_SYS(setsid), SCMP_ACT_KILL_PROCESS, -EINTR,
	  "step session: killed by signal 31", NULL },
	{ SCMP_SYS(rt_sigaction), SCMP_ACT_ERRNO(EFAULT), -EFAULT,
	  "step signals: Bad address", NULL },
	{ SCMP_SYS(dup3), SCMP_ACT_ERRNO(EBUSY), -EBUSY,
	  "step descriptors: Device or resource busy", NULL },
	{ SCMP_SYS(openat), SCMP_ACT_ERRNO(EACCES), -EACCES,
	  "step descriptors: Permission denied", NULL },
	{ SCMP_SYS(chroot), SCMP_ACT_ERRNO(EPERM), -EPERM,
	  "step chroot: Operation not permitted", NULL },
	{ SCMP_SYS(chdir), SCMP_ACT_ERRNO(EACCES), -EACCES,
	  "step directory: Permission denied", NULL },
	{ SCMP_SYS(prlimit64), SCMP_ACT_ERRNO(EPERM), -EPERM,
	  "step limits: Operation not permitted", NULL },
	{ SCMP_SYS(getpriority), SCMP_ACT_ERRNO(ESRCH), -ESRCH,
	  "step nice: No such process", NULL },
	{ SCMP_SYS(setpriority), SCMP_ACT_ERRNO(EACCES), -EACCES,
	  "step nice: Permission denied", NULL },
	{ SCMP_SYS(setgroups), SCMP_ACT_ERRNO(EPERM), -EPERM,
	  "step groups: Operation not permitted", NULL },
	{ SCMP_SYS(setresgid), SCMP_ACT_ERRNO(EPERM), -EPERM,
	  "step gid: Operation not permitted", NULL },
	{ SCMP_SYS(setresuid), SCMP_ACT_ERRNO(EAGAIN), -EAGAIN,
	  "step uid: Resource temporarily unavailable", NULL },
	{ SCMP_SYS(capset), SCMP_ACT_ERRNO(EPERM), -EPERM,
	  "step capabilities: Operation not permitted", NULL },
	{ SCMP_SYS(capget), SCMP_ACT_ERRNO(EFAULT), -EPERM,
	  "step proof: Operation not permitted (the old rights could come back)", NULL },
	{ SCMP_SYS(execve), SCMP_ACT_ERRNO(EIO), -EIO, "step exec: Input/output error",
	  NULL },
	{ SCMP_SYS(execve), SCMP_ACT_ERRNO(EAGAIN), -EAGAIN,
	  "step exec: Resource temporarily unavailable (rlimit_nproc of the user is used "
	  "up)",
	  NULL },
};

/* Capabilities that a change of uid leaves where they are. */
static int set_inheritable(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (syscall(SYS_capget, &header, sets) == -1)
		return -1;
	sets[0].inheritable = sets[0].permitted & (1U << CAP_KILL);
	return (int)syscall(SYS_capset, &header, sets);
}

static int start_with_broken_call(void *argument)
{
	const struct broken_call *call = argument;
	int before = count_descriptors();
	int r;

	if (set_inheritable() != 0)
		return 1;
	if (intercept(call->action, call->number, -1) != 0)
		return 2;
	r = launch_start(call->launch);
	if (r != call->code || call->launch->pid != -7)
		return 3;
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		return 4;
	return call->number == SCMP_SYS(openat) || count_descriptors() == before ? 0 : 5;
}

static void names_the_step_of_every_system_call_that_fails(void **state)
{
	need_root();
	for (size_t i = 0; i < sizeof(broken_calls) / sizeof(broken_calls[0]); i++) {
		struct broken_call call = broken_calls[i];
		struct launch launch;
		int status;

		launch_init(&launch, state, "/bin/true");
		launch_as(&launch, OTHER_UID, OTHER_GID, (gid_t[]){ OTHER_GID }, 1);
		launch.program->chroot = strdup("/");
		launch.program->nice = 1;
		launch.program->stderr_target = STDERR_NULL;
		launch.program->limits[RLIMIT_CPU].set = true;
		launch.program->limits[RLIMIT_CPU].value = 1000;
		call.launch = &launch;
		status = in_child(start_with_broken_call, &call);
		assert_string_equal(launch.err.text, call.text);
		assert_exit(status, 0);
		launch_done(&launch);
	}
}

static int start_without_dupfd(void *argument)
{
	struct launch *launch = argument;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = seccomp_rule_add_exact(
		filter, SCMP_ACT_ERRNO(EMFILE), SCMP_SYS(fcntl), 1,
		SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)F_DUPFD_CLOEXEC, 0));

	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	/* On 0 the connection must be moved first. */
	launch->invocation.fd = dup2(launch->theirs, STDIN_FILENO);
	if (r != 0 || launch->invocation.fd == -1)
		return 2;
	return launch_start(launch) == -EMFILE ? 0 : 3;
}

static void reports_that_no_descriptor_was_left(void **state)
{
	struct launch launch;
	int status;

	launch_init(&launch, state, "/bin/true");
	status = in_child(start_without_dupfd, &launch);
	assert_true(strcmp(launch.err.text, "step descriptors: Too many open files") ==
			    0 ||
		    strcmp(launch.err.text, "step clone: Too many open files") == 0);
	assert_exit(status, 0);
	launch_done(&launch);
}

static int start_without_close_range(void *argument)
{
	struct launch *launch = argument;
	int status;

	if (intercept(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(close_range), -1) != 0)
		return 2;
	if (fcntl(launch->ours, F_DUPFD, 300) == -1)
		return 3;
	if (launch_start(launch) != 0)
		return 4;
	return waitpid(launch->pid, &status, 0) == launch->pid && status == 0 ? 0 : 5;
}

static void leaves_no_descriptor_on_old_kernels_either(void **state)
{
	struct launch launch;
	ssize_t n;

	launch_init(&launch, state, "/bin/ls");
	launch_add(&launch, "/proc/self/fd");
	assert_exit(in_child(start_without_close_range, &launch), 0);
	n = recv(launch.ours, launch.output, OUTPUT_SIZE - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	launch.output[n] = '\0';
	assert_string_equal(launch.output, "0\n1\n2\n3\n");
	launch_done(&launch);
}

static int start_without_any_list(void *argument)
{
	if (intercept(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(close_range), -1) != 0 ||
	    intercept(SCMP_ACT_ERRNO(ENOENT), SCMP_SYS(openat), -1) != 0)
		return 2;
	return launch_start(argument) == -ENOENT ? 0 : 3;
}

static void starts_nothing_when_descriptors_cannot_be_found(void **state)
{
	struct launch launch;
	int status;

	launch_init(&launch, state, "/bin/true");
	status = in_child(start_without_any_list, &launch);
	assert_string_equal(launch.err.text,
			    "step descriptors: No such file or directory");
	assert_exit(status, 0);
	launch_done(&launch);
}

static int prepare_without(void *argument)
{
	const int *number = argument;
	struct error err = { 0 };
	struct spawner *spawner = NULL;

	if (intercept(SCMP_ACT_ERRNO(EAGAIN), *number, -1) != 0)
		return 2;
	if (spawner_new(&spawner, &err) != -EAGAIN || spawner != NULL)
		return 3;
	return strcmp(err.text, "cannot prepare for starting programs: Resource "
				"temporarily unavailable") == 0
		       ? 0
		       : 4;
}

static void reports_that_it_cannot_prepare(void **state)
{
	int numbers[] = { SCMP_SYS(clone), SCMP_SYS(mprotect) };

	if (!pad_shares(state))
		skip();
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_exit(in_child(prepare_without, &numbers[i]), 0);
	spawner_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_step_of_every_system_call_that_fails),
		cmocka_unit_test(reports_that_no_descriptor_was_left),
		cmocka_unit_test(leaves_no_descriptor_on_old_kernels_either),
		cmocka_unit_test(starts_nothing_when_descriptors_cannot_be_found),
		cmocka_unit_test(reports_that_it_cannot_prepare),
	};
	int failed =
		cmocka_run_group_tests_name("shared", tests, set_up_shared, tear_down);

	return failed +
	       cmocka_run_group_tests_name("forking", tests, set_up_forking, tear_down);
}
