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

/* As in steps.c: all signals, those the C library keeps to itself included. */
#define KERNEL_MASK_SIZE ((_NSIG - 1) / 8)

#define EXIT_NOT_STARTED 127

#define DUMPABLE_PATH    "/proc/sys/fs/suid_dumpable"

struct spawner {
	bool sharing;
	struct stack stack; /* of children that share our memory */
};

struct errand {
	const struct start *start;
	struct progress *progress;
};

struct signal_mask {
	unsigned char bytes[KERNEL_MASK_SIZE];
};

/* How a start went, once nobody waits for it any more. */
struct result {
	pid_t pid;     /* or the negative errno that no process was made for */
	unsigned step; /* as in struct progress */
	int error;
	struct outcome outcome;
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

/* Run @entry in a process that has our memory; its return is the exit. Returns the pid
 * or a negative errno. */
static pid_t clone_shared(const struct stack *stack, int flags, int (*entry)(void *),
			  void *argument)
{
	struct progress *progress = stack->progress;
	pid_t pid;

	atomic_store(&progress->busy, 1);
	pid = clone(entry, stack->top, flags | CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD,
		    argument, NULL, NULL, &progress->busy);
	return pid == -1 ? -errno : pid;
}

static void take_down(struct result *result, pid_t pid, const struct progress *progress)
{
	result->pid = pid;
	result->step = atomic_load(&progress->step);
	result->error = atomic_load(&progress->error);
}

static int walk(void *argument)
{
	const struct errand *errand = argument;

	steps_walk(errand->start, errand->progress);
	return EXIT_NOT_STARTED;
}

static void start_shared(struct stack *stack, const struct start *start,
			 struct result *ret)
{
	struct progress *progress = stack->progress;
	struct errand errand = { start, progress };
	int dumpable = prctl(PR_GET_DUMPABLE);
	pid_t pid;

