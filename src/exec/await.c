/* SPDX-License-Identifier: ISC */
/*
 * Waiting for a child between clone(2) and execve(2), but not for ever. From its step
 * uid on it can be stopped by any process of that uid, and a file system that hangs can
 * hold it in any step that takes a path; a parent that let itself be suspended
 * (CLONE_VFORK) or read from a pipe would hang with it.
 */
#include "exec_internal.h"

#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "usherd/base/clock.h"
#include "usherd/exec/spawn.h"

/* A start mostly ends in the first slice; after each the child is looked at. */
#define SLICE_MS         5
#define GRACE_SLICES     40 /* after SIGKILL */

#define FIRST_PAUSE_NS   50000L
#define LONGEST_PAUSE_NS 12800000L
#define PAUSES           48 /* half a second in all */

#if (defined(__x86_64__) || defined(__aarch64__)) && defined(__LP64__)
#define CAN_WAIT_QUIETLY true
#else
#define CAN_WAIT_QUIETLY false
#endif

enum state {
	STATE_RUNNING,
	STATE_STOPPED,
	STATE_GONE, /* a zombie, or nothing at all */
};

static const struct timespec slice = { .tv_nsec = SLICE_MS * 1000000L };

/*
 * FUTEX_WAIT for one slice while @word is @value, past the C library: that would note the
 * end of the slice in errno, which is the child's errno too, as it shares our thread's
 * storage, and it may be about to read it. Not FUTEX_PRIVATE: the kernel's wake at the
 * child's exec is none. The result says nothing that the word does not.
 */
static void futex_wait_quietly(const _Atomic int *word, int value)
{
#if defined(__x86_64__) && defined(__LP64__)
	register const struct timespec *timeout __asm__("r10") = &slice;
	long result = SYS_futex;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(word), "S"((long)FUTEX_WAIT), "d"((long)value),
			   "r"(timeout)
			 : "rcx", "r11", "memory");
#elif defined(__aarch64__) && defined(__LP64__)
	register long number __asm__("x8") = SYS_futex;
	register long result __asm__("x0") = (long)word;
	register long operation __asm__("x1") = FUTEX_WAIT;
	register long expected __asm__("x2") = value;
	register const struct timespec *timeout __asm__("x3") = &slice;

	__asm__ volatile("svc 0"
			 : "+r"(result)
			 : "r"(number), "r"(operation), "r"(expected), "r"(timeout)
			 : "memory");
#else
	(void)word;
	(void)value;
#endif
}

bool await_can_share(void)
{
	return CAN_WAIT_QUIETLY;
}

static bool has_left(const struct awaited *awaited, int wait_ms)
{
	struct pollfd entry = { .fd = awaited->pipe, .events = POLLIN };
	int r;

	if (awaited->pipe == -1)
		return atomic_load(&awaited->progress->busy) == 0;
	/* Nothing is ever written. */
	r = poll(&entry, 1, wait_ms);
	if (r == -1 && wait_ms > 0)
		(void)nanosleep(&slice, NULL); /* ENOMEM: a slice without news */
	return r > 0;
}

static bool leaves_within_slice(const struct awaited *awaited)
{
	int busy;

	if (awaited->pipe != -1)
		return has_left(awaited, SLICE_MS);
	busy = atomic_load(&awaited->progress->busy);
	if (busy != 0)
		futex_wait_quietly(&awaited->progress->busy, busy);
	return has_left(awaited, 0);
}

/* Its end too: where a dump was made, the word is not zeroed before Linux 5.16. */
static enum state look(pid_t pid)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) == -1)
		return STATE_GONE;
	if (info.si_pid == 0)
		return STATE_RUNNING;
	return info.si_code == CLD_STOPPED ? STATE_STOPPED : STATE_GONE;
}

static struct outcome put_an_end_to(const struct awaited *awaited, int error)
{
	struct outcome outcome = { .error = error, .remains = true };

	(void)kill(awaited->pid, SIGKILL);
	for (unsigned i = 0; i < GRACE_SLICES && outcome.remains; i++)
		outcome.remains =
			!leaves_within_slice(awaited) && look(awaited->pid) != STATE_GONE;
	return outcome;
}

struct outcome await_child(const struct awaited *awaited)
{
	uint64_t deadline = clock_monotonic_ns() + SPAWN_DEADLINE_MS * CLOCK_NS_PER_MS;

	while (!leaves_within_slice(awaited)) {
		enum state state = look(awaited->pid);

		/* What happens to it after the exec is no longer our concern. */
		if (state == STATE_GONE || has_left(awaited, 0))
			break;
		if (state == STATE_STOPPED)
			return put_an_end_to(awaited, -EINTR);
		if (clock_monotonic_ns() >= deadline)
			return put_an_end_to(awaited, -ETIMEDOUT);
	}
	return (struct outcome){ 0 };
}

/* waitpid(2) without WNOHANG could hang: a child that exits first closes its files. */
int await_status(pid_t pid)
{
	struct timespec pause = { .tv_nsec = FIRST_PAUSE_NS };

	for (unsigned i = 0; i < PAUSES; i++) {
		int status = 0;
		pid_t ended = waitpid(pid, &status, WNOHANG);

		if (ended != 0)
			return ended == pid ? status : 0;
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < LONGEST_PAUSE_NS)
			pause.tv_nsec *= 2;
	}
	return 0;
}
