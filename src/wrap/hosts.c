/* SPDX-License-Identifier: ISC */
/* Asking libwrap. It takes a file that it cannot open for an empty one: we do not. */
#include "usherd/wrap/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <tcpd.h>

#include "usherd/base/fd.h"

static bool is_readable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool readable = fd != -1 || errno == ENOENT;

	fd_close(&fd);
	return readable;
}

bool hosts_allow(const char *daemon, int fd)
{
	struct request_info request;

	if (!is_readable(hosts_allow_table) || !is_readable(hosts_deny_table))
		return false;
	(void)request_init(&request, RQ_DAEMON, daemon, RQ_FILE, fd, 0);
	sock_host(&request);
	return hosts_access(&request) != 0;
}
