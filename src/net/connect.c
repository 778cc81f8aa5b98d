/* SPDX-License-Identifier: ISC */
/* Connecting without waiting. Which address is tried when is decided elsewhere. */
#include "usherd/net/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net_internal.h"
#include "usherd/base/fd.h"

/* linux/mount.h clashes with sys/mount.h in older C libraries. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool is_named(const struct addr *addr)
{
	return addr_family(addr) == AF_UNIX && addr->u.un.sun_path[0] == '/';
}

/* The same socket, seen from its directory. Names are shorter than paths. */
static int approach(const struct addr *to, int directory, struct addr *ret)
{
	const char *name = last_component(to->u.un.sun_path);

	*ret = *to;
	memset(ret->u.un.sun_path, 0, sizeof(ret->u.un.sun_path));
	memcpy(ret->u.un.sun_path, name, strlen(name));
	return fchdir(directory) == -1 ? -errno : 0;
}

/*
 * Where the target is on this host the kernel has done it all before connect(2) returns,
 * and says so to whoever asks again: with a descriptor that was never waited for, four
 * calls fewer.
 */
static int reach(int fd, const struct addr *to)
{
	if (connect(fd, &to->u.any, to->length) == 0)
		return 0;
	if (errno == EINPROGRESS && connect(fd, &to->u.any, to->length) == 0)
		return 0;
	return errno == EALREADY ? -EINPROGRESS : -errno;
}

int connect_begin(const struct addr *to, int directory, int type, int *ret_fd)
{
	struct addr target = *to;
	int r = 0;
	int fd;

	if (directory != -1 && is_named(to))
		r = approach(to, directory, &target);
	if (r < 0)
		return r;
	fd = socket(addr_family(&target), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -errno;
	r = reach(fd, &target);
	if (r < 0 && r != -EINPROGRESS) {
		fd_close(&fd);
		return r;
	}
	*ret_fd = fd;
	return r;
}

int connect_result(int fd)
{
	int error = net_get_option(fd, SOL_SOCKET, SO_ERROR);

	return error > 0 ? -error : error;
}

bool connect_error_is_ours(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM ||
	       error == -ENOBUFS;
}

/*
 * A copy of the mount is a tree of its own, whose root has no parent: whoever gets into
 * it cannot climb out. Without the right to make one, or on an old kernel, the directory
 * itself.
 */
static int open_alone(const char *directory)
{
#ifdef SYS_open_tree
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, directory,
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd != -1)
		return fd;
#endif
	return open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int connect_open_directory(const struct addr *path, int *ret_fd)
{
	char directory[sizeof(path->u.un.sun_path) + 1] = "";
	size_t length;
	int fd;

	if (!is_named(path))
		return -EINVAL;
	length = strnlen(path->u.un.sun_path, sizeof(path->u.un.sun_path));
	memcpy(directory, path->u.un.sun_path, length);
	/* With its slash, so that "/" stays one. */
	directory[last_component(directory) - directory] = '\0';
	fd = open_alone(directory);
	if (fd == -1)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Nobody can bind to an address that is not there, ip(7). */
bool connect_is_local(const struct addr *addr)
{
	struct addr any = *addr;
	int fd = socket(addr_family(addr), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool local;

	addr_set_port(&any, 0);
	local = fd != -1 && bind(fd, &any.u.any, any.length) == 0;
	fd_close(&fd);
	return local;
}
