/* SPDX-License-Identifier: ISC */
/* Limits, user and root directory of a started program, and that they are its own. */
#include "test.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "launch.h"

#define OTHER_UID 54321
#define OTHER_GID 54322

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* Rows of /proc/self/limits and values below any that a system starts with. */
static const struct {
	int resource;
	const char *row;
	rlim_t value;
} limits[] = {
	{ RLIMIT_CPU, "Max cpu time", 77 },
	{ RLIMIT_FSIZE, "Max file size", 1048576 },
	{ RLIMIT_DATA, "Max data size", 536870912 },
	{ RLIMIT_STACK, "Max stack size", 1048576 },
	{ RLIMIT_CORE, "Max core file size", 0 },
	{ RLIMIT_RSS, "Max resident set", 99999744 },
	{ RLIMIT_NPROC, "Max processes", 1000 },
	{ RLIMIT_NOFILE, "Max open files", 17 },
	{ RLIMIT_MEMLOCK, "Max locked memory", 4096 },
	{ RLIMIT_AS, "Max address space", 1073741824 },
	{ RLIMIT_LOCKS, "Max file locks", 5 },
	{ RLIMIT_SIGPENDING, "Max pending signals", 11 },
	{ RLIMIT_MSGQUEUE, "Max msgqueue size", 8192 },
	{ RLIMIT_NICE, "Max nice priority", 0 },
	{ RLIMIT_RTPRIO, "Max realtime priority", 0 },
	{ RLIMIT_RTTIME, "Max realtime timeout", 1000000 },
};

#define LIMIT_COUNT (sizeof(limits) / sizeof(limits[0]))

static void read_own_limits(char text[OUTPUT_SIZE])
{
	int fd = open("/proc/self/limits", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_int_not_equal(fd, -1);
	n = read(fd, text, OUTPUT_SIZE - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(close(fd), 0);
}

static void sets_every_limit_of_the_program_alone(void **state)
{
	char before[OUTPUT_SIZE];
	char after[OUTPUT_SIZE];
	struct launch launch;

	read_own_limits(before);
	launch_init(&launch, state, "/bin/cat");
	launch_add(&launch, "/proc/self/limits");
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		const struct program_limit limit = { true, limits[i].value };

		launch.program->limits[limits[i].resource] = limit;
	}
	launch_run(&launch);
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		char *end;

		assert_int_equal(strtoull(output_line(&launch, limits[i].row), &end, 10),
				 limits[i].value);
		assert_int_equal(strtoull(end, NULL, 10), limits[i].value);
	}
	read_own_limits(after);
	assert_string_equal(before, after);
	launch_done(&launch);
}

static void leaves_other_limits_alone_and_knows_unlimited(void **state)
{
	struct rlimit files;
	struct rlimit cpu;
	struct launch launch;
	char expected[64];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(getrlimit(RLIMIT_CPU, &cpu), 0);
	if (cpu.rlim_max != RLIM_INFINITY)
		skip();
	launch_shell(&launch, state, "ulimit -Sn; ulimit -Ht");
	launch.program->limits[RLIMIT_CPU].set = true;
	launch.program->limits[RLIMIT_CPU].value = RLIM_INFINITY;
	(void)snprintf(expected, sizeof(expected), "%llu\nunlimited\n",
		       (unsigned long long)files.rlim_cur);
	assert_output(&launch, expected);
}

static void becomes_the_user_with_exactly_the_groups_given(void **state)
{
	static const gid_t groups[] = { 70007, 70003, 70005 };
	struct launch launch;

	need_root();
	launch_init(&launch, state, "/bin/cat");
	launch_add(&launch, "/proc/self/status");
	launch_as(&launch, OTHER_UID, OTHER_GID, groups, 3);
	launch_run(&launch);
	assert_string_equal(output_line(&launch, "\nUid:"), "54321\t54321\t54321\t54321");
	assert_string_equal(output_line(&launch, "\nGid:"), "54322\t54322\t54322\t54322");
	assert_string_equal(output_line(&launch, "\nGroups:"), "70003 70005 70007 ");
	assert_string_equal(output_line(&launch, "\nCapInh:"), "0000000000000000");
	assert_string_equal(output_line(&launch, "\nCapPrm:"), "0000000000000000");
	assert_string_equal(output_line(&launch, "\nCapEff:"), "0000000000000000");
	assert_string_equal(output_line(&launch, "\nCapAmb:"), "0000000000000000");
	/* sudo and its like must work */
	assert_string_equal(output_line(&launch, "\nNoNewPrivs:"), "0");
	launch_done(&launch);
	assert_int_equal(geteuid(), 0);
	/* Never open to processes of another's uid, since memory is shared with children
	 * that have it. */
	if (pad_shares(state))
		assert_int_not_equal(prctl(PR_GET_DUMPABLE), 1);
}

