/* SPDX-License-Identifier: ISC */
/*
 * Making the process that becomes a program. What the child does is steps.c's, what has
 * become of it outcome.c's; who may start what is decided elsewhere.
 */
#include "usherd/exec/spawn.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "exec_internal.h"
#include "raw.h"
#include "usherd/base/fd.h"

#define EXIT_NOT_STARTED 127

#define DUMPABLE_PATH    "/proc/sys/fs/suid_dumpable"

struct spawner {
	const char *objection; /* NULL: memory is shared */
	bool started;
	struct signal_list resets;
	struct slots slots;
};

static bool has_default_action(int signo)
{
	unsigned long kernel[8] = { 0 };
	struct sigaction action;

	if (sigaction(signo, NULL, &action) == 0)
		return action.sa_handler == SIG_DFL;
	/* Those that the C library keeps to itself. The kernel's struct differs between
	 * architectures; one never set is all zero in each. EINVAL: there is none. */
	if (RAW_CALL(SYS_rt_sigaction, signo, NULL, kernel, KERNEL_MASK_SIZE) < 0)
		return true;
	for (size_t i = 0; i < sizeof(kernel) / sizeof(kernel[0]); i++)
		if (kernel[i] != 0)
			return false;
	return true;
}

static void list_signals(struct signal_list *list)
{
	for (int signo = 1; signo <= KERNEL_SIGNALS; signo++)
		if (!has_default_action(signo))
			list->signos[list->count++] = (unsigned char)signo;
}

static void walk(void *argument)
{
	struct stage *stage = argument;

	steps_walk(&stage->start, &stage->progress);
	raw_exit(EXIT_NOT_STARTED);
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

static pid_t fork_walking(const struct slot *slot)
{
	pid_t pid = fork();

	if (pid == 0) {
		steps_walk(&slot->stage->start, slot->progress);
		raw_exit(EXIT_NOT_STARTED);
	}
	return pid == -1 ? -errno : pid;
}

/* The progress is mapped for this start alone, and no later fork gets it: a worker could
 * write to it. */
static pid_t start_forked(struct slot *slot)
{
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ends[2];
	pid_t pid;
	int r;

	if (progress == MAP_FAILED)
		return -errno;
	slot->progress = progress;
	r = open_pipe(ends);
	if (r < 0)
		return r;
	slot->pipe = ends[0];
	pid = fork_walking(slot);
	fd_close(&ends[1]);
	(void)madvise(progress, sizeof(*progress), MADV_DONTFORK);
	return pid;
}

static pid_t start(const struct spawner *spawner, struct slot *slot)
{
	if (spawner->objection == NULL && slot->plan->technique == TECHNIQUE_SHARED)
		return sharing_clone(slot, 0, walk, slot->stage);
	return start_forked(slot);
}

/* All that the child will look at has its place in the slot or belongs to the plan. */
static void fill_stage(const struct spawner *spawner, struct slot *slot,
		       const struct invocation *invocation)
{
	const struct plan *plan = slot->plan;

	slot->stage->start = (struct start){
		.program = plan_program(plan),
		.fd = invocation->fd,
		.stderr_fd = invocation->stderr_fd,
		.arguments = plan_arguments(plan),
		.environment = plan_environment(plan, invocation, slot->room),
		.resets = spawner->resets,
	};
}

int spawn_begin(struct spawner *spawner, struct plan *plan,
		const struct invocation *invocation, struct attempt *attempt,
		struct error *err)
{
	int saved = errno;
	struct signal_mask old;
	struct slot *slot;
	pid_t pid = slots_take(&spawner->slots, plan, attempt, &slot);

	if (pid == 0) {
		if (!spawner->started)
			list_signals(&spawner->resets);
		spawner->started = true;
		fill_stage(spawner, slot, invocation);
		signals_block(&old);
		pid = start(spawner, slot);
		signals_restore(&old);
		slot->pid = pid;
		attempt->pid = pid;
		if (pid < 0)
			slots_release(&spawner->slots, slot);
	}
	errno = saved;
	return pid < 0 ? error_set_errno(err, pid, "step clone") : 0;
}

int spawner_new(struct spawner **ret, struct error *err)
{
	struct spawner *spawner = calloc(1, sizeof(*spawner));
	struct utsname system = { .release = "" };
	int r = 0;

	if (spawner == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	(void)uname(&system);
	slots_init(&spawner->slots);
	spawner->objection = sharing_objection(DUMPABLE_PATH, system.release);
	if (spawner->objection == NULL)
		r = sharing_try(&spawner->slots.items[0]);
	if (r == -ENOSYS) {
		spawner->objection = "the kernel does not share memory";
	} else if (r < 0) {
		spawner_free(spawner);
		return error_set_errno(err, r, "cannot prepare for starting programs");
	}
	if (spawner->objection == NULL && geteuid() == 0)
		(void)prctl(PR_SET_DUMPABLE, 0);
	*ret = spawner;
	return 0;
}

void spawner_free(struct spawner *spawner)
{
	if (spawner == NULL)
		return;
	slots_done(&spawner->slots);
	free(spawner);
}

const char *spawner_objection(const struct spawner *spawner)
{
	return spawner->objection;
}

void spawner_drain(struct spawner *spawner, unsigned ms)
{
	slots_drain(&spawner->slots, ms);
}

const char *spawn_step_name(unsigned index)
{
	return index < exec_step_count ? exec_steps[index].name : NULL;
}
