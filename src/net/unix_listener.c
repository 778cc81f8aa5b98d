/* SPDX-License-Identifier: ISC */
/*
 * The node of a UNIX socket in the file system: made closed to everybody, opened when it
 * has its owner; a stale one replaced, anything else left alone. Making the socket and
 * listening on it are listener.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net_internal.h"
#include "usherd/base/fd.h"
#include "usherd/net/listener.h"

#define PATH_SIZE      (sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1)
#define NO_CHANGE      ((uid_t)-1)
#define PROC_NAME_SIZE 32
#define MODE_BITS      07777U
/* In linux/un.h, which does not go with sys/un.h. */
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)

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

/* A number may be used again as soon as its node is removed: so the time as well, where
 * the file system keeps one. 0, -ENOTSOCK, another negative errno. */
static int identify(int at, const char *path, int flags, struct node_identity *ret)
{
	struct statx node;

	if (statx(at, path, flags | AT_SYMLINK_NOFOLLOW,
		  STATX_TYPE | STATX_INO | STATX_BTIME, &node) == -1)
		return -errno;
	if (!S_ISSOCK(node.stx_mode))
		return -ENOTSOCK;
	*ret = (struct node_identity){
		.device_major = node.stx_dev_major,
		.device_minor = node.stx_dev_minor,
		.inode = node.stx_ino,
	};
	if ((node.stx_mask & STATX_BTIME) != 0) {
		ret->born_s = node.stx_btime.tv_sec;
		ret->born_ns = node.stx_btime.tv_nsec;
	}
	return 0;
}

static bool is_same_node(const struct node_identity *a, const struct node_identity *b)
{
	return a->inode == b->inode && a->device_major == b->device_major &&
	       a->device_minor == b->device_minor && a->born_s == b->born_s &&
	       a->born_ns == b->born_ns;
}

static bool is_at(const char *path, const struct node_identity *node)
{
	struct node_identity found = { 0 };

	return identify(AT_FDCWD, path, 0, &found) == 0 && is_same_node(&found, node);
}

/*
 * The node, held by a descriptor, so that no link put in its place is followed. The
 * kernel knows which node the socket is bound to, and tells those with CAP_NET_ADMIN
 * (Linux 4.20); others take what is at the path. A negative errno, -ENOENT if another is
 * there.
 */
static int open_node(int fd, const char *path)
{
	struct node_identity own = { 0 };
	int node = ioctl(fd, SIOCUNIXFILE, 0);
	int rc;

	if (node == -1) {
		node = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		return node == -1 ? -errno : node;
	}
	rc = identify(node, "", AT_EMPTY_PATH, &own);
	if (rc == 0 && !is_at(path, &own))
		rc = -ENOENT;
	if (rc != 0) {
		fd_close(&node);
		return rc;
	}
	return node;
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
 * Has anybody a socket bound to the node at @addr? 0: nobody; -ENOENT: it is gone by now;
 * another negative errno: somebody has, or it cannot be told. Asked with a datagram
 * socket, whatever the node's kind: a stream socket gets ECONNREFUSED from one that does
 * not listen yet as well, this one EPROTOTYPE, see unix_find_bsd() in the kernel; and it
 * takes no place in a backlog.
 */
static int probe(const struct endpoint *endpoint)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = -EADDRINUSE;

	if (fd == -1)
		return -errno;
	if (connect(fd, &endpoint->addr.u.any, endpoint->addr.length) == -1 &&
	    (errno == ECONNREFUSED || errno == ENOENT || errno == EACCES))
		rc = errno == ECONNREFUSED ? 0 : -errno;
	fd_close(&fd);
	return rc;
}

/* Remove the node of that identity, no other. */
static int unlink_node(const char *path, const struct node_identity *node)
{
	if (!is_at(path, node))
		return -EADDRINUSE;
	return unlink(path) == -1 && errno != ENOENT ? -errno : 0;
}

