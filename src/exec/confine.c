/* SPDX-License-Identifier: ISC */
/*
 * What a worker gives up, as a table of measures. Serves nothing, knows nothing of
 * listeners; the list of system calls is confine_syscalls.c's.
 */
#include "usherd/exec/confine.h"

#include <cap-ng.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec_internal.h"
#include "raw.h"
#include "usherd/base/fd.h"
#include "usherd/exec/privileges.h"

/* All of the first version, Linux 5.13. For what later ones know (to rename from one
 * directory to another, to truncate, ioctl of devices) the filter leaves no call. */
#define FIRST_LANDLOCK_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

/*
 * The bounding set can only be cut while CAP_SETPCAP is there. The result of libcap-ng
 * is not enough: 0.8.3 returns success when the kernel refuses.
 */
static int drop_bounding(const struct confinement *confinement)
{
	int left = 0;

	(void)confinement;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return -EPERM;
	/* Past the last one the kernel knows: -1, EINVAL. */
	for (unsigned long i = 0; left == 0; i++)
		left = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
	return left == 1 ? -EPERM : 0;
}

/*
 * A tmpfs laid over "/" in a mount namespace of our own; ".." of the root leads onto it,
 * and pivot_root(2) "pivot_root(".", ".")" with the unmount lets go of all the rest, so
 * that no mount of the system is kept busy by a worker. Slave, not private: if this fails
 * half-way, unmounts of the system must still reach us.
 */
static int enter_tmpfs(void)
{
	const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == -1 ||
	    mount("usherd", "/", "tmpfs", flags, "size=4k,nr_inodes=2,mode=0555") == -1 ||
	    chdir("/..") == -1 || syscall(SYS_pivot_root, ".", ".") == -1 ||
	    umount2(".", MNT_DETACH) == -1 || chdir("/") == -1)
		return -errno;
	return 0;
}

/* In a directory that has been removed nothing can be made, and there is nothing. */
static int enter_deleted(void)
{
	char path[] = "/tmp/usherd-XXXXXX";
	int r;

	if (mkdtemp(path) == NULL)
		return -errno;
	r = chdir(path) == -1 ? -errno : 0;
	if (rmdir(path) == -1 && r == 0)
		r = -errno;
	if (r == 0 && (chroot(".") == -1 || chdir("/") == -1))
		r = -errno;
	return r;
}

static int empty_root(const struct confinement *confinement)
{
	(void)confinement;
	return enter_tmpfs() == 0 ? 0 : enter_deleted();
}

static int set_groups(const struct confinement *confinement)
{
	return privileges_set_groups(confinement->credentials);
}

static int set_gid(const struct confinement *confinement)
{
	return privileges_set_gid(confinement->credentials);
}

static int set_uid(const struct confinement *confinement)
{
	return privileges_set_uid(confinement->credentials);
}

/* A daemon that is not root may have been lent some: those of a file, or ambient ones. */
static int drop_capabilities(const struct confinement *confinement)
{
	int r = privileges_clear_capabilities(confinement->credentials);

	if (r < 0)
		return r;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return -EPERM;
	return privileges_prove_no_capabilities();
}

static int prove(const struct confinement *confinement)
{
	return privileges_prove(confinement->credentials);
}

static int limit_processes(const struct confinement *confinement)
{
	(void)confinement;
	return limits_set(RLIMIT_NPROC, 0);
}

/* Names are looked up by waiting, not by computing. */
#define RESOLVING_SECONDS 10

static int limit_time(const struct confinement *confinement)
{
	(void)confinement;
	return limits_set(RLIMIT_CPU, RESOLVING_SECONDS);
}

static int limit_core(const struct confinement *confinement)
{
	(void)confinement;
	return limits_set(RLIMIT_CORE, 0);
}

static int limit_files(const struct confinement *confinement)
{
	(void)confinement;
	return limits_set(RLIMIT_FSIZE, 0);
}

/* Other processes of the same user may not trace it or read its memory. */
static int make_undumpable(const struct confinement *confinement)
{
	(void)confinement;
	return prctl(PR_SET_DUMPABLE, 0) == -1 ? -errno : 0;
}

static int lock(const struct confinement *confinement)
{
	(void)confinement;
	return privileges_lock();
}

/*
 * openat2(2) lets its caller choose how paths are resolved, and a descriptor that stands
 * outside of the root directory leads by ".." into the system: that no file is opened
 * but beneath the directories has to be said to the kernel. landlock(7), Linux 5.13.
 */
