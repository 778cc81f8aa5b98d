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

static bool are_readable(void)
{
	return is_readable(hosts_allow_table) && is_readable(hosts_deny_table);
}

/* That there is one says that datagrams are spoken of: nobody's ident server knows. */
static void take_nothing(int fd)
{
	(void)fd;
}

bool hosts_allow(const char *daemon, int fd)
{
	struct request_info request;

	if (!are_readable())
		return false;
	(void)request_init(&request, RQ_DAEMON, daemon, RQ_FILE, fd, 0);
	sock_host(&request);
	return hosts_access(&request) != 0;
}

/* A socket connected to the sender would not do: 0.0.0.0, as of bootp, is none that one
 * can be connected to. */
bool hosts_allow_sender(const char *daemon, struct addr *client, struct addr *server)
{
	struct request_info request;

	if (!are_readable())
		return false;
	(void)request_init(&request, RQ_DAEMON, daemon, RQ_CLIENT_SIN, &client->u.any,
			   RQ_SERVER_SIN, &server->u.any, 0);
	sock_methods(&request);
	request.sink = take_nothing;
	return hosts_access(&request) != 0;
}
