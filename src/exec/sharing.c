/* SPDX-License-Identifier: ISC */
/*
 * Whether a child may share our memory until exec, and the one who does.
 */
#include "exec_internal.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "raw.h"
#include "usherd/base/fd.h"

/* waitpid(2) without WNOHANG could hang: a child that exits first closes its files. */
#define REAP_PAUSE_NS 50000L
#define REAP_PAUSES   10000

#define HAS(data, capability)                                                            \
	(((data)[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHARING_ASAN 1
#endif
#if __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define SHARING_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SHARING_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define SHARING_SANITIZED 1
#endif
#ifdef SHARING_ASAN
#include <sanitizer/asan_interface.h>
#endif

/* Without the file: the kernel's default, 0; proc(5). */
static char read_dumpable(const char *path)
{
	char value = '0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return value;
	if (read(fd, &value, sizeof(value)) != sizeof(value))
		value = '0';
	fd_close(&fd);
	return value;
}

/* Until Linux 5.16 a process that dumps core ends all that share its memory; what cannot
 * be read is taken for old. */
static bool dumps_end_all(const char *release)
{
	unsigned major = 0;
	unsigned minor = 0;

	if (sscanf(release, "%u.%u", &major, &minor) != 2) /* NOLINT(cert-err34-c) */
		return true;
	return major < 5 || (major == 5 && minor < 16);
}

/* A daemon that was lent the right to change ids has not always that to kill. */
static bool may_kill_children(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (RAW_CALL(SYS_capget, &header, data) < 0)
		return false;
	return HAS(data, CAP_KILL) || !HAS(data, CAP_SETUID);
}

/* Do instrumented functions write to their thread's storage? */
static bool frames_are_tracked(void)
{
#if defined(SHARING_SANITIZED)
	return true;
#elif defined(SHARING_ASAN)
	return __asan_get_current_fake_stack() != NULL;
#else
	return false;
#endif
}

const char *sharing_objection(const char *dumpable_path, const char *release)
{
	char dumpable = read_dumpable(dumpable_path);

	if (!RAW_CLONE)
		return "this processor is not known";
	if (frames_are_tracked())
		return "a sanitizer keeps track of stack frames";
	if (dumpable == '1')
		return "fs.suid_dumpable is 1";
	if (dumpable == '2' && dumps_end_all(release))
		return "fs.suid_dumpable is 2 and Linux older than 5.16";
	if (!may_kill_children())
		return "there is no right to kill";
	return NULL;
}

void signals_block(struct signal_mask *ret_old)
{
	struct signal_mask all;

	memset(&all, 0xff, sizeof(all));
	(void)RAW_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, ret_old, KERNEL_MASK_SIZE);
}

void signals_restore(const struct signal_mask *old)
{
	(void)RAW_CALL(SYS_rt_sigprocmask, SIG_SETMASK, old, NULL, KERNEL_MASK_SIZE);
}

pid_t sharing_clone(const struct slot *slot, unsigned long flags, void (*entry)(void *),
		    void *argument)
{
#if RAW_CLONE
	_Atomic int *busy = &slot->stage->progress.busy;
	pid_t pid;

	atomic_store(busy, 1);
	pid = raw_clone(flags | CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD,
			(char *)slot->stage, busy, entry, argument);
	if (pid < 0)
		atomic_store(busy, 0);
	return pid;
#else
	(void)slot;
	(void)flags;
	(void)entry;
	(void)argument;
	return -ENOSYS;
#endif
}

static void leave_mark(void *argument)
{
	bool *mark = argument;

	*mark = true;
	raw_exit(0);
}

static void reap(pid_t pid)
{
	const struct timespec pause = { .tv_nsec = REAP_PAUSE_NS };

	for (unsigned i = 0; i < REAP_PAUSES && waitpid(pid, NULL, WNOHANG) == 0; i++)
		(void)nanosleep(&pause, NULL);
}

/*
 * Does a child leave its marks in our memory, and does the kernel its own? valgrind and
 * qemu's user mode take CLONE_VM|CLONE_VFORK for a plain fork (and CLONE_VM alone for an
 * error, so this is the way to ask). With our ids and no step to take it ends by itself.
 */
int sharing_try(struct slot *slot)
{
	bool mark = false;
	struct signal_mask old;
	pid_t pid;
	int r = slot_make_ready(slot, 0);

	if (r < 0)
		return r;
	signals_block(&old);
	pid = sharing_clone(slot, CLONE_VFORK, leave_mark, &mark);
	signals_restore(&old);
	if (pid < 0)
		return pid;
	reap(pid);
	return mark && atomic_load(&slot->stage->progress.busy) == 0 ? 0 : -ENOSYS;
}
