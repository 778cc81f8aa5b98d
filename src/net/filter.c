/* SPDX-License-Identifier: ISC */
/* Packet filters on sockets. What they say is not known here. */
#include "usherd/net/filter.h"

#include <errno.h>
#include <sys/socket.h>

static int attach(int fd, const struct sock_fprog *filter)
{
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)) == -1
		       ? -errno
		       : 0;
}

/* Until the new one is there the old one counts against the memory that a socket may use
 * for such things: where there is not enough for two, one that drops everything comes
 * between them, as one that passes everything would be none. */
int filter_put(int fd, const struct sock_fprog *filter)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog closed = { .len = 1, .filter = &nothing };
	int r = attach(fd, filter);

	if (r != -ENOMEM)
		return r;
	r = attach(fd, &closed);
	return r == 0 ? attach(fd, filter) : r;
}

int filter_take_off(int fd)
{
	int unused = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)) == -1 &&
	    errno != ENOENT)
		return -errno;
	return 0;
}
