/* SPDX-License-Identifier: ISC */
/*
 * The node of a UNIX socket in the file system: made closed to everybody, opened when it
 * has its owner; a stale one replaced, anything else left alone. Making the socket and
 * listening on it are listener.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net_internal.h"
#include "usherd/base/fd.h"
#include "usherd/net/listener.h"

#define PATH_SIZE      (sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1)
#define NO_CHANGE      ((uid_t)-1)
#define PROC_NAME_SIZE 32
#define MODE_BITS      07777U

/* The path with its NUL; false for the abstract namespace and other families. */
static bool node_path(const struct endpoint *endpoint, char path[PATH_SIZE])
{
	const struct addr *addr = &endpoint->addr;

	if (addr_family(addr) != AF_UNIX || addr->u.un.sun_path[0] == '\0')
		return false;
	memcpy(path, addr->u.un.sun_path, PATH_SIZE - 1);
	path[PATH_SIZE - 1] = '\0';
	return true;
}

static int socket_type(const struct endpoint *endpoint)
{
	return transport_is_stream(endpoint->transport) ? SOCK_STREAM : SOCK_DGRAM;
}

/*
 * bind(2) makes the node with mode 0777 minus the umask, so under this one nobody can
 * connect before chmod: a datagram socket takes clients from the moment it has a name.
 */
static int bind_closed(int fd, const struct addr *addr)
{
	mode_t old = umask(0777);
	int rc = bind(fd, &addr->u.any, addr->length) == -1 ? -errno : 0;

	(void)umask(old);
	return rc;
}

/*
 * Does anybody have the socket at @addr open? 0: nobody; -ENOENT: it is gone by now;
 * another negative errno: somebody has, or it cannot be told.
 */
static int probe(const struct endpoint *endpoint)
{
	int fd = socket(AF_UNIX, socket_type(endpoint) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = -EADDRINUSE;

	if (fd == -1)
		return -errno;
	if (connect(fd, &endpoint->addr.u.any, endpoint->addr.length) == -1 &&
	    (errno == ECONNREFUSED || errno == ENOENT || errno == EACCES))
		rc = errno == ECONNREFUSED ? 0 : -errno;
	fd_close(&fd);
	return rc;
}

/* Make room for the node. 0 when there is, else -EADDRINUSE or another errno. */
static int remove_stale(const struct endpoint *endpoint, const char *path,
			struct error *err)
{
	char name[ENDPOINT_TEXT_SIZE];
	struct stat node;
	int rc;

	endpoint_format(endpoint, name);
	if (lstat(path, &node) == -1)
		return errno == ENOENT ? 0
				       : error_set_errno(err, -errno,
							 "cannot look at '%s'", name);
	if (!S_ISSOCK(node.st_mode))
		return error_set(err, -EADDRINUSE,
				 "cannot bind '%s': a file that is no socket is there",
				 name);
	rc = probe(endpoint);
	if (rc == -ENOENT)
		return 0;
	if (rc == -EADDRINUSE)
		return error_set(err, rc, "cannot bind '%s': another program serves it",
				 name);
	if (rc != 0)
		return error_set_errno(
			err, rc, "cannot bind '%s': cannot tell whether it is in use",
			name);
	if (unlink(path) == -1 && errno != ENOENT)
		return error_set_errno(err, -errno, "cannot remove the stale '%s'", name);
	return 0;
}

/* chmod(2) of an O_PATH descriptor, which fchmod(2) refuses. */
static int change_mode(int node, mode_t mode)
{
	char name[PROC_NAME_SIZE];

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", node);
	return chmod(name, mode) == -1 ? -errno : 0;
}

/*
 * When the owner changes, the bits that only the new mode or only the old one grants are
 * taken away first: at no time may somebody in who is allowed neither before nor after.
 */
static int change_node(int node, const struct endpoint *endpoint)
{
	mode_t mode = endpoint->mode & MODE_BITS;
	struct stat now;
	mode_t had;
	bool moves;
	int rc = 0;

	if (fstat(node, &now) == -1)
		return -errno;
	if (!S_ISSOCK(now.st_mode))
		return -ENOTSOCK;
	had = now.st_mode & MODE_BITS;
	moves = (endpoint->owner != NO_CHANGE && endpoint->owner != now.st_uid) ||
		(endpoint->group != (gid_t)-1 && endpoint->group != now.st_gid);
	if (moves && (had & mode) != had) {
		had &= mode;
		rc = change_mode(node, had);
	}
	if (rc == 0 && moves &&
	    fchownat(node, "", endpoint->owner, endpoint->group, AT_EMPTY_PATH) == -1)
		rc = -errno;
	if (rc == 0 && had != mode)
		rc = change_mode(node, mode);
	return rc;
}

int unix_listener_apply(const struct endpoint *endpoint, struct error *err)
{
	char name[ENDPOINT_TEXT_SIZE];
	char path[PATH_SIZE];
	int node;
	int rc;

	if (!node_path(endpoint, path))
		return 0;
	/* Held by a descriptor, so that no link put in its place is followed. */
	node = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	rc = node == -1 ? -errno : change_node(node, endpoint);
	fd_close(&node);
	if (rc != 0)
		return error_set_errno(err, rc, "cannot set owner and mode of '%s'",
				       endpoint_format(endpoint, name));
	return 0;
}

int unix_listener_bind(int fd, const struct endpoint *endpoint, struct error *err)
{
	char name[ENDPOINT_TEXT_SIZE];
	char path[PATH_SIZE];
	bool has_node = node_path(endpoint, path);
	int rc = bind_closed(fd, &endpoint->addr);

	if (rc == -EADDRINUSE && has_node) {
		rc = remove_stale(endpoint, path, err);
		if (rc != 0)
			return rc;
		rc = bind_closed(fd, &endpoint->addr);
	}
	if (rc != 0)
		return error_set_errno(err, rc, "cannot bind '%s'",
				       endpoint_format(endpoint, name));
	rc = unix_listener_apply(endpoint, err);
	if (rc != 0)
		listener_unlink(endpoint);
	return rc;
}

void listener_unlink(const struct endpoint *endpoint)
{
	char path[PATH_SIZE];
	struct stat node;

	if (node_path(endpoint, path) && lstat(path, &node) == 0 &&
	    S_ISSOCK(node.st_mode))
		(void)unlink(path);
}