static int restrict_files(const struct confinement *confinement)
{
	const uint64_t reading =
		LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	struct landlock_ruleset_attr attribute = { .handled_access_fs =
							   FIRST_LANDLOCK_RIGHTS };
	int r = 0;
	int rules;

	if (confinement->directory_count == 0)
		return 0;
	rules = (int)syscall(SYS_landlock_create_ruleset, &attribute, sizeof(attribute),
			     0);
	if (rules == -1)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	for (size_t i = 0; i < confinement->directory_count && r == 0; i++) {
		struct landlock_path_beneath_attr rule = {
			.allowed_access = reading,
			.parent_fd = confinement->directories[i]
		};

		r = RAW_CALL(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
			     &rule, 0);
	}
	if (r == 0)
		r = RAW_CALL(SYS_landlock_restrict_self, rules, 0);
	fd_close(&rules);
	return r;
}

static int add_rules(scmp_filter_ctx filter, const struct syscall_rules *rules)
{
	int r = 0;

	for (size_t i = 0; i < rules->count && r == 0; i++) {
		const struct syscall_rule *rule = &rules->items[i];
		uint32_t action = rule->error == 0
					  ? SCMP_ACT_ALLOW
					  : SCMP_ACT_ERRNO((unsigned)rule->error);

		r = seccomp_rule_add_array(filter, action, rule->number,
					   rule->condition_count, rule->conditions);
	}
	return r;
}

/* The one signal a process may send: its own abort(3), so that a failed assertion looks
 * like one. */
static int add_abort(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0),
				SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)SIGABRT, 0));
}

static int filter_calls(const struct confinement *confinement)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (filter == NULL)
		return -ENOMEM;
	r = add_rules(filter, &confine_common);
	if (r == 0)
		r = add_rules(filter, confinement->connects ? &confine_connecting
							    : &confine_secluded);
	if (r == 0 && confinement->directory_count > 0)
		r = add_rules(filter, &confine_reading);
	if (r == 0)
		r = add_abort(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
#ifdef __GLIBC__
	/* What it was made of was more than all that a worker has. */
	(void)malloc_trim(0);
#endif
	return r;
}

/* Who takes a measure. */
#define SERVES   1U
#define RESOLVES 2U
#define BOTH     (SERVES | RESOLVES)

static const struct measure {
	const char *name;
	unsigned whose;
	bool needs_root;
	bool breaks_counters; /* see struct confinement, instrumented */
	int (*apply)(const struct confinement *confinement);
} measures[] = {
	{ "bounding set", BOTH, true, false, drop_bounding },
	{ "empty root directory", SERVES, true, true, empty_root },
	{ "groups", BOTH, true, true, set_groups },
	{ "gid", BOTH, true, true, set_gid },
	{ "uid", BOTH, true, true, set_uid },
	{ "capabilities", BOTH, false, false, drop_capabilities },
	{ "proof", BOTH, true, true, prove },
	{ "process limit", SERVES, false, false, limit_processes },
	{ "processor time limit", RESOLVES, false, true, limit_time },
	{ "core limit", BOTH, false, false, limit_core },
	{ "file size limit", BOTH, false, true, limit_files },
	{ "not dumpable", BOTH, false, false, make_undumpable },
	{ "no new privileges", BOTH, false, false, lock },
	{ "files", SERVES, false, true, restrict_files },
	{ "system call filter", SERVES, false, true, filter_calls },
};

#define MEASURE_COUNT (sizeof(measures) / sizeof(measures[0]))

int confine_worker(const struct confinement *confinement, struct error *err)
{
	const struct credentials *credentials = confinement->credentials;
	unsigned who = confinement->resolves ? RESOLVES : SERVES;

	if (confinement->root && (!credentials->change || credentials->uid == 0))
		return error_set(err, -EINVAL,
				 "confinement: a worker must not run as root");
	for (size_t i = 0; i < MEASURE_COUNT; i++) {
		const struct measure *measure = &measures[i];
		int r;

		if ((measure->whose & who) == 0 ||
		    (measure->needs_root && !confinement->root) ||
		    (measure->breaks_counters && confinement->instrumented))
			continue;
		r = measure->apply(confinement);
		if (r < 0)
			return error_set_errno(err, r, "confinement, %s", measure->name);
	}
	return 0;
}
