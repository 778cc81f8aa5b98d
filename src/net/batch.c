/* SPDX-License-Identifier: ISC */
/* Datagrams by the dozen. One at a time is datagram.c's. */
#include "usherd/net/batch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "net_internal.h"

#define ROOMS_SIZE ((size_t)DATAGRAM_BATCH * DATAGRAM_MAX)

/* What one direction's system call works on. */
struct way {
	struct mmsghdr messages[DATAGRAM_BATCH];
	struct iovec parts[DATAGRAM_BATCH];
	union net_control controls[DATAGRAM_BATCH];
	uint8_t *rooms; /* owned, ROOMS_SIZE */
};

struct datagram_batch {
	struct way in;
	struct way out;
	struct datagram datagrams[DATAGRAM_BATCH];
	size_t used;     /* slots that the last receive has filled */
	size_t answered; /* messages of out */
	bool any_source; /* the socket has no address of its own to answer from */
};

/* Ready for the next datagram, after what the last one has left there. */
static void clear_slot(struct datagram_batch *batch, size_t index)
{
	struct datagram *datagram = &batch->datagrams[index];
	struct msghdr *message = &batch->in.messages[index].msg_hdr;

	*datagram = (struct datagram){ .data = batch->in.rooms + index * DATAGRAM_MAX };
	batch->in.parts[index] =
		(struct iovec){ .iov_base = datagram->data, .iov_len = DATAGRAM_MAX };
	*message = (struct msghdr){ .msg_name = &datagram->peer.u.any,
				    .msg_namelen = sizeof(datagram->peer.u),
				    .msg_iov = &batch->in.parts[index],
				    .msg_iovlen = 1 };
}

static bool map_rooms(struct way *way)
{
	void *memory = mmap(NULL, ROOMS_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return false;
	way->rooms = memory;
	return true;
}

static void unmap_rooms(struct way *way)
{
	if (way->rooms != NULL)
		(void)munmap(way->rooms, ROOMS_SIZE);
}

int datagram_batch_new(struct datagram_batch **ret)
{
	struct datagram_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return -ENOMEM;
	if (!map_rooms(&batch->in) || !map_rooms(&batch->out)) {
		datagram_batch_free(batch);
		return -ENOMEM;
	}
	for (size_t i = 0; i < DATAGRAM_BATCH; i++)
		clear_slot(batch, i);
	*ret = batch;
	return 0;
}

void datagram_batch_free(struct datagram_batch *batch)
{
	if (batch == NULL)
		return;
	unmap_rooms(&batch->in);
	unmap_rooms(&batch->out);
	free(batch);
}

/* Descriptors that a UNIX client sends along are closed for want of room, unix(7). */
static void give_control_room(struct datagram_batch *batch, bool wanted)
{
	for (size_t i = 0; i < DATAGRAM_BATCH; i++) {
		struct msghdr *message = &batch->in.messages[i].msg_hdr;

		message->msg_control = wanted ? batch->in.controls[i].bytes : NULL;
		message->msg_controllen =
			wanted ? sizeof(batch->in.controls[i].bytes) : 0;
	}
}

static int receive(struct datagram_batch *batch, int fd)
{
	for (int i = 0; i < NET_TRIES; i++) {
		int count = recvmmsg(fd, batch->in.messages, DATAGRAM_BATCH, MSG_DONTWAIT,
				     NULL);

		if (count != -1)
			return count;
		if (!net_error_is_passing(errno))
			return -errno;
	}
	return -EAGAIN;
}

int datagram_batch_receive(struct datagram_batch *batch, int fd, const struct addr *local)
{
	int family = addr_family(local);
	int count;

	for (size_t i = 0; i < batch->used; i++)
		clear_slot(batch, i);
	batch->used = 0;
	batch->answered = 0;
	batch->any_source = addr_is_wildcard(local);
	give_control_room(batch, family == AF_INET || family == AF_INET6);
	count = receive(batch, fd);
	if (count < 0)
		return count;
	batch->used = (size_t)count;
	for (size_t i = 0; i < batch->used; i++) {
		batch->datagrams[i].local = *local;
		batch->datagrams[i].length = batch->in.messages[i].msg_len;
		datagram_finish(&batch->datagrams[i], &batch->in.messages[i].msg_hdr);
	}
	return count;
}

const struct datagram *datagram_batch_at(const struct datagram_batch *batch, size_t index)
{
	assert(index < batch->used);
	return &batch->datagrams[index];
}

uint8_t *datagram_batch_room(struct datagram_batch *batch, size_t index)
{
	assert(index < batch->used);
	return batch->out.rooms + index * DATAGRAM_MAX;
}

void datagram_batch_answer(struct datagram_batch *batch, size_t index, size_t length)
{
	struct datagram *to = &batch->datagrams[index];
	size_t slot = batch->answered++;
	struct msghdr *message = &batch->out.messages[slot].msg_hdr;

	assert(index < batch->used && slot < DATAGRAM_BATCH && to->peer.length > 0);
	batch->out.parts[slot] =
		(struct iovec){ .iov_base = datagram_batch_room(batch, index),
				.iov_len = length };
	*message = (struct msghdr){ .msg_name = &to->peer.u.any,
				    .msg_namelen = to->peer.length,
				    .msg_iov = &batch->out.parts[slot],
				    .msg_iovlen = 1 };
	if (batch->any_source && !to->multicast)
		datagram_name_source(message, &batch->out.controls[slot], &to->local);
}

size_t datagram_batch_send(struct datagram_batch *batch, int fd)
{
	size_t taken = 0;
	size_t at = 0;

	while (at < batch->answered) {
		int count = sendmmsg(fd, batch->out.messages + at,
				     (unsigned)(batch->answered - at),
				     MSG_DONTWAIT | MSG_NOSIGNAL);

		if (count > 0) {
			taken += (size_t)count;
			at += (size_t)count;
		} else if (errno != EINTR) {
			/* The error is the first one's; the next may go elsewhere. */
			at++;
		}
	}
	batch->answered = 0;
	return taken;
}
