/* SPDX-License-Identifier: ISC */
/* Orders as packets. Both ends are the same program, so they are its own structures; what
 * arrives is checked all the same. */
#include "usherd/serve/order.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "usherd/base/fd.h"
#include "usherd/base/text.h"

static const char drain = 'D';
static const char retarget = 'T';

struct packet {
	char kind;
	uint8_t host_count;
	uint8_t address_counts[TARGETS_MAX];
	uint8_t directory_count;
	uint8_t directory_present[TARGETS_MAX]; /* 0 or 1: it travels with the packet */
	char service[EVENT_SERVICE_SIZE];
	struct addr addresses[TARGET_ADDRESSES_MAX]; /* of all hosts, cut to those used */
};

union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(int) * TARGETS_MAX)];
};

int order_drain(int fd)
{
	if (send(fd, &drain, sizeof(drain), MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		return -errno;
	return 0;
}

static size_t pack(struct packet *packet, const char *service,
		   const struct target_list *targets)
{
	size_t count = 0;

	memset(packet, 0, sizeof(*packet));
	packet->kind = retarget;
	(void)text_copy(packet->service, sizeof(packet->service), service);
	for (size_t i = 0; i < targets->count && i < TARGETS_MAX; i++) {
		const struct host *at = &targets->items[i].at;

		packet->host_count++;
		packet->address_counts[i] = (uint8_t)at->count;
		for (size_t j = 0; j < at->count; j++)
			packet->addresses[count++] = at->addresses[j];
	}
	return offsetof(struct packet, addresses) + count * sizeof(packet->addresses[0]);
}

static void attach(struct msghdr *message, union control *control, const int *directories,
		   size_t count)
{
	struct cmsghdr *entry = &control->align;
	size_t size = count * sizeof(*directories);

	if (count == 0)
		return;
	message->msg_control = control->bytes;
	message->msg_controllen = CMSG_SPACE(size);
	entry->cmsg_level = SOL_SOCKET;
	entry->cmsg_type = SCM_RIGHTS;
	entry->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(entry), directories, size);
}

int order_retarget(int fd, const char *service, const struct target_list *targets,
		   const int *directories, size_t directory_count)
{
	struct packet packet;
	union control control = { .bytes = { 0 } };
	int present[TARGETS_MAX];
	size_t count = 0;
	struct iovec part = { .iov_base = &packet,
			      .iov_len = pack(&packet, service, targets) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	for (size_t i = 0; i < directory_count && i < TARGETS_MAX; i++) {
		packet.directory_count++;
		packet.directory_present[i] = directories[i] != -1;
		if (directories[i] != -1)
			present[count++] = directories[i];
	}
	attach(&message, &control, present, count);
	if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		return -errno;
	return 0;
}

/* What came along, in no relation to anything yet. */
static void take_descriptors(struct msghdr *message, struct order *order)
{
	const struct cmsghdr *entry = CMSG_FIRSTHDR(message);
	size_t size;

	if (entry == NULL || entry->cmsg_level != SOL_SOCKET ||
	    entry->cmsg_type != SCM_RIGHTS)
		return;
	/* The control buffer has room for no more than there may be. */
	size = entry->cmsg_len - CMSG_LEN(0);
	memcpy(order->directories, CMSG_DATA(entry), size);
	order->directory_count = size / sizeof(order->directories[0]);
}

/* Each to the path that it belongs to. */
static bool place_directories(const struct packet *packet, struct order *order)
{
	int placed[TARGETS_MAX];
	size_t used = 0;

	if (packet->directory_count > TARGETS_MAX)
		return false;
	for (size_t i = 0; i < packet->directory_count; i++) {
		bool present = packet->directory_present[i] != 0;

		if (present && used == order->directory_count)
			return false;
		placed[i] = present ? order->directories[used++] : -1;
	}
	if (used != order->directory_count)
		return false;
	memcpy(order->directories, placed, packet->directory_count * sizeof(placed[0]));
	order->directory_count = packet->directory_count;
	return true;
}

static bool unpack(const struct packet *packet, size_t length, struct order *order)
{
	size_t used = 0;

	if (length < offsetof(struct packet, addresses) ||
	    packet->host_count > TARGETS_MAX ||
	    memchr(packet->service, '\0', sizeof(packet->service)) == NULL)
		return false;
	for (size_t i = 0; i < packet->host_count; i++) {
		struct host *host = &order->hosts[i];

		if (packet->address_counts[i] > HOST_ADDRESSES_MAX)
			return false;
		for (host->count = 0; host->count < packet->address_counts[i];)
			host->addresses[host->count++] = packet->addresses[used++];
	}
	if (length != offsetof(struct packet, addresses) + used * sizeof(struct addr))
		return false;
	for (size_t i = 0; i < used; i++)
		if (packet->addresses[i].length > sizeof(packet->addresses[i].u))
			return false;
	if (!place_directories(packet, order))
		return false;
	memcpy(order->service, packet->service, sizeof(order->service));
	order->host_count = packet->host_count;
	order->kind = ORDER_RETARGET;
	return true;
}

static int refuse(struct order *order)
{
	for (size_t i = 0; i < order->directory_count; i++)
		fd_close(&order->directories[i]);
	return -EAGAIN;
}

int order_receive(int fd, struct order *ret)
{
	struct packet packet;
	union control control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = &packet, .iov_len = sizeof(packet) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t length;

	memset(&packet, 0, sizeof(packet));
	memset(ret, 0, sizeof(*ret));
	length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length == -1)
		return errno == EINTR ? -EAGAIN : -errno;
	if (length == 0)
		return -EPIPE;
	take_descriptors(&message, ret);
	if (length == 1 && packet.kind == drain)
		return 0;
	if (packet.kind == retarget && unpack(&packet, (size_t)length, ret))
		return 0;
	return refuse(ret);
}
