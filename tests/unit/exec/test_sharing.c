/* SPDX-License-Identifier: ISC */
/* When a child may share our memory, and what must not change while it does. */
#include "test.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>

#include "../../../src/exec/exec_internal.h"
#include "../../../src/exec/raw.h"
#include "exec_test.h"

#define NEW_LINUX "6.1.0-13-amd64"
#define NOWHERE   "/nonexistent"

static const char *objection_to(const char *content, const char *release)
{
	char path[] = "/tmp/usherd-dumpable-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	const char *objection;

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(close(fd), 0);
	objection = sharing_objection(path, release);
	assert_int_equal(unlink(path), 0);
	return objection;
}

static void need_sharing(void)
{
	if (sharing_objection(NOWHERE, NEW_LINUX) != NULL)
		skip();
}

static void shares_no_memory_where_children_stay_open_to_ptrace(void **state)
{
	(void)state;
	need_sharing();
	assert_string_equal(objection_to("1\n", NEW_LINUX), "fs.suid_dumpable is 1");
	assert_null(objection_to("0\n", NEW_LINUX));
	assert_null(objection_to("2\n", NEW_LINUX));
	assert_null(objection_to("", NEW_LINUX));
}

static void shares_no_memory_where_a_dump_ends_all(void **state)
{
	static const struct {
		const char *release;
		bool ends_all;
	} rows[] = {
		{ "4.19.0", true },          { "5.10.0-26-amd64", true },
		{ "5.15.999", true },        { "5.16.0", false },
		{ "6.18.44-custom", false }, { "10.0", false },
		{ "unknown", true },         { "", true },
	};

	(void)state;
	need_sharing();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(objection_to("2\n", rows[i].release) != NULL,
				 rows[i].ends_all);
		assert_null(objection_to("0\n", rows[i].release));
	}
}

static int drop_the_right_to_kill(void *argument)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	(void)argument;
	data[0].effective = data[0].permitted = 1U << CAP_SETUID;
	if (syscall(SYS_capset, &header, data) == -1)
		return 2;
	if (sharing_objection(NOWHERE, NEW_LINUX) == NULL)
		return 3;
	data[0].effective = data[0].permitted = 0;
	if (syscall(SYS_capset, &header, data) == -1)
		return 4;
	return sharing_objection(NOWHERE, NEW_LINUX) == NULL ? 0 : 5;
}

static void shares_no_memory_with_whom_it_may_not_kill(void **state)
{
	(void)state;
	need_sharing();
	if (geteuid() != 0)
		skip();
	assert_exit(in_child(drop_the_right_to_kill, NULL), 0);
}

static int ask_without_capget(void *argument)
{
	(void)argument;
	if (intercept(SCMP_ACT_ERRNO(EPERM), SCMP_SYS(capget), -1) != 0)
		return 2;
	return sharing_objection(NOWHERE, NEW_LINUX) == NULL ? 3 : 0;
}

static void shares_no_memory_when_it_cannot_know(void **state)
{
	(void)state;
	assert_exit(in_child(ask_without_capget, NULL), 0);
}

static void finds_that_memory_is_shared(void **state)
{
	struct slots slots;

	(void)state;
	need_sharing();
	slots_init(&slots);
	assert_int_equal(sharing_try(&slots.items[0]), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	slots_done(&slots);
}

static int make_spawner(void *argument)
{
	struct spawner *spawner;
	int dumpable;

	(void)argument;
	if (prctl(PR_SET_DUMPABLE, 1) == -1 || spawner_new(&spawner, NULL) != 0)
		return 2;
	dumpable = prctl(PR_GET_DUMPABLE);
	if (spawner_objection(spawner) == NULL && geteuid() == 0 && dumpable != 0)
		return 3;
	if (geteuid() != 0 && dumpable != 1)
		return 4;
	spawner_free(spawner);
	return 0;
}

/* As others it must stay what it was: it may be debugged by its own user. */
static void is_not_dumpable_any_more_as_root(void **state)
{
	(void)state;
	assert_exit(in_child(make_spawner, NULL), 0);
}

/* The results are the kernel's, and errno is left alone. */
static void makes_system_calls_past_the_library(void **state)
{
	char text[8] = "";
	int ends[2];

	(void)state;
	errno = ENOTTY;
	assert_int_equal(RAW_CALL(SYS_getpid), getpid());
	assert_int_equal(RAW_CALL(SYS_dup3, -1, 5, 0), -EBADF);
	assert_int_equal(RAW_CALL(SYS_fcntl, -1, F_GETFL), -EBADF);
	if (RAW_CLONE)
		assert_int_equal(errno, ENOTTY);
	assert_int_equal(RAW_CALL(SYS_pipe2, ends, O_CLOEXEC), 0);
	assert_int_equal(RAW_CALL(SYS_pwrite64, ends[1], "word", 4, 0), -ESPIPE);
	assert_int_equal(RAW_CALL(SYS_write, ends[1], "word", 4), 4);
	assert_int_equal(RAW_CALL(SYS_read, ends[0], text, sizeof(text)), 4);
	assert_string_equal(text, "word");
	/* Six arguments, all of which matter. */
	assert_int_equal(RAW_CALL(SYS_write, ends[1], "12345", 5), 5);
	assert_int_equal(
		RAW_CALL(SYS_splice, ends[0], NULL, ends[1], NULL, 5, 0x80000000),
		-EINVAL);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_no_memory_where_children_stay_open_to_ptrace),
		cmocka_unit_test(shares_no_memory_where_a_dump_ends_all),
		cmocka_unit_test(shares_no_memory_with_whom_it_may_not_kill),
		cmocka_unit_test(shares_no_memory_when_it_cannot_know),
		cmocka_unit_test(finds_that_memory_is_shared),
		cmocka_unit_test(is_not_dumpable_any_more_as_root),
		cmocka_unit_test(makes_system_calls_past_the_library),
	};

	return cmocka_run_group_tests_name("sharing", tests, NULL, NULL);
}
