/* SPDX-License-Identifier: ISC */
/* When a child may share our memory, and the stacks of those that never leave it. */
#include "test.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../../../src/exec/exec_internal.h"
#include "exec_test.h"
#include "usherd/exec/spawn.h"

static void maps_a_stack_once_and_keeps_it(void **state)
{
	struct stack stack = { 0 };
	char *memory;

	(void)state;
	assert_int_equal(stack_ready(&stack), 0);
	memory = stack.memory;
	assert_non_null(memory);
	assert_ptr_equal((char *)stack.progress, stack.top);
	assert_int_equal((uintptr_t)stack.top % 16, 0);
	assert_int_equal(stack_ready(&stack), 0);
	assert_ptr_equal(stack.memory, memory);
	stack_done(&stack);
	assert_null(stack.memory);
	stack_done(&stack);
}

/* What was given up stays as it is: mapped, and nobody else's. */
static void leaves_abandoned_stacks_alone_and_counts_them(void **state)
{
	struct stack stack = { 0 };
	struct stack old[STACKS_ABANDONED_MAX];

	(void)state;
	for (unsigned i = 0; i < STACKS_ABANDONED_MAX; i++) {
		assert_int_equal(stack_ready(&stack), 0);
		old[i] = stack;
		atomic_store(&stack.progress->busy, (int)i + 1);
		stack_abandon(&stack);
		assert_null(stack.memory);
		assert_int_equal(stack.abandoned, i + 1);
	}
	assert_int_equal(stack_ready(&stack), -EAGAIN);
	stack_done(&stack);
	assert_int_equal(stack_ready(&stack), -EAGAIN);
	for (unsigned i = 0; i < STACKS_ABANDONED_MAX; i++) {
		assert_int_equal(atomic_load(&old[i].progress->busy), i + 1);
		stack_done(&old[i]);
	}
}

static int map_without(void *argument)
{
	struct stack stack = { 0 };

	(void)argument;
	if (intercept(SCMP_ACT_ERRNO(ENOMEM), SCMP_SYS(mprotect), -1) != 0)
		return 2;
	return stack_ready(&stack) == -ENOMEM && stack.memory == NULL ? 0 : 3;
}

static void reports_that_no_stack_could_be_made(void **state)
{
	(void)state;
	assert_exit(in_child(map_without, NULL), 0);
}

static bool is_safe_with(const char *content)
{
	char path[] = "/tmp/usherd-dumpable-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	bool safe;

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(close(fd), 0);
	safe = sharing_is_safe(path);
	assert_int_equal(unlink(path), 0);
	return safe;
}

static void shares_no_memory_where_children_stay_open_to_ptrace(void **state)
{
	(void)state;
	if (!await_can_share())
		skip();
	assert_false(is_safe_with("1\n"));
	assert_true(is_safe_with("0\n"));
	assert_true(is_safe_with("2\n"));
	assert_true(is_safe_with(""));
	assert_true(sharing_is_safe("/nonexistent"));
}

static int drop_the_right_to_kill(void *argument)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	(void)argument;
	data[0].effective = data[0].permitted = 1U << CAP_SETUID;
	if (syscall(SYS_capset, &header, data) == -1)
		return 2;
	if (sharing_is_safe("/nonexistent"))
		return 3;
	data[0].effective = data[0].permitted = 0;
	if (syscall(SYS_capset, &header, data) == -1)
		return 4;
	return sharing_is_safe("/nonexistent") ? 0 : 5;
}

static void shares_no_memory_with_whom_it_may_not_kill(void **state)
{
	(void)state;
	if (geteuid() != 0 || !await_can_share())
		skip();
	assert_exit(in_child(drop_the_right_to_kill, NULL), 0);
}

static int ask_without_capget(void *argument)
{
	(void)argument;
	if (intercept(SCMP_ACT_ERRNO(EPERM), SCMP_SYS(capget), -1) != 0)
		return 2;
	return sharing_is_safe("/nonexistent") ? 3 : 0;
}

static void shares_no_memory_when_it_cannot_know(void **state)
{
	(void)state;
	assert_exit(in_child(ask_without_capget, NULL), 0);
}

static void notices_a_child_that_nobody_can_wait_for(void **state)
{
	struct progress progress = { .busy = 1 };
	struct awaited awaited = { .pid = getpid(), .progress = &progress, .pipe = -1 };
	struct outcome outcome;

	(void)state;
	if (!await_can_share())
		skip();
	outcome = await_child(&awaited);
	assert_int_equal(outcome.error, 0);
	assert_false(outcome.remains);
	assert_int_equal(await_status(getpid()), 0);
}

static void gives_up_waiting_for_a_status(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		(void)alarm(60);
		for (;;)
			(void)pause();
	}
	assert_int_not_equal(pid, -1);
	assert_int_equal(await_status(pid), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(await_status(pid), SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_a_stack_once_and_keeps_it),
		cmocka_unit_test(leaves_abandoned_stacks_alone_and_counts_them),
		cmocka_unit_test(reports_that_no_stack_could_be_made),
		cmocka_unit_test(shares_no_memory_where_children_stay_open_to_ptrace),
		cmocka_unit_test(shares_no_memory_with_whom_it_may_not_kill),
		cmocka_unit_test(shares_no_memory_when_it_cannot_know),
		cmocka_unit_test(notices_a_child_that_nobody_can_wait_for),
		cmocka_unit_test(gives_up_waiting_for_a_status),
	};

	return cmocka_run_group_tests_name("sharing", tests, NULL, NULL);
}
