/* SPDX-License-Identifier: ISC */
/*
 * Whether a child may share our memory until exec. Whether the kernel lets it is tried
 * out in spawn.c.
 */
#include "exec_internal.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "usherd/base/fd.h"

#define HAS(data, capability)                                                            \
	(((data)[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0)

/* Without the file: the kernel's default, which is safe; proc(5). */
static bool stays_dumpable(const char *path)
{
	char value = '0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return false;
	if (read(fd, &value, sizeof(value)) != sizeof(value))
		value = '0';
	fd_close(&fd);
	return value == '1';
}

/* A daemon that was lent the right to change ids has not always that to kill. */
static bool may_kill_children(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) == -1)
		return false;
	return HAS(data, CAP_KILL) || !HAS(data, CAP_SETUID);
}

bool sharing_is_safe(const char *dumpable_path)
{
	return await_can_share() && !stays_dumpable(dumpable_path) && may_kill_children();
}