static void becomes_the_user_without_any_group(void **state)
{
	struct launch launch;

	need_root();
	launch_shell(&launch, state, "id -u; id -g; id -G");
	launch_as(&launch, OTHER_UID, OTHER_GID, NULL, 0);
	assert_output(&launch, "54321\n54322\n54322\n");
}

static void stays_root_when_root_was_asked_for(void **state)
{
	struct launch launch;

	need_root();
	launch_shell(&launch, state,
		     "id -u; id -g; grep -c CapEff:.*[1-9a-f] "
		     "/proc/self/status");
	launch_as(&launch, 0, OTHER_GID, NULL, 0);
	assert_output(&launch, "0\n54322\n1\n");
}

static int start_as_nice_daemon(void *argument)
{
	struct launch *launch = argument;
	int status;

	errno = 0;
	if (nice(2) == -1 && errno != 0)
		return 2;
	if (launch_start(launch) != 0)
		return 3;
	return waitpid(launch->pid, &status, 0) == launch->pid && status == 0 ? 0 : 4;
}

static void adds_nice_to_the_daemons_own(void **state)
{
	struct launch launch;

	launch_nice_shell(&launch, state, "NICER");
	launch.program->nice = 3;
	assert_exit(in_child(start_as_nice_daemon, &launch), 0);
	assert_int_equal(read(launch.ours, launch.output, OUTPUT_SIZE), 2);
	assert_memory_equal(launch.output, "5\n", 2);
	launch_done(&launch);
}

static void lowers_nice_only_for_root_and_before_the_change_of_user(void **state)
{
	struct launch launch;

	need_root();
	launch_nice_shell(&launch, state, "NICER; id -u");
	launch.program->nice = -5;
	launch_as(&launch, OTHER_UID, OTHER_GID, NULL, 0);
	assert_output(&launch, "-5\n54321\n");
}

static void shuts_the_program_into_its_root_directory(void **state)
{
	struct stat before;
	struct stat after;
	struct launch launch;
	char target[16] = "";

	need_root();
	/* Only where /bin leads to /usr/bin is /usr a root directory to live in. */
	if (readlink("/bin", target, sizeof(target) - 1) == -1 ||
	    strcmp(target, "usr/bin") != 0)
		skip();
	assert_int_equal(stat("/", &before), 0);
	launch_shell(&launch, state, "pwd; test -e /usr/bin || echo gone");
	launch.program->chroot = strdup("/usr");
	launch.program->directory = strdup("/bin");
	launch_as(&launch, OTHER_UID, OTHER_GID, NULL, 0);
	assert_output(&launch, "/bin\ngone\n");
	assert_int_equal(stat("/", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_every_limit_of_the_program_alone),
		cmocka_unit_test(leaves_other_limits_alone_and_knows_unlimited),
		cmocka_unit_test(becomes_the_user_with_exactly_the_groups_given),
		cmocka_unit_test(becomes_the_user_without_any_group),
		cmocka_unit_test(stays_root_when_root_was_asked_for),
		cmocka_unit_test(adds_nice_to_the_daemons_own),
		cmocka_unit_test(lowers_nice_only_for_root_and_before_the_change_of_user),
		cmocka_unit_test(shuts_the_program_into_its_root_directory),
	};
	int failed =
		cmocka_run_group_tests_name("shared", tests, set_up_shared, tear_down);

	return failed +
	       cmocka_run_group_tests_name("forking", tests, set_up_forking, tear_down);
}
