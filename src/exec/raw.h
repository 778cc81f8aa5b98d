/* SPDX-License-Identifier: ISC */
/*
 * System calls past the C library, for the child of a start: it is in our memory while
 * we go on, so it may write neither errno nor anything else of a thread, nor take a lock
 * of the library's. Results are the kernel's: not negative, or a negative errno; all
 * calls made here have results that fit an int.
 *
 * Written for x86_64 and aarch64 (syscall(2), "Architecture calling conventions"). On
 * other processors there is no raw_clone(), so that children have a copy of our memory
 * (RAW_CLONE is 0), and the C library does.
 */
#ifndef USHERD_EXEC_RAW_H
#define USHERD_EXEC_RAW_H

#include <errno.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* RAW_CALL(number, up to six arguments): integers or pointers. */
#define RAW_CALL(...) RAW_CALL_SIX(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define RAW_CALL_SIX(number, a, b, c, d, e, f, ...)                                      \
	raw_call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/*
 * clone(2) for a process of its own that begins in @entry, which must not return, with
 * @argument on the stack that ends at @stack_top (aligned to 16). With
 * CLONE_CHILD_CLEARTID in @flags the kernel zeroes @tid and wakes who waits for it when
 * the child leaves our memory. Returns the pid or a negative errno.
 */
#if defined(__x86_64__) && defined(__LP64__)

#define RAW_CLONE 1

static inline int raw_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result = number;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return (int)result;
}

static inline pid_t raw_clone(unsigned long flags, char *stack_top, _Atomic int *tid,
			      void (*entry)(void *), void *argument)
{
	register _Atomic int *r10 __asm__("r10") = tid;
	register long r8 __asm__("r8") = 0;
	register void (*r12)(void *) __asm__("r12") = entry;
	register void *r13 __asm__("r13") = argument;
	long result = SYS_clone;

	/* What the child overwrites is its own: we jump over it. */
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "hlt\n"
			 "1:"
			 : "+a"(result)
			 : "D"(flags), "S"(stack_top), "d"(0L), "r"(r10), "r"(r8),
			   "r"(r12), "r"(r13)
			 : "rcx", "r11", "cc", "memory");
	return (pid_t)result;
}

#elif defined(__aarch64__) && defined(__LP64__)

#define RAW_CLONE 1

static inline int raw_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return (int)x0;
}

static inline pid_t raw_clone(unsigned long flags, char *stack_top, _Atomic int *tid,
			      void (*entry)(void *), void *argument)
{
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = (long)flags;
	register char *x1 __asm__("x1") = stack_top;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register _Atomic int *x4 __asm__("x4") = tid;
	register void (*x19)(void *) __asm__("x19") = entry;
	register void *x20 __asm__("x20") = argument;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x20\n\t"
			 "blr x19\n\t"
			 "brk 1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x19), "r"(x20)
			 : "cc", "memory");
	return (pid_t)x0;
}

#else

#define RAW_CLONE 0

static inline int raw_call(long number, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(number, a, b, c, d, e, f);

	return result == -1 ? -errno : (int)result;
}

#endif

/* Does not return, but is not declared so: before such a call a sanitizer looks after the
 * stack of the thread that it takes us for. */
static inline void raw_exit(int status)
{
	for (;;)
		(void)RAW_CALL(SYS_exit_group, status);
}

#endif