static int refuse_stale(const struct endpoint *endpoint, int code, const char *why,
			struct error *err)
{
	char name[ENDPOINT_TEXT_SIZE];

	return error_set(err, code, "cannot bind '%s': %s",
			 endpoint_format(endpoint, name), why);
}

/* @node is what was at the path; held open, its number cannot be used again. */
static int remove_unused(const struct endpoint *endpoint, const char *path, int node,
			 struct error *err)
{
	char name[ENDPOINT_TEXT_SIZE];
	struct node_identity own = { 0 };
	int rc = identify(node, "", AT_EMPTY_PATH, &own);

	if (rc == -ENOTSOCK)
		return refuse_stale(endpoint, -EADDRINUSE,
				    "a file that is no socket is there", err);
	if (rc == 0)
		rc = probe(endpoint);
	if (rc == -ENOENT)
		return 0;
	if (rc == -EADDRINUSE)
		return refuse_stale(endpoint, rc, "another program serves it", err);
	endpoint_format(endpoint, name);
	if (rc != 0)
		return error_set_errno(
			err, rc, "cannot bind '%s': cannot tell whether it is in use",
			name);
	/* Nobody can bind a socket to an old node: if it is still that one, it is stale.
	 */
	rc = unlink_node(path, &own);
	if (rc != 0)
		return error_set_errno(err, rc, "cannot remove the stale '%s'", name);
	return 0;
}

/* Make room for the node. 0 when there is, else -EADDRINUSE or another errno. */
static int remove_stale(const struct endpoint *endpoint, const char *path,
			struct error *err)
{
	char name[ENDPOINT_TEXT_SIZE];
	int node = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int rc;

	if (node == -1)
		return errno == ENOENT
			       ? 0
			       : error_set_errno(err, -errno, "cannot look at '%s'",
						 endpoint_format(endpoint, name));
	rc = remove_unused(endpoint, path, node, err);
	fd_close(&node);
	return rc;
}

/* chmod(2) of an O_PATH descriptor, which fchmod(2) refuses. */
static int change_mode(int node, mode_t mode)
{
	char name[PROC_NAME_SIZE];

	(void)snprintf(name, sizeof(name), "/proc/thread-self/fd/%d", node);
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

int unix_listener_apply(int fd, const struct endpoint *endpoint, struct error *err)
{
	char name[ENDPOINT_TEXT_SIZE];
	char path[PATH_SIZE];
	int node;
	int rc;

	if (!node_path(endpoint, path))
		return 0;
	node = open_node(fd, path);
	rc = node < 0 ? node : change_node(node, endpoint);
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
	rc = unix_listener_apply(fd, endpoint, err);
	if (rc != 0)
		unix_listener_unbind(fd, endpoint);
	return rc;
}

void unix_listener_unbind(int fd, const struct endpoint *endpoint)
{
	struct node_identity node;

	if (listener_identify(fd, endpoint, &node) == 0)
		listener_unlink_node(endpoint, &node);
}

void listener_unlink(const struct endpoint *endpoint)
{
	char path[PATH_SIZE];
	struct stat node;

	if (node_path(endpoint, path) && lstat(path, &node) == 0 &&
	    S_ISSOCK(node.st_mode))
		(void)unlink(path);
}

int listener_identify(int fd, const struct endpoint *endpoint, struct node_identity *ret)
{
	struct node_identity found = { 0 };
	char path[PATH_SIZE];
	int node;
	int rc;

	if (node_path(endpoint, path)) {
		node = open_node(fd, path);
		rc = node < 0 ? node : identify(node, "", AT_EMPTY_PATH, &found);
		fd_close(&node);
		if (rc != 0)
			return rc;
	}
	*ret = found;
	return 0;
}

void listener_unlink_node(const struct endpoint *endpoint,
			  const struct node_identity *node)
{
	char path[PATH_SIZE];

	if (node_path(endpoint, path))
		(void)unlink_node(path, node);
}
