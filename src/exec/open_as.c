/* SPDX-License-Identifier: ISC */
/*
 * Effective ids lent and taken back. With the effective uid the effective capabilities
 * go and come, capabilities(7) "Effect of user ID changes on capabilities"; the real uid
 * stays root's, so nobody else may trace the process meanwhile.
 */
#include "usherd/exec/open_as.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

struct own {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned */
	int group_count;
};

static int remember(struct own *own)
{
	own->uid = geteuid();
	own->gid = getegid();
	own->group_count = getgroups(0, NULL);
	if (own->group_count == -1)
		return -errno;
	own->groups = calloc((size_t)own->group_count + 1, sizeof(*own->groups));
	if (own->groups == NULL)
		return -ENOMEM;
	return getgroups(own->group_count, own->groups) == -1 ? -errno : 0;
}

/* The uid last: it is what allows the rest. */
static int borrow(const struct credentials *credentials)
{
	if (setgroups(credentials->group_count, credentials->groups) == -1 ||
	    setegid(credentials->gid) == -1 || seteuid(credentials->uid) == -1)
		return -errno;
	return 0;
}

static int give_back(const struct own *own)
{
	if (seteuid(own->uid) == -1 || setegid(own->gid) == -1 ||
	    setgroups((size_t)own->group_count, own->groups) == -1)
		return -EPERM;
	return 0;
}

static int open_directory(const char *path, int *ret_fd)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int open_as_directory(const struct credentials *credentials, const char *path,
		      int *ret_fd, struct error *err)
{
	struct own own = { .groups = NULL };
	int r = 0;

	if (!credentials->change) {
		r = open_directory(path, ret_fd);
		return r < 0 ? error_set_errno(err, r, "cannot open '%s'", path) : 0;
	}
	r = remember(&own);
	if (r == 0) {
		r = borrow(credentials);
		if (r == 0)
			r = open_directory(path, ret_fd);
		/* Also after half of it. */
		if (give_back(&own) < 0)
			r = -EPERM;
	}
	free(own.groups);
	return r < 0 ? error_set_errno(err, r, "cannot open '%s' as uid %lu", path,
				       (unsigned long)credentials->uid)
		     : 0;
}
