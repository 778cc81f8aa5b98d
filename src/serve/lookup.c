/* SPDX-License-Identifier: ISC */
/* The short life of a process that looks up names, and its answers. */
#include "usherd/serve/lookup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sysexits.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/base/text.h"
#include "usherd/net/connect.h"
#include "usherd/serve/helper.h"

/* Where its end of the socket stands in the new process. */
#define ANSWER_FD HELPER_FD

/* If nobody else ends it. */
#define LIFE_SECONDS 60

struct packet {
	uint8_t target;
	uint8_t count; /* addresses */
	int32_t code;
	char why[64];
	struct addr addresses[HOST_ADDRESSES_MAX];
};

union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(int))];
};

static void send_answer(const struct packet *packet, int directory)
{
	union control control = { .bytes = { 0 } };
	uintptr_t bytes = (uintptr_t)packet; /* iov_base lacks the const it deserves */
	struct iovec part = { .iov_base = (void *)bytes, .iov_len = sizeof(*packet) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (directory != -1) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &directory, sizeof(int));
	}
	if (sendmsg(ANSWER_FD, &message, MSG_NOSIGNAL) == -1)
		_exit(EX_OSERR);
}

static void find_directory(const struct target *target, uint8_t index)
{
	struct packet packet = { .target = index };
	int directory = -1;

	packet.code = connect_open_directory(&target->at.addresses[0], &directory);
	if (packet.code < 0)
		(void)text_copy(packet.why, sizeof(packet.why), strerror(-packet.code));
	send_answer(&packet, directory);
	fd_close(&directory);
}

static void find_host(const struct target *target, uint8_t index)
{
	struct packet packet = { .target = index };
	struct host host = { .count = 0 };
	struct error err = { 0 };

	packet.code = host_look_up(target->name, target->port, &host, &err);
	(void)text_copy(packet.why, sizeof(packet.why), err.text);
	packet.count = (uint8_t)host.count;
	memcpy(packet.addresses, host.addresses,
	       host.count * sizeof(packet.addresses[0]));
	send_answer(&packet, -1);
}

static bool is_absolute(const struct target *target)
{
	return target_is_path(target) && target->text[0] == '/';
}

static void run(const void *data, int fd)
{
	const struct lookup_plan *plan = data;
	const struct target_list *targets = plan->targets;

	helper_settle(&fd, 1, LIFE_SECONDS);
	for (size_t i = 0; plan->root && i < targets->count; i++)
		if (is_absolute(&targets->items[i]))
			find_directory(&targets->items[i], (uint8_t)i);
	helper_confine(plan->credentials, plan->root);
	for (size_t i = 0; i < targets->count; i++)
		if (targets->items[i].name != NULL)
			find_host(&targets->items[i], (uint8_t)i);
}

int lookup_fork(const struct lookup_plan *plan, int *ret_fd, pid_t *ret_pid)
{
	return helper_fork(run, plan, ret_fd, ret_pid);
}

static int descriptor_of(struct msghdr *message)
{
	const struct cmsghdr *entry = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (entry != NULL && entry->cmsg_level == SOL_SOCKET &&
	    entry->cmsg_type == SCM_RIGHTS && entry->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(entry), sizeof(fd));
	return fd;
}

/* Does @packet answer what was asked? It comes from a process that talks to strangers. */
static bool is_sound(const struct packet *packet, const struct target_list *targets)
{
	const struct target *target;

	if (packet->target >= targets->count || packet->code > 0)
		return false;
	target = &targets->items[packet->target];
	if (packet->count > (target->name != NULL ? HOST_ADDRESSES_MAX : 0))
		return false;
	for (size_t i = 0; i < packet->count; i++) {
		const struct addr *addr = &packet->addresses[i];
		int family =
			addr->length <= sizeof(addr->u) ? addr_family(addr) : AF_UNSPEC;

		if ((family != AF_INET && family != AF_INET6) ||
		    addr_port(addr) != target->port)
			return false;
	}
	return true;
}

static void take(const struct packet *packet, int directory,
		 struct lookup_answers *answers)
{
	answers->items[packet->target].answered = true;
	answers->items[packet->target].code = packet->code;
	answers->items[packet->target].directory = directory;
	answers->items[packet->target].host.count = packet->count;
	memcpy(answers->items[packet->target].host.addresses, packet->addresses,
	       packet->count * sizeof(packet->addresses[0]));
	(void)text_escape(answers->items[packet->target].why,
			  sizeof(answers->items[packet->target].why), packet->why);
}

void lookup_read(int fd, const struct target_list *targets, struct lookup_answers *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < TARGETS_MAX; i++)
		ret->items[i].directory = -1;
	/* One packet for each target is what a sound one sends. */
	for (size_t i = 0; i < TARGETS_MAX; i++) {
		struct packet packet = { 0 };
		union control control = { .bytes = { 0 } };
		struct iovec part = { .iov_base = &packet, .iov_len = sizeof(packet) };
		struct msghdr message = { .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = control.bytes,
					  .msg_controllen = sizeof(control.bytes) };
		ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		int directory;

		if (length <= 0)
			return;
		directory = descriptor_of(&message);
		packet.why[sizeof(packet.why) - 1] = '\0';
		if (length == (ssize_t)sizeof(packet) && is_sound(&packet, targets) &&
		    !ret->items[packet.target].answered)
			take(&packet, directory, ret);
		else
			fd_close(&directory);
	}
}

void lookup_answers_done(struct lookup_answers *answers)
{
	for (size_t i = 0; i < TARGETS_MAX; i++)
		fd_close(&answers->items[i].directory);
}
