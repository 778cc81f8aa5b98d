/* SPDX-License-Identifier: ISC */
/*
 * What the suites of exec/ share: code that runs in a process of its own and yet in the
 * suite's memory (so that it is counted by a coverage build), and system calls made to
 * fail.
 */
#ifndef USHERD_EXEC_TEST_H
#define USHERD_EXEC_TEST_H

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptors.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TEST_ASAN 1
#endif
#ifdef TEST_ASAN
#include <sanitizer/asan_interface.h>
#endif

#define TEST_STACK_SIZE ((size_t)1024 * 1024)

/* Run @body in a child that shares our memory; returns its wait status. The body must
 * not assert; its return value is the exit code. */
static inline int in_child(int (*body)(void *), void *argument)
{
	char *stack = mmap(NULL, TEST_STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int dumpable = prctl(PR_GET_DUMPABLE);
	int status = -1;
	pid_t pid;

	assert_ptr_not_equal(stack, MAP_FAILED);
#ifdef TEST_ASAN
	__asan_unpoison_memory_region(stack, TEST_STACK_SIZE);
#endif
	pid = clone(body, stack + TEST_STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD,
		    argument);
	assert_int_not_equal(pid, -1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* The body may have changed ids, and with that a flag of our memory. */
	assert_int_equal(prctl(PR_SET_DUMPABLE, dumpable), 0);
#ifdef TEST_ASAN
	__asan_unpoison_memory_region(stack, TEST_STACK_SIZE);
#endif
	assert_int_equal(munmap(stack, TEST_STACK_SIZE), 0);
	return status;
}

static inline void assert_exit(int status, int code)
{
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

/* From now on the calling process gets @action from @number (where @command, if not -1,
 * is the first argument). Returns 0 or a negative errno. */
static inline int intercept(uint32_t action, int number, int command)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (filter == NULL)
		return -ENOMEM;
	if (command == -1)
		r = seccomp_rule_add_exact(filter, action, number, 0);
	else
		r = seccomp_rule_add_exact(
			filter, action, number, 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)command, 0));
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

#endif
