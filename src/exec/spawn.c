/* SPDX-License-Identifier: ISC */
/*
 * Making the process that becomes a program, and hearing how it went. What the child
 * does is steps.c's; who may start what is decided elsewhere.
 */
#include "usherd/exec/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec_internal.h"
#include "usherd/base/fd.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPAWN_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SPAWN_ASAN 1
#endif
#ifdef SPAWN_ASAN
#include <sanitizer/asan_interface.h>
#endif

/* Room for the deepest step: 4 kB of groups and what an instrumented build adds. */
#define STACK_SIZE ((size_t)64 * 1024)

/* As in steps.c: all signals, those the C library keeps to itself included. */
#define KERNEL_MASK_SIZE ((_NSIG - 1) / 8)

#define EXIT_NOT_STARTED 127

struct spawner {
	char *stack; /* owned mapping: guard page, then STACK_SIZE; NULL when forking */
	size_t guard_size;
	struct progress *progress; /* owned mapping, shared with children of any kind */
};

struct errand {
	const struct start *start;
	struct progress *progress;
};

struct signal_mask {
	unsigned char bytes[KERNEL_MASK_SIZE];
};

/* No handler may run while a child is in our memory, nor in that child. */
static void block_signals(struct signal_mask *ret_old)
{
	struct signal_mask all;

	memset(&all, 0xff, sizeof(all));
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, ret_old, KERNEL_MASK_SIZE);
}

static void restore_signals(const struct signal_mask *old)
{
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, old, NULL, KERNEL_MASK_SIZE);
}

/* What the frames of a child that never returned have left in the sanitizer's map would
 * be taken for errors of the next. */
static void forget_frames(const struct spawner *spawner)
{
#ifdef SPAWN_ASAN
	__asan_unpoison_memory_region(spawner->stack + spawner->guard_size, STACK_SIZE);
#else
	(void)spawner;
#endif
}

/* Run @entry in a process that has our memory and lets us wait until it has execed or
 * ended. The return of @entry is the exit. Returns the pid or a negative errno. */
static pid_t clone_shared(const struct spawner *spawner, int (*entry)(void *),
			  void *argument)
{
	char *top = spawner->stack + spawner->guard_size + STACK_SIZE;
	int dumpable = prctl(PR_GET_DUMPABLE);
	pid_t pid;

	forget_frames(spawner);
	pid = clone(entry, top, CLONE_VM | CLONE_VFORK | SIGCHLD, argument);
	if (pid == -1)
		return -errno;
	/* A change of ids clears the flag in the memory it was made in: ours too. The
	 * child has left that memory by now. */
	if (dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1);
	return pid;
}

static int walk(void *argument)
{
	const struct errand *errand = argument;

	steps_walk(errand->start, errand->progress);
	return EXIT_NOT_STARTED;
}

static pid_t start_shared(const struct spawner *spawner, const struct start *start)
{
	struct errand errand = { start, spawner->progress };

	return clone_shared(spawner, walk, &errand);
}

/* The ends of a pipe, the writing one where no step puts a descriptor. */
static int open_pipe(int ends[2])
{
	int lifted;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return -errno;
	lifted = fcntl(ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (lifted == -1) {
		int r = -errno;

		fd_close(&ends[0]);
		fd_close(&ends[1]);
		return r;
	}
	fd_close(&ends[1]);
	ends[1] = lifted;
	return 0;
}

/* Until exec or exit has closed the other end. Nothing is ever written. */
static void await_end(int fd)
{
	char byte;

	while (read(fd, &byte, sizeof(byte)) == -1 && errno == EINTR)
		;
}

static pid_t start_forked(const struct spawner *spawner, const struct start *start)
{
	int ends[2];
	pid_t pid;
	int r = open_pipe(ends);

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0) {
		steps_walk(start, spawner->progress);
		_exit(EXIT_NOT_STARTED);
	}
	r = pid == -1 ? -errno : 0;
	fd_close(&ends[1]);
	if (pid != -1)
		await_end(ends[0]);
	fd_close(&ends[0]);
	return pid == -1 ? r : pid;
}

/* Returns the wait status, or 0 if somebody ignores SIGCHLD and there is none. */
static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return 0;
	return status;
}

