/* SPDX-License-Identifier: ISC */
/* What can hold a child between clone and exec, for the suite of the bounds: a system
 * call that is never answered, and a file system that is not. */
#ifndef USHERD_HOLD_H
#define USHERD_HOLD_H

#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/uio.h>

#include "exec_test.h"

/* From now on execve(2) waits until somebody answers for it. Returns the descriptor to do
 * that with, -1 where there is no such thing. */
static inline int hold_execve(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int fd = -1;

	if (filter == NULL)
		return -1;
	if (seccomp_rule_add_exact(filter, SCMP_ACT_NOTIFY, SCMP_SYS(execve), 0) == 0 &&
	    seccomp_load(filter) == 0)
		fd = seccomp_notify_fd(filter);
	if (fd != -1)
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	seccomp_release(filter);
	/* The library asks for one such descriptor only, and its memory outlives us. */
	(void)seccomp_reset(NULL, 0);
	return fd;
}

static inline void fuse_reply(int fd, uint64_t unique, const void *body, size_t size)
{
	struct fuse_out_header header = { .len = (uint32_t)(sizeof(header) + size),
					  .unique = unique };
	struct iovec parts[2] = { { .iov_base = &header, .iov_len = sizeof(header) } };

	memcpy(&parts[1].iov_base, &body, sizeof(body));
	parts[1].iov_len = size;
	if (writev(fd, parts, 2) == -1)
		_exit(1);
}

/* One executable file under any name; whoever opens it waits. */
static inline void fuse_answer(int fd, const struct fuse_in_header *request)
{
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
				      .minor = FUSE_KERNEL_MINOR_VERSION,
				      .max_write = 4096 };
	struct fuse_entry_out entry = {
		.nodeid = 2,
		.entry_valid = 60,
		.attr_valid = 60,
		.attr = { .ino = 2, .mode = S_IFREG | 0755, .nlink = 1, .size = 100 }
	};
	struct fuse_attr_out root = {
		.attr_valid = 60, .attr = { .ino = 1, .mode = S_IFDIR | 0755, .nlink = 1 }
	};

	if (request->opcode == FUSE_INIT)
		fuse_reply(fd, request->unique, &init, sizeof(init));
	else if (request->opcode == FUSE_LOOKUP)
		fuse_reply(fd, request->unique, &entry, sizeof(entry));
	else if (request->opcode == FUSE_GETATTR)
		fuse_reply(fd, request->unique, &root, sizeof(root));
}

static inline void fuse_serve(int fd)
{
	static _Alignas(struct fuse_in_header) char buffer[FUSE_MIN_READ_BUFFER];

	(void)alarm(60);
	while (read(fd, buffer, sizeof(buffer)) >= (ssize_t)sizeof(struct fuse_in_header))
		fuse_answer(fd, (const void *)buffer);
	_exit(0);
}

/* Mount it at @path, in a namespace of the caller's own. Returns the pid of who serves
 * it, with whom it ends, or -1. */
static inline pid_t fuse_mount(const char *path)
{
	char options[128];
	pid_t pid = -1;
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd == -1)
		return -1;
	(void)snprintf(options, sizeof(options),
		       "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
	if (unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("usherd-test", path, "fuse", MS_NOSUID | MS_NODEV, options) == 0)
		pid = fork();
	if (pid == 0)
		fuse_serve(fd);
	(void)close(fd);
	return pid;
}

#endif
