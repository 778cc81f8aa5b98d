/* SPDX-License-Identifier: ISC */
/* Giving up rights: the drop, and that the proof notices every way back. Each case runs
 * in a process of its own, which ends with it. */
#include "test.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/syscall.h>

#include "exec_test.h"
#include "usherd/exec/privileges.h"

#define UID ((uid_t)54321)
#define GID ((gid_t)54322)

static gid_t two_groups[] = { 70005, 70003 };
static gid_t many_groups[1500];

static const struct credentials nobody = { .change = true, .uid = UID, .gid = GID };
static const struct credentials member = {
	.change = true, .uid = UID, .gid = GID, .groups = two_groups, .group_count = 2
};
static const struct credentials joiner = {
	.change = true, .uid = UID, .gid = GID, .groups = many_groups, .group_count = 1500
};
static const struct credentials root = { .change = true, .uid = 0, .gid = GID };
static const struct credentials unchanged = { .change = false, .uid = UID, .gid = GID };

/* Everything in order; 0 or the first negative errno. */
static int drop(const struct credentials *credentials)
{
	int r = privileges_set_groups(credentials);

	if (r == 0)
		r = privileges_set_gid(credentials);
	if (r == 0)
		r = privileges_set_uid(credentials);
	return r == 0 ? privileges_clear_capabilities(credentials) : r;
}

static void set_inheritable(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct sets[2] = { { 0 } };

	(void)syscall(SYS_capget, &header, sets);
	sets[0].inheritable = 1u << CAP_NET_RAW;
	(void)syscall(SYS_capset, &header, sets);
}

/* What happened before the proof, and what it must say. */
struct history {
	int (*happen)(void);
	const struct credentials *wanted;
	int verdict;
};

static int whole_drop(void)
{
	return drop(&nobody);
}

static int whole_drop_of_member(void)
{
	return drop(&member);
}

static int whole_drop_of_joiner(void)
{
	return drop(&joiner);
}

static int drop_of_another(void)
{
	const struct credentials another = { .change = true, .uid = UID + 1, .gid = GID };

	return drop(&another);
}

static int drop_to_another_group(void)
{
	const struct credentials another = { .change = true, .uid = UID, .gid = GID + 1 };

	return drop(&another);
}

static int no_drop(void)
{
	return 0;
}

static int root_drop(void)
{
	return drop(&root);
}

static int saved_uid_kept(void)
{
	if (drop(&root) != 0 || privileges_set_gid(&nobody) != 0)
		return -1;
	return setresuid(UID, UID, 0);
}

static int saved_gid_kept(void)
{
	if (privileges_set_groups(&nobody) != 0 || setresgid(GID, GID, 0) != 0)
		return -1;
	return privileges_set_uid(&nobody);
}

static int capabilities_kept(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct sets[2] = { { 0 } };

	if (prctl(PR_SET_KEEPCAPS, 1) != 0 || privileges_set_groups(&nobody) != 0 ||
	    privileges_set_gid(&nobody) != 0 || privileges_set_uid(&nobody) != 0)
		return -1;
	sets[0].permitted = 1u << CAP_NET_RAW;
	return (int)syscall(SYS_capset, &header, sets);
}

static int inheritable_kept(void)
{
	set_inheritable();
	if (privileges_set_groups(&nobody) != 0 || privileges_set_gid(&nobody) != 0)
		return -1;
	return privileges_set_uid(&nobody);
}

static int capabilities_lent(void)
{
	set_inheritable();
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) != 0 ||
	    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0)
		return -1;
	return drop(&nobody);
}

static const struct history histories[] = {
	{ whole_drop, &nobody, 0 },
	{ whole_drop_of_member, &member, 0 },
	{ whole_drop_of_joiner, &joiner, 0 },
	{ whole_drop, &unchanged, 0 },
	{ no_drop, &unchanged, 0 },
	{ root_drop, &root, 0 },
	{ capabilities_lent, &nobody, 0 },
	{ no_drop, &nobody, -EPERM },
	{ no_drop, &root, -EPERM },
	{ root_drop, &nobody, -EPERM },
	{ whole_drop, &member, -EPERM },
	{ whole_drop_of_member, &nobody, -EPERM },
	{ drop_of_another, &nobody, -EPERM },
	{ drop_to_another_group, &nobody, -EPERM },
	{ saved_uid_kept, &nobody, -EPERM },
	{ saved_gid_kept, &nobody, -EPERM },
	{ capabilities_kept, &nobody, -EPERM },
	{ inheritable_kept, &nobody, -EPERM },
};

static int prove(void *argument)
{
	const struct history *history = argument;

	if (history->happen() != 0)
		return 2;
	return privileges_prove(history->wanted) == history->verdict ? 0 : 3;
}

static void proof_tells_a_whole_drop_from_half_of_one(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof(many_groups) / sizeof(many_groups[0]); i++)
		many_groups[i] = (gid_t)(100000 + i);
	for (size_t i = 0; i < sizeof(histories) / sizeof(histories[0]); i++) {
		struct history history = histories[i];
		int status = in_child(prove, &history);

		if (status != 0)
			print_error("history %zu\n", i);
		assert_exit(status, 0);
	}
}

