/* SPDX-License-Identifier: ISC */
/*
 * Giving up rights. By system call number, because the C library's set*id functions
 * reach for all threads of the process, and the child of a start shares its memory with
 * one that must not be touched; nptl(7).
 */
#include "usherd/exec/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>

#include "exec_internal.h"
#include "raw.h"

/* Where the plain names stand for 16-bit ids, the wide calls have names of their own. */
#ifdef SYS_setresuid32
#define CALL_SETGROUPS SYS_setgroups32
#define CALL_GETGROUPS SYS_getgroups32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_GETRESGID SYS_getresgid32
#define CALL_SETRESUID SYS_setresuid32
#define CALL_GETRESUID SYS_getresuid32
#else
#define CALL_SETGROUPS SYS_setgroups
#define CALL_GETGROUPS SYS_getgroups
#define CALL_SETRESGID SYS_setresgid
#define CALL_GETRESGID SYS_getresgid
#define CALL_SETRESUID SYS_setresuid
#define CALL_GETRESUID SYS_getresuid
#endif

/* More than these are counted, not compared: there is no room on the child's stack for
 * the 65536 that Linux allows, and setgroups(2) has set them a moment ago. */
#define GROUPS_COMPARED 1024

#define KEEP            (-1)

int privileges_set_groups(const struct credentials *credentials)
{
	if (!credentials->change)
		return 0;
	if (credentials->group_count == 0 && RAW_CALL(CALL_GETGROUPS, 0, NULL) == 0)
		return 0;
	return RAW_CALL(CALL_SETGROUPS, credentials->group_count, credentials->groups);
}

int privileges_set_gid(const struct credentials *credentials)
{
	gid_t gid = credentials->gid;

	if (!credentials->change)
		return 0;
	return RAW_CALL(CALL_SETRESGID, gid, gid, gid);
}

int privileges_set_uid(const struct credentials *credentials)
{
	uid_t uid = credentials->uid;

	if (!credentials->change)
		return 0;
	return RAW_CALL(CALL_SETRESUID, uid, uid, uid);
}

static bool capabilities_are_empty(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = UINT32_MAX }, { .effective = UINT32_MAX }
	};
	uint32_t any = 0;

	if (RAW_CALL(SYS_capget, &header, sets) < 0)
		return false;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		any |= sets[i].effective | sets[i].permitted | sets[i].inheritable;
	return any == 0;
}

int privileges_clear_capabilities(const struct credentials *credentials)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	int r;

	/* The usual outcome of the change of uid. What is not permitted is not ambient
	 * either; capabilities(7). */
	if (capabilities_are_empty())
		return 0;
	r = RAW_CALL(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* EINVAL: before Linux 4.3, which has no such set. */
	if (r < 0 && r != -EINVAL)
		return r;
	if (!credentials->change || credentials->uid == 0)
		return 0;
	return RAW_CALL(SYS_capset, &header, none);
}

static bool has_group(const struct credentials *credentials, gid_t gid)
{
	for (size_t i = 0; i < credentials->group_count; i++)
		if (credentials->groups[i] == gid)
			return true;
	return false;
}

static bool groups_are_those(const struct credentials *credentials, int count)
{
	gid_t groups[GROUPS_COMPARED] = { 0 };

	if (RAW_CALL(CALL_GETGROUPS, GROUPS_COMPARED, groups) != count)
		return false;
	for (int i = 0; i < count; i++)
		if (!has_group(credentials, groups[i]))
			return false;
	return true;
}

static bool groups_hold(const struct credentials *credentials)
{
	int count = RAW_CALL(CALL_GETGROUPS, 0, NULL);

	if (count < 0 || (size_t)count != credentials->group_count)
		return false;
	return count == 0 || count > GROUPS_COMPARED ||
	       groups_are_those(credentials, count);
}

static bool ids_hold(const struct credentials *credentials)
{
	uid_t uid = credentials->uid;
	gid_t gid = credentials->gid;
	uid_t uids[3] = { 0 };
	gid_t gids[3] = { 0 };

	if (RAW_CALL(CALL_GETRESUID, &uids[0], &uids[1], &uids[2]) < 0 ||
	    RAW_CALL(CALL_GETRESGID, &gids[0], &gids[1], &gids[2]) < 0)
		return false;
	return uids[0] == uid && uids[1] == uid && uids[2] == uid && gids[0] == gid &&
	       gids[1] == gid && gids[2] == gid;
}

/* Only root starts programs as somebody else, so 0 is what the ids were before. */
static bool can_return(const struct credentials *credentials)
{
	if (RAW_CALL(CALL_SETRESUID, 0, 0, 0) >= 0 ||
	    RAW_CALL(CALL_SETRESUID, KEEP, 0, KEEP) >= 0)
		return true;
	return credentials->gid != 0 && (RAW_CALL(CALL_SETRESGID, 0, 0, 0) >= 0 ||
					 RAW_CALL(CALL_SETRESGID, KEEP, 0, KEEP) >= 0);
}

int privileges_prove(const struct credentials *credentials)
{
	if (!credentials->change)
		return 0;
	if (!ids_hold(credentials) || !groups_hold(credentials))
		return -EPERM;
	if (credentials->uid == 0)
		return 0;
	if (!capabilities_are_empty() || can_return(credentials))
		return -EPERM;
	return 0;
}

int privileges_prove_no_capabilities(void)
{
	return capabilities_are_empty() ? 0 : -EPERM;
}

int privileges_lock(void)
{
	return RAW_CALL(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
