/* SPDX-License-Identifier: ISC */
/*
 * The steps between clone(2) and execve(2), in order. Everything here runs in the child,
 * mostly in the parent's memory while that goes on: raw system calls, nothing of the C
 * library, nothing written but the child's stack and its progress. outcome.c words what
 * has become of it.
 */
#include "exec_internal.h"

#include <sys/prctl.h>

#include "raw.h"
#include "usherd/exec/privileges.h"

static int apply_session(const struct start *start)
{
	(void)start;
	return RAW_CALL(SYS_setsid);
}

/*
 * Ignored signals stay ignored across exec, and a handler of the daemon must not run in
 * a child that shares its memory: they go to default while they are still blocked. The
 * daemon has few of either, and knows which.
 */
static int apply_signals(const struct start *start)
{
	/* The kernel's struct sigaction differs between architectures; all of them are
	 * smaller than this, and SIG_DFL without flags or mask is all zero in each. */
	static const unsigned long defaults[8] = { 0 };

	for (unsigned i = 0; i < start->resets.count; i++) {
		int r = RAW_CALL(SYS_rt_sigaction, start->resets.signos[i], defaults,
				 NULL, KERNEL_MASK_SIZE);

		/* EINVAL: what an emulator keeps for itself. */
		if (r < 0 && r != -EINVAL)
			return r;
	}
	return 0;
}

static int apply_chroot(const struct start *start)
{
	const char *path = start->program->chroot;

	return path == NULL ? 0 : RAW_CALL(SYS_chroot, path);
}

/* Always taken: after chroot the old directory would be a way out, chroot(2). */
static int apply_directory(const struct start *start)
{
	const char *path = start->program->directory;

	return RAW_CALL(SYS_chdir, path == NULL ? "/" : path);
}

static int apply_groups(const struct start *start)
{
	return privileges_set_groups(&start->program->credentials);
}

static int apply_gid(const struct start *start)
{
	return privileges_set_gid(&start->program->credentials);
}

/*
 * From here on others may send signals. Memory that is the daemon's as well, or a copy of
 * it, must not be dumped for one, nor be open to ptrace(2): the change of ids has set the
 * flag to fs.suid_dumpable, which may be 2. Exec sets it anew.
 */
static int apply_uid(const struct start *start)
{
	const struct credentials *credentials = &start->program->credentials;
	int r = privileges_set_uid(credentials);

	if (r < 0 || !credentials->change)
		return r;
	return RAW_CALL(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int apply_capabilities(const struct start *start)
{
	return privileges_clear_capabilities(&start->program->credentials);
}

static int apply_proof(const struct start *start)
{
	return privileges_prove(&start->program->credentials);
}

/* Signals are let in only now, when nothing of the daemon's is left to be hurt. */
static int apply_exec(const struct start *start)
{
	static const unsigned char none[KERNEL_MASK_SIZE] = { 0 };
	int r = RAW_CALL(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, KERNEL_MASK_SIZE);

	if (r < 0)
		return r;
	return RAW_CALL(SYS_execve, start->program->path, start->arguments,
			start->environment);
}

const struct step exec_steps[] = {
	{ "session", apply_session },
	{ "signals", apply_signals },
	{ "descriptors", descriptors_apply },
	{ "chroot", apply_chroot },
	{ "directory", apply_directory },
	{ "limits", limits_apply },
	{ "nice", limits_apply_nice },
	{ "umask", limits_apply_umask },
	{ "groups", apply_groups },
	{ "gid", apply_gid },
	{ "uid", apply_uid },
	{ "capabilities", apply_capabilities },
	{ "proof", apply_proof },
	{ "exec", apply_exec },
};

const unsigned exec_step_count = sizeof(exec_steps) / sizeof(exec_steps[0]);

static const struct {
	int (*apply)(const struct start *start);
	int error;
	const char *meaning;
} explanations[] = {
	{ apply_proof, -EPERM, "the old rights could come back" },
	{ apply_exec, -ENOENT, "the program or its interpreter is missing" },
	{ apply_exec, -ENOEXEC, "neither a binary for this machine nor a '#!' script" },
	/* execve(2): the change of uid went past the limit, exec is where it shows. */
	{ apply_exec, -EAGAIN, "rlimit_nproc of the user is used up" },
};

void steps_walk(const struct start *start, struct progress *progress)
{
	for (unsigned i = 0; i < exec_step_count; i++) {
		int r;

		atomic_store_explicit(&progress->step, i, memory_order_release);
		r = exec_steps[i].apply(start);
		if (r < 0) {
			atomic_store_explicit(&progress->error, r, memory_order_release);
			return;
		}
	}
}

const char *steps_explain(unsigned step, int error)
{
	for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++)
		if (explanations[i].apply == exec_steps[step].apply &&
		    explanations[i].error == error)
			return explanations[i].meaning;
	return NULL;
}
