/* SPDX-License-Identifier: ISC */
/*
 * Small things every module of this floor does to a socket: options, its own address,
 * which errors concern somebody else. Makes no socket and decides nothing.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "net_internal.h"

/*
 * accept(2) "Error handling" for streams; icmp(7) and the ICMP codes the kernel turns
 * into errno for datagrams.
 */
static const int passing_errors[] = {
	EINTR,        ECONNABORTED, ECONNREFUSED, ECONNRESET,  EACCES, EHOSTDOWN,
	EHOSTUNREACH, EMSGSIZE,     ENETDOWN,     ENETUNREACH, ENONET, ENOPROTOOPT,
	EOPNOTSUPP,   EPERM,        EPROTO,       ETIMEDOUT,
};

void net_addr_finish(struct addr *addr)
{
	/* An unnamed UNIX socket has a family and nothing else, unix(7). */
	if (addr->length <= sizeof(sa_family_t)) {
		*addr = (struct addr){ 0 };
		return;
	}
	/* A path of 108 bytes comes back with the length of its NUL, unix(7) "BUGS". */
	if (addr->length > sizeof(addr->u))
		addr->length = sizeof(addr->u);
	addr_normalise(addr);
}

int net_local_addr(int fd, struct addr *ret)
{
	struct addr found = { .length = sizeof(found.u) };

	if (getsockname(fd, &found.u.any, &found.length) == -1)
		return -errno;
	net_addr_finish(&found);
	*ret = found;
	return 0;
}

int net_set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == -1 ? -errno : 0;
}

int net_get_option(int fd, int level, int name)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, level, name, &value, &length) == -1 ? -errno : value;
}

int net_bind_device(int fd, const char *interface)
{
	socklen_t length = (socklen_t)strlen(interface);

	if (length == 0)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, length) == -1)
		return -errno;
	return 0;
}

bool net_error_is_passing(int error)
{
	for (size_t i = 0; i < sizeof(passing_errors) / sizeof(passing_errors[0]); i++) {
		if (passing_errors[i] == error)
			return true;
	}
	return false;
}

ssize_t net_receive(int fd, struct msghdr *message, int flags)
{
	socklen_t name_length = message->msg_namelen;
	size_t control_length = message->msg_controllen;

	for (int i = 0; i < NET_TRIES; i++) {
		ssize_t length = recvmsg(fd, message, flags | MSG_DONTWAIT);

		if (length != -1)
			return length;
		if (!net_error_is_passing(errno))
			return -errno;
		message->msg_namelen = name_length;
		message->msg_controllen = control_length;
	}
	return -EAGAIN;
}

void net_start_stamps(int fd)
{
	struct timespec none;

	/* The first time of asking makes the kernel take note, socket(7) "Ioctls". */
	(void)ioctl(fd, SIOCGSTAMPNS_OLD, &none);
}
