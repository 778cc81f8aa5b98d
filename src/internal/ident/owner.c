/* SPDX-License-Identifier: ISC */
/*
 * Who owns a connection: one exact question to the kernel, sock_diag(7) "inet_diag",
 * which answers it within send(2). The socket is connected to the kernel, so that nobody
 * else can put an answer into it.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ident.h"
#include "usherd/base/fd.h"

/* Answers to earlier questions that are passed over. */
#define ANSWERS_MAX 8

struct question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 request;
};

union answer {
	struct nlmsghdr head;
	uint8_t bytes[1024];
};

struct ident_hosts ident_hosts_of(const struct addr *local, const struct addr *remote)
{
	struct ident_hosts hosts = { .family = AF_UNSPEC };
	int family = addr_family(local);

	if (family != addr_family(remote))
		return hosts;
	if (family == AF_INET) {
		hosts.family = AF_INET;
		hosts.local[0] = local->u.in.sin_addr.s_addr;
		hosts.remote[0] = remote->u.in.sin_addr.s_addr;
	} else if (family == AF_INET6) {
		hosts.family = AF_INET6;
		memcpy(hosts.local, &local->u.in6.sin6_addr, sizeof(hosts.local));
		memcpy(hosts.remote, &remote->u.in6.sin6_addr, sizeof(hosts.remote));
		hosts.interface = local->u.in6.sin6_scope_id;
	}
	return hosts;
}

static struct question make_question(uint32_t sequence, const struct ident_hosts *hosts,
				     const struct ident_ports *ports)
{
	struct question question = {
		.head = { .nlmsg_len = sizeof(question),
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST,
			  .nlmsg_seq = sequence },
		.request = { .sdiag_family = (uint8_t)hosts->family,
			     .sdiag_protocol = IPPROTO_TCP,
			     .idiag_states = UINT32_MAX,
			     .id = { .idiag_sport = htons(ports->local),
				     .idiag_dport = htons(ports->remote),
				     .idiag_if = hosts->interface,
				     .idiag_cookie = { INET_DIAG_NOCOOKIE,
						       INET_DIAG_NOCOOKIE } } },
	};

	memcpy(question.request.id.idiag_src, hosts->local, sizeof(hosts->local));
	memcpy(question.request.id.idiag_dst, hosts->remote, sizeof(hosts->remote));
	return question;
}

static int read_error(const union answer *answer, size_t length)
{
	struct nlmsgerr error;

	if (length < NLMSG_HDRLEN + sizeof(error))
		return -EBADMSG;
	memcpy(&error, answer->bytes + NLMSG_HDRLEN, sizeof(error));
	return error.error < 0 ? error.error : -EBADMSG;
}

/*
 * Where there is no connection the kernel gives a socket that listens on the port, and
 * without an inode it is a socket that no process has (any more): its owner is nobody,
 * which reads as uid 0.
 */
static int read_owner(const union answer *answer, size_t length,
		      const struct ident_ports *ports, uid_t *ret)
{
	struct inet_diag_msg found;

	if (answer->head.nlmsg_type == NLMSG_ERROR)
		return read_error(answer, length);
	if (answer->head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    length < NLMSG_HDRLEN + sizeof(found))
		return -EBADMSG;
	memcpy(&found, answer->bytes + NLMSG_HDRLEN, sizeof(found));
	if (found.id.idiag_sport != htons(ports->local) ||
	    found.id.idiag_dport != htons(ports->remote) || found.idiag_inode == 0)
		return -ENOENT;
	*ret = found.idiag_uid;
	return 0;
}

static int receive(int fd, union answer *answer, size_t *ret_length)
{
	ssize_t length;

	do {
		length = recv(fd, answer->bytes, sizeof(answer->bytes), MSG_DONTWAIT);
	} while (length == -1 && errno == EINTR);
	if (length == -1)
		return -errno;
	if ((size_t)length < sizeof(answer->head))
		return -EBADMSG;
	*ret_length = (size_t)length;
	return 0;
}

int ident_owner(struct ident_asker *asker, const struct ident_hosts *hosts,
		const struct ident_ports *ports, uid_t *ret)
{
	struct question question = make_question(++asker->sequence, hosts, ports);
	union answer answer;
	size_t length = 0;

	if (asker->fd == -1)
		return -ENOTCONN;
	if (hosts->family == AF_UNSPEC)
		return -ENOENT;
	if (send(asker->fd, &question, sizeof(question), MSG_DONTWAIT) == -1)
		return -errno;
	for (int i = 0; i < ANSWERS_MAX; i++) {
		int r = receive(asker->fd, &answer, &length);

		if (r < 0)
			return r;
		if (answer.head.nlmsg_seq == asker->sequence)
			return read_owner(&answer, length, ports, ret);
	}
	return -EBADMSG;
}

/* The first question makes the kernel load what it needs to answer: not later, when
 * clients wait. Nobody has such a connection. */
static int try_it(struct ident_asker *asker)
{
	const struct ident_hosts hosts = { .family = AF_INET,
					   .local = { htonl(INADDR_LOOPBACK) },
					   .remote = { htonl(INADDR_LOOPBACK) } };
	const struct ident_ports ports = { 0 };
	uid_t uid;
	int r = ident_owner(asker, &hosts, &ports, &uid);

	return r == -ENOENT ? 0 : r;
}

int ident_asker_open(struct ident_asker *asker)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int r;

	asker->sequence = 0;
	asker->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (asker->fd == -1)
		return -errno;
	if (connect(asker->fd, (const struct sockaddr *)&kernel, sizeof(kernel)) == -1)
		r = -errno;
	else
		r = try_it(asker);
	if (r < 0)
		ident_asker_close(asker);
	return r;
}

void ident_asker_close(struct ident_asker *asker)
{
	fd_close(&asker->fd);
}