	atomic_store(&progress->step, 0);
	atomic_store(&progress->error, 0);
	pid = clone_shared(stack, 0, walk, &errand);
	if (pid > 0)
		ret->outcome = await_child(&(struct awaited){ pid, progress, -1 });
	take_down(ret, pid, progress);
	/* The child has changed the flag of the memory it was in: ours too. Where it is
	 * still there, the flag keeps others of its uid out. */
	if (ret->outcome.remains)
		stack_abandon(stack);
	else if (dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1);
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

static pid_t fork_walking(const struct start *start, struct progress *progress)
{
	pid_t pid = fork();

	if (pid == 0) {
		steps_walk(start, progress);
		_exit(EXIT_NOT_STARTED);
	}
	return pid == -1 ? -errno : pid;
}

/* The progress is mapped for this start alone: what is shared with every later fork, a
 * worker could write to. */
static void start_forked(const struct start *start, struct result *ret)
{
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ends[2];
	pid_t pid = progress == MAP_FAILED ? -errno : open_pipe(ends);

	if (pid == 0) {
		pid = fork_walking(start, progress);
		fd_close(&ends[1]);
		if (pid > 0)
			ret->outcome =
				await_child(&(struct awaited){ pid, progress, ends[0] });
		fd_close(&ends[0]);
		take_down(ret, pid, progress);
	}
	ret->pid = pid;
	if (progress != MAP_FAILED)
		(void)munmap(progress, sizeof(*progress));
}

static bool has_started(const struct result *result)
{
	/* Or was killed in the very exec: the same to a reaper. */
	return result->outcome.error == 0 && result->error == 0 &&
	       result->step == exec_step_count - 1;
}

/* What the step itself has reported goes before what became of the child after it. */
static int describe(const struct result *result, int status, struct error *err)
{
	const char *name = exec_steps[result->step].name;
	const char *meaning = steps_explain(result->step, result->error);

	if (meaning != NULL)
		return error_set(err, result->error, "step %s: %s (%s)", name,
				 strerror(-result->error), meaning);
	if (result->error != 0)
		return error_set_errno(err, result->error, "step %s", name);
	if (result->outcome.error == -ETIMEDOUT)
		return error_set(err, -ETIMEDOUT, "step %s: not done within %d ms%s",
				 name, SPAWN_DEADLINE_MS,
				 result->outcome.remains ? " and cannot be killed" : "");
	if (result->outcome.error != 0)
		return error_set(err, result->outcome.error,
				 "step %s: stopped by a signal", name);
	return error_set(err, -EINTR, "step %s: killed by signal %d", name,
			 WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static int conclude(const struct result *result, pid_t *ret_pid, struct error *err)
{
	int status;

	if (result->pid < 0)
		return error_set_errno(err, result->pid, "step clone");
	if (has_started(result)) {
		*ret_pid = result->pid;
		return 0;
	}
	status = result->outcome.remains ? 0 : await_status(result->pid);
	return describe(result, status, err);
}

static int prepare(struct spawner *spawner, struct error *err)
{
	int r = spawner->sharing ? stack_ready(&spawner->stack) : 0;

	if (r == -EAGAIN && spawner->stack.abandoned == STACKS_ABANDONED_MAX)
		return error_set(err, r, "step clone: %d earlier starts hang for ever",
				 STACKS_ABANDONED_MAX);
	return r < 0 ? error_set_errno(err, r, "step clone") : 0;
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
	struct result result = { 0 };
	int saved = errno;
	struct signal_mask old;
	int r = prepare(spawner, err);

	if (r == 0) {
		block_signals(&old);
		if (spawner->sharing)
			start_shared(&spawner->stack, &start, &result);
		else
			start_forked(&start, &result);
		restore_signals(&old);
		r = conclude(&result, ret_pid, err);
	}
	errno = saved;
	return r;
}

static int leave_mark(void *argument)
{
	bool *mark = argument;

	*mark = true;
	return 0;
}

/*
 * Does a child leave its marks in our memory, and does the kernel its own? valgrind and
 * qemu's user mode take CLONE_VM|CLONE_VFORK for a plain fork (and CLONE_VM alone for an
 * error, so this is the way to ask). With our ids and no step to take it ends by itself.
 * Returns 0, -ENOSYS if not, or another negative errno.
 */
static int try_sharing(struct stack *stack)
{
	bool mark = false;
	struct signal_mask old;
	pid_t pid;
	int r = stack_ready(stack);

	if (r < 0)
		return r;
	block_signals(&old);
	pid = clone_shared(stack, CLONE_VFORK, leave_mark, &mark);
	restore_signals(&old);
	if (pid < 0)
		return pid;
	(void)await_status(pid);
	return mark && atomic_load(&stack->progress->busy) == 0 ? 0 : -ENOSYS;
}

static int make_spawner(bool sharing, struct spawner **ret, struct error *err)
{
	struct spawner *spawner = calloc(1, sizeof(*spawner));
	int r;

	if (spawner == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	r = sharing ? try_sharing(&spawner->stack) : -ENOSYS;
	spawner->sharing = r == 0;
	if (!spawner->sharing)
		stack_done(&spawner->stack);
	if (r < 0 && r != -ENOSYS) {
		spawner_free(spawner);
		return error_set_errno(err, r, "cannot prepare for starting programs");
	}
	*ret = spawner;
	return 0;
}

int spawner_new(struct spawner **ret, struct error *err)
{
	return make_spawner(sharing_is_safe(DUMPABLE_PATH), ret, err);
}

int spawner_new_forking(struct spawner **ret, struct error *err)
{
	return make_spawner(false, ret, err);
}

void spawner_free(struct spawner *spawner)
{
	if (spawner == NULL)
		return;
	stack_done(&spawner->stack);
	free(spawner);
}

const char *spawn_step_name(unsigned index)
{
	return index < exec_step_count ? exec_steps[index].name : NULL;
}
