/* SPDX-License-Identifier: ISC */
/*
 * The memory of a child that shares ours, and the count of what such children were left
 * with. Who runs there, and when a stack is given up, is spawn.c's.
 */
#include "exec_internal.h"

#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STACK_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define STACK_ASAN 1
#endif
#ifdef STACK_ASAN
#include <sanitizer/asan_interface.h>
#endif

/* Room for the deepest step: 4 kB of groups and what an instrumented build adds. */
#define STACK_SIZE ((size_t)64 * 1024)

/* What the progress takes above it; keeps the top aligned. */
#define PROGRESS_SIZE ((size_t)64)

_Static_assert(sizeof(struct progress) <= PROGRESS_SIZE, "progress has its place");

/* What the frames of a child that never returned have left in the sanitizer's map would
 * be taken for errors of the next. */
static void forget_frames(const struct stack *stack)
{
#ifdef STACK_ASAN
	__asan_unpoison_memory_region(stack->top - STACK_SIZE, STACK_SIZE);
#else
	(void)stack;
#endif
}

/* Private: a worker that is forked later must have no say in our starts. */
static int map(struct stack *stack)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = guard + STACK_SIZE + PROGRESS_SIZE;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	if (mprotect(memory, guard, PROT_NONE) == -1) {
		int r = -errno;

		(void)munmap(memory, size);
		return r;
	}
	stack->memory = memory;
	stack->size = size;
	stack->top = memory + guard + STACK_SIZE;
	stack->progress = (void *)stack->top;
	return 0;
}

int stack_ready(struct stack *stack)
{
	if (stack->memory == NULL) {
		int r = stack->abandoned < STACKS_ABANDONED_MAX ? map(stack) : -EAGAIN;

		if (r < 0)
			return r;
	}
	forget_frames(stack);
	return 0;
}

void stack_abandon(struct stack *stack)
{
	*stack = (struct stack){ .abandoned = stack->abandoned + 1 };
}

void stack_done(struct stack *stack)
{
	if (stack->memory != NULL)
		(void)munmap(stack->memory, stack->size);
	stack->memory = NULL;
}
