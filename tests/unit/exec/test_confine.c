/* SPDX-License-Identifier: ISC */
/* A worker after its confinement: seen from outside through /proc, and from inside. */
#include "test.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "exec_test.h"
#include "usherd/exec/confine.h"

#define UID ((uid_t)54321)
#define GID ((gid_t)54322)

static gid_t groups[] = { 70003 };
static const struct credentials credentials = {
	.change = true, .uid = UID, .gid = GID, .groups = groups, .group_count = 1
};

static struct confinement whole(void)
{
	struct confinement confinement = { .credentials = &credentials,
					   .root = geteuid() == 0 };

	return confinement;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* A worker that has confined itself and waits. */
struct worker {
	pid_t pid;
	int ours;
	char status[8192];
};

static void worker_main(int fd, int (*before)(void),
			const struct confinement *confinement)
{
	struct error err = { 0 };
	char byte = 'y';

	if (before != NULL && before() != 0)
		_exit(2);
	if (confine_worker(confinement, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		_exit(3);
	}
	(void)send(fd, &byte, 1, 0);
	(void)recv(fd, &byte, 1, 0);
	_exit(0);
}

static void read_text(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_int_not_equal(fd, -1);
	n = read(fd, buffer, size - 1);
	assert_true(n >= 0);
	buffer[n] = '\0';
	assert_int_equal(close(fd), 0);
}

static void start(struct worker *worker, int (*before)(void),
		  const struct confinement *confinement)
{
	char path[64];
	char byte;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	worker->pid = fork();
	assert_int_not_equal(worker->pid, -1);
	if (worker->pid == 0) {
		(void)close(ends[0]);
		worker_main(ends[1], before, confinement);
	}
	assert_int_equal(close(ends[1]), 0);
	worker->ours = ends[0];
	assert_int_equal(recv(worker->ours, &byte, 1, 0), 1);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)worker->pid);
	read_text(path, worker->status, sizeof(worker->status));
}

static void finish(struct worker *worker)
{
	int status;

	assert_int_equal(close(worker->ours), 0);
	assert_int_equal(waitpid(worker->pid, &status, 0), worker->pid);
	assert_exit(status, 0);
}

static void assert_line(const char *text, const char *line)
{
	if (strstr(text, line) == NULL)
		print_error("no '%s' in\n%s\n", line, text);
	assert_non_null(strstr(text, line));
}

static void assert_no_capability(const struct worker *worker)
{
	assert_line(worker->status, "\nCapInh:\t0000000000000000\n");
	assert_line(worker->status, "\nCapPrm:\t0000000000000000\n");
	assert_line(worker->status, "\nCapEff:\t0000000000000000\n");
	assert_line(worker->status, "\nCapAmb:\t0000000000000000\n");
}

/* The worker's root directory: nothing in it, nothing can be put there, even by root. */
static void assert_empty_root(const struct worker *worker)
{
	char path[64];
	int entries = 0;
	DIR *directory;

	(void)snprintf(path, sizeof(path), "/proc/%d/root/", (int)worker->pid);
	directory = opendir(path);
	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			entries++;
	assert_int_equal(closedir(directory), 0);
	assert_int_equal(entries, 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/root/file", (int)worker->pid);
	assert_int_equal(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600), -1);
}

static void gives_up_everything_of_root(void **state)
{
	struct confinement confinement = whole();
	struct worker worker;
	char path[64];
	char text[4096];

	(void)state;
	need_root();
	start(&worker, NULL, &confinement);
	assert_line(worker.status, "\nUid:\t54321\t54321\t54321\t54321\n");
	assert_line(worker.status, "\nGid:\t54322\t54322\t54322\t54322\n");
	assert_line(worker.status, "\nGroups:\t70003 \n");
	assert_no_capability(&worker);
	assert_line(worker.status, "\nCapBnd:\t0000000000000000\n");
	assert_line(worker.status, "\nNoNewPrivs:\t1\n");
	assert_line(worker.status, "\nSeccomp:\t2\n");
	assert_empty_root(&worker);
	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)worker.pid);
	read_text(path, text, sizeof(text));
	/* One mount is left of all. */
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_line(text, " / / ro,nosuid,nodev,noexec");
	(void)snprintf(path, sizeof(path), "/proc/%d/limits", (int)worker.pid);
	read_text(path, text, sizeof(text));
	assert_line(text, "Max file size             0                    0 ");
	assert_line(text, "Max core file size        0                    0 ");
	assert_line(text, "Max processes             0                    0 ");
	finish(&worker);
}