/* The same number of groups, but not the same ones. */
static int prove_other_groups(void *argument)
{
	gid_t others[] = { 70005, 70004 };

	(void)argument;
	if (setgroups(2, others) != 0 || privileges_set_gid(&member) != 0 ||
	    privileges_set_uid(&member) != 0)
		return 2;
	return privileges_prove(&member) == -EPERM ? 0 : 3;
}

static void proof_compares_the_groups_themselves(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_exit(in_child(prove_other_groups, NULL), 0);
}

/* A kernel that lets root be taken again. The calls are made to succeed without effect.
 */
static int prove_with_a_way_back(void *argument)
{
	const int *number = argument;

	if (drop(&nobody) != 0 || intercept(SCMP_ACT_ERRNO(0), *number, 0) != 0)
		return 2;
	return privileges_prove(&nobody) == -EPERM ? 0 : 3;
}

static void proof_tries_to_become_root_again(void **state)
{
	int numbers[] = { SCMP_SYS(setresuid), SCMP_SYS(setresgid) };

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < 2; i++)
		assert_exit(in_child(prove_with_a_way_back, &numbers[i]), 0);
}

static int prove_blindly(void *argument)
{
	const int *number = argument;

	if (drop(&member) != 0 || intercept(SCMP_ACT_ERRNO(EFAULT), *number, -1) != 0)
		return 2;
	return privileges_prove(&member) == -EPERM ? 0 : 3;
}

static void proof_fails_when_it_cannot_look(void **state)
{
	int numbers[] = { SCMP_SYS(getresuid), SCMP_SYS(getresgid), SCMP_SYS(getgroups),
			  SCMP_SYS(capget) };

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_exit(in_child(prove_blindly, &numbers[i]), 0);
}

static int change_without_rights(void *argument)
{
	(void)argument;
	if (geteuid() == 0 && drop(&nobody) != 0)
		return 2;
	if (privileges_set_groups(&member) != -EPERM ||
	    privileges_set_gid(&root) != (getegid() == GID ? 0 : -EPERM) ||
	    privileges_set_uid(&root) != -EPERM)
		return 3;
	return 0;
}

static void reports_that_rights_are_missing(void **state)
{
	(void)state;
	assert_exit(in_child(change_without_rights, NULL), 0);
}

static int leave_unchanged(void *argument)
{
	uid_t uid = geteuid();

	(void)argument;
	if (drop(&unchanged) != 0 || privileges_prove(&unchanged) != 0)
		return 2;
	return geteuid() == uid ? 0 : 3;
}

static void changes_nothing_unless_told_to(void **state)
{
	(void)state;
	assert_exit(in_child(leave_unchanged, NULL), 0);
}

/* Ambient capabilities are the daemon's own, whoever the program runs as. */
static int clear_ambient(void *argument)
{
	(void)argument;
	set_inheritable();
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) != 0)
		return 2;
	if (privileges_clear_capabilities(&unchanged) != 0)
		return 3;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0) == 0 ? 0
										    : 4;
}

static void never_passes_ambient_capabilities_on(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_exit(in_child(clear_ambient, NULL), 0);
}

static int clear_with(uint32_t action)
{
	if (intercept(action, SCMP_SYS(prctl), PR_CAP_AMBIENT) != 0)
		return 1;
	return privileges_clear_capabilities(&unchanged);
}

static int clear_on_old_kernel(void *argument)
{
	(void)argument;
	return clear_with(SCMP_ACT_ERRNO(EINVAL)) == 0 ? 0 : 2;
}

static int clear_in_vain(void *argument)
{
	(void)argument;
	return clear_with(SCMP_ACT_ERRNO(EPERM)) == -EPERM ? 0 : 2;
}

static void does_without_ambient_capabilities_on_old_kernels(void **state)
{
	(void)state;
	assert_exit(in_child(clear_on_old_kernel, NULL), 0);
	/* Others have none to begin with. */
	if (geteuid() == 0)
		assert_exit(in_child(clear_in_vain, NULL), 0);
}

/* Whether the groups were none before or not: afterwards they are. */
static int set_no_groups(void *argument)
{
	(void)argument;
	for (int i = 0; i < 2; i++)
		if (privileges_set_groups(&nobody) != 0 || getgroups(0, NULL) != 0)
			return 2;
	return 0;
}

static void gives_up_all_groups(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_exit(in_child(set_no_groups, NULL), 0);
}

static int lock(void *argument)
{
	(void)argument;
	if (privileges_lock() != 0)
		return 2;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

static void locks_the_process_alone(void **state)
{
	(void)state;
	assert_exit(in_child(lock, NULL), 0);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proof_tells_a_whole_drop_from_half_of_one),
		cmocka_unit_test(proof_compares_the_groups_themselves),
		cmocka_unit_test(proof_tries_to_become_root_again),
		cmocka_unit_test(proof_fails_when_it_cannot_look),
		cmocka_unit_test(reports_that_rights_are_missing),
		cmocka_unit_test(changes_nothing_unless_told_to),
		cmocka_unit_test(never_passes_ambient_capabilities_on),
		cmocka_unit_test(does_without_ambient_capabilities_on_old_kernels),
		cmocka_unit_test(gives_up_all_groups),
		cmocka_unit_test(locks_the_process_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