static int describe(const struct progress *progress, int status, struct error *err)
{
	const char *name = exec_steps[progress->step].name;
	const char *meaning = steps_explain(progress->step, progress->error);
	int code = progress->error;

	if (code == 0)
		return error_set(err, -EINTR, "step %s: killed by signal %d", name,
				 WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	if (meaning != NULL)
		return error_set(err, code, "step %s: %s (%s)", name, strerror(-code),
				 meaning);
	return error_set_errno(err, code, "step %s", name);
}

int spawn_program(struct spawner *spawner, struct plan *plan,
		  const struct invocation *invocation, pid_t *ret_pid, struct error *err)
{
	const struct start start = {
		.program = plan_program(plan),
		.invocation = invocation,
		.arguments = plan_arguments(plan),
		.environment = plan_environment(plan, invocation),
	};
	const struct progress *progress = spawner->progress;
	int saved = errno;
	struct signal_mask old;
	int result = 0;
	pid_t pid;

	*spawner->progress = (struct progress){ 0 };
	block_signals(&old);
	pid = spawner->stack != NULL ? start_shared(spawner, &start)
				     : start_forked(spawner, &start);
	restore_signals(&old);
	if (pid < 0)
		result = error_set_errno(err, pid, "step clone");
	else if (progress->error == 0 && progress->step == exec_step_count - 1)
		*ret_pid = pid; /* or killed in the very exec: the same to a reaper */
	else
		result = describe(progress, reap(pid), err);
	errno = saved;
	return result;
}

static int map_progress(struct spawner *spawner)
{
	void *memory = mmap(NULL, sizeof(*spawner->progress), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	spawner->progress = memory;
	return 0;
}

static void unmap_stack(struct spawner *spawner)
{
	if (spawner->stack != NULL)
		(void)munmap(spawner->stack, spawner->guard_size + STACK_SIZE);
	spawner->stack = NULL;
}

static int map_stack(struct spawner *spawner)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, guard + STACK_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	spawner->stack = memory;
	spawner->guard_size = guard;
	if (mprotect(memory, guard, PROT_NONE) == -1) {
		int r = -errno;

		unmap_stack(spawner);
		return r;
	}
	return 0;
}

static int leave_mark(void *argument)
{
	bool *mark = argument;

	*mark = true;
	return 0;
}

/*
 * Does a child leave its marks in our memory, and do we see them when clone returns?
 * valgrind and qemu's user mode take CLONE_VM|CLONE_VFORK for a plain fork. Returns 0,
 * -ENOSYS if not, or another negative errno.
 */
static int try_sharing(const struct spawner *spawner)
{
	bool mark = false;
	struct signal_mask old;
	pid_t pid;

	block_signals(&old);
	pid = clone_shared(spawner, leave_mark, &mark);
	restore_signals(&old);
	if (pid < 0)
		return pid;
	(void)reap(pid);
	return mark ? 0 : -ENOSYS;
}

/* A stack for children that share our memory; none where they do not. */
static int prepare_sharing(struct spawner *spawner)
{
	int r = map_stack(spawner);

	if (r == 0)
		r = try_sharing(spawner);
	if (r != -ENOSYS)
		return r;
	unmap_stack(spawner);
	return 0;
}

static int make_spawner(bool sharing, struct spawner **ret, struct error *err)
{
	struct spawner *spawner = calloc(1, sizeof(*spawner));
	int r;

	if (spawner == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	r = map_progress(spawner);
	if (r == 0 && sharing)
		r = prepare_sharing(spawner);
	if (r < 0) {
		spawner_free(spawner);
		return error_set_errno(err, r, "cannot prepare for starting programs");
	}
	*ret = spawner;
	return 0;
}

int spawner_new(struct spawner **ret, struct error *err)
{
	return make_spawner(true, ret, err);
}

int spawner_new_forking(struct spawner **ret, struct error *err)
{
	return make_spawner(false, ret, err);
}

void spawner_free(struct spawner *spawner)
{
	if (spawner == NULL)
		return;
	unmap_stack(spawner);
	if (spawner->progress != NULL)
		(void)munmap(spawner->progress, sizeof(*spawner->progress));
	free(spawner);
}

const char *spawn_step_name(unsigned index)
{
	return index < exec_step_count ? exec_steps[index].name : NULL;
}