static void leaves_the_mounts_of_the_system_alone(void **state)
{
	struct confinement confinement = whole();
	static char before[65536];
	static char after[65536];
	struct worker worker;

	(void)state;
	need_root();
	read_text("/proc/self/mountinfo", before, sizeof(before));
	start(&worker, NULL, &confinement);
	read_text("/proc/self/mountinfo", after, sizeof(after));
	assert_string_equal(before, after);
	finish(&worker);
}

static int lose_admin(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct sets[2] = { { 0 } };

	if (syscall(SYS_capget, &header, sets) == -1)
		return -1;
	sets[0].effective &= ~(1u << CAP_SYS_ADMIN);
	sets[0].permitted &= ~(1u << CAP_SYS_ADMIN);
	return (int)syscall(SYS_capset, &header, sets);
}

/* proc(5): the name of a directory that is no longer there ends so. */
static void assert_deleted_root(const struct worker *worker)
{
	static const char end[] = " (deleted)";
	char path[64];
	char root[PATH_MAX];
	ssize_t length;

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)worker->pid);
	length = readlink(path, root, sizeof(root) - 1);
	assert_true(length > (ssize_t)strlen(end));
	root[length] = '\0';
	assert_string_equal(root + length - strlen(end), end);
}

static void hides_in_a_deleted_directory_where_mounting_is_refused(void **state)
{
	struct confinement confinement = whole();
	struct worker worker;

	(void)state;
	need_root();
	start(&worker, lose_admin, &confinement);
	assert_empty_root(&worker);
	assert_no_capability(&worker);
	assert_line(worker.status, "\nUid:\t54321\t54321\t54321\t54321\n");
	assert_deleted_root(&worker);
	finish(&worker);
}

static int confine_without_admin(void *argument)
{
	struct confinement confinement = whole();

	(void)argument;
	return lose_admin() == 0 && confine_worker(&confinement, NULL) == 0 ? 0 : 2;
}

/* Once more in our own memory, for the counters. */
static void needs_no_mounts(void **state)
{
	(void)state;
	need_root();
	assert_exit(in_child(confine_without_admin, NULL), 0);
}

static int become_user(void)
{
	return geteuid() != 0 ? 0 : setresuid(UID, UID, UID);
}

static void gives_up_what_it_can_without_root(void **state)
{
	const struct credentials kept = { .change = false };
	const struct confinement confinement = { .credentials = &kept };
	struct worker worker;

	(void)state;
	start(&worker, become_user, &confinement);
	assert_no_capability(&worker);
	assert_line(worker.status, "\nNoNewPrivs:\t1\n");
	assert_line(worker.status, "\nSeccomp:\t2\n");
	finish(&worker);
}

static void leaves_a_coverage_build_its_files(void **state)
{
	struct confinement confinement = whole();
	struct worker worker;

	(void)state;
	confinement.instrumented = true;
	start(&worker, NULL, &confinement);
	assert_no_capability(&worker);
	assert_line(worker.status, "\nNoNewPrivs:\t1\n");
	assert_line(worker.status, "\nSeccomp:\t0\n");
	finish(&worker);
}

static void refuses_to_leave_a_worker_root(void **state)
{
	const struct credentials zero = { .change = true, .uid = 0 };
	const struct credentials kept = { .change = false, .uid = UID };
	struct confinement confinement = { .credentials = &zero, .root = true };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(confine_worker(&confinement, &err), -EINVAL);
	assert_string_equal(err.text, "confinement: a worker must not run as root");
	confinement.credentials = &kept;
	assert_int_equal(confine_worker(&confinement, &err), -EINVAL);
}

/* A measure that cannot be taken, by the system call it needs. */
struct obstacle {
	int number;
	int command; /* first argument, -1: any */
	int code;
	const char *text;
};

