/* SPDX-License-Identifier: ISC */
/*
 * System calls for programs without a C library (-nostdlib -static). Such a program
 * starts in a fraction of the time that one with a dynamic linker needs, which hides what
 * the server costs: on some virtual machines the C library's start alone takes more than
 * the server's whole work.
 */
#ifndef USHERD_BENCH_BARE_H
#define USHERD_BENCH_BARE_H

#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result = number;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static inline long call6(long number, long a, long b, long c, long d, long e, long f)
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
	return x0;
}
#else
#error "no system calls for this processor"
#endif

static inline long bare_read(int fd, void *buffer, unsigned long size)
{
	return call6(SYS_read, fd, (long)buffer, (long)size, 0, 0, 0);
}

static inline long bare_write(int fd, const void *buffer, unsigned long size)
{
	return call6(SYS_write, fd, (long)buffer, (long)size, 0, 0, 0);
}

_Noreturn static inline void bare_exit(int status)
{
	for (;;)
		(void)call6(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

/* A line from descriptor 0 to descriptor 1. */
static inline void bare_answer_line(void)
{
	char buffer[512];
	unsigned long length = 0;

	while (length < sizeof(buffer)) {
		long got = bare_read(0, buffer + length, sizeof(buffer) - length);

		if (got <= 0)
			break;
		length += (unsigned long)got;
		if (buffer[length - 1] == '\n')
			break;
	}
	(void)bare_write(1, buffer, length);
}

#endif