static const struct obstacle obstacles[] = {
	{ SCMP_SYS(prctl), PR_CAPBSET_DROP, -EPERM,
	  "confinement, bounding set: Operation not permitted" },
	{ SCMP_SYS(chroot), -1, -EPERM,
	  "confinement, empty root directory: Operation not permitted" },
	{ SCMP_SYS(mkdir), -1, -EPERM,
	  "confinement, empty root directory: Operation not permitted" },
	{ SCMP_SYS(chdir), -1, -EPERM,
	  "confinement, empty root directory: Operation not permitted" },
	{ SCMP_SYS(setgroups), -1, -EPERM,
	  "confinement, groups: Operation not permitted" },
	{ SCMP_SYS(setresgid), -1, -EPERM, "confinement, gid: Operation not permitted" },
	{ SCMP_SYS(setresuid), -1, -EPERM, "confinement, uid: Operation not permitted" },
	{ SCMP_SYS(prctl), PR_CAP_AMBIENT, -EPERM,
	  "confinement, capabilities: Operation not permitted" },
	{ SCMP_SYS(capset), -1, -EPERM,
	  "confinement, capabilities: Operation not permitted" },
	{ SCMP_SYS(getresuid), -1, -EPERM,
	  "confinement, proof: Operation not permitted" },
	{ SCMP_SYS(prlimit64), -1, -EPERM,
	  "confinement, process limit: Operation not permitted" },
	{ SCMP_SYS(prctl), PR_SET_DUMPABLE, -EPERM,
	  "confinement, not dumpable: Operation not permitted" },
	{ SCMP_SYS(prctl), PR_SET_NO_NEW_PRIVS, -EPERM,
	  "confinement, no new privileges: Operation not permitted" },
	/* libseccomp's word for a refusal of the kernel */
	{ SCMP_SYS(seccomp), SECCOMP_SET_MODE_FILTER, -ECANCELED,
	  "confinement, system call filter: Operation canceled" },
};

struct attempt {
	const struct obstacle *obstacle;
	struct error err;
};

/* Something for every measure to take away. */
static int take_on(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	const gid_t group = 70001;

	if (setgroups(1, &group) == -1 || syscall(SYS_capget, &header, sets) == -1)
		return -1;
	sets[0].inheritable = sets[0].permitted & (1U << CAP_KILL);
	return (int)syscall(SYS_capset, &header, sets);
}

static int confine_against_obstacle(void *argument)
{
	struct attempt *attempt = argument;
	const struct obstacle *obstacle = attempt->obstacle;
	struct confinement confinement = whole();

	if (take_on() != 0)
		return 1;
	/* The other way into an empty directory only exists without this one. */
	if (intercept(SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), -1) != 0 ||
	    intercept(SCMP_ACT_ERRNO(EPERM), obstacle->number, obstacle->command) != 0)
		return 2;
	return confine_worker(&confinement, &attempt->err) == obstacle->code ? 0 : 3;
}

/* In forked processes: libcap-ng remembers the process it was first used in. */
static void names_the_measure_that_cannot_be_taken(void **state)
{
	struct attempt *attempt;

	(void)state;
	need_root();
	attempt = mmap(NULL, sizeof(*attempt), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(attempt, MAP_FAILED);
	for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++) {
		int status;
		pid_t pid;

		*attempt = (struct attempt){ .obstacle = &obstacles[i] };
		pid = fork();
		assert_int_not_equal(pid, -1);
		if (pid == 0)
			_exit(confine_against_obstacle(attempt));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_string_equal(attempt->err.text, obstacles[i].text);
		assert_exit(status, 0);
	}
	assert_int_equal(munmap(attempt, sizeof(*attempt)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_up_everything_of_root),
		cmocka_unit_test(leaves_the_mounts_of_the_system_alone),
		cmocka_unit_test(hides_in_a_deleted_directory_where_mounting_is_refused),
		cmocka_unit_test(needs_no_mounts),
		cmocka_unit_test(gives_up_what_it_can_without_root),
		cmocka_unit_test(leaves_a_coverage_build_its_files),
		cmocka_unit_test(refuses_to_leave_a_worker_root),
		cmocka_unit_test(names_the_measure_that_cannot_be_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
