/* SPDX-License-Identifier: ISC */
/*
 * Many datagrams in one system call each way, recvmmsg(2) and sendmmsg(2): requests are
 * received together, and their answers leave together.
 */
#ifndef USHERD_NET_BATCH_H
#define USHERD_NET_BATCH_H

#include "usherd/net/datagram.h"

#define DATAGRAM_BATCH 32

struct datagram_batch;

/* Address space for DATAGRAM_BATCH requests and answers of DATAGRAM_MAX bytes; memory is
 * taken as it is used. 0 or -ENOMEM. */
int datagram_batch_new(struct datagram_batch **ret);
void datagram_batch_free(struct datagram_batch *batch); /* NULL allowed */

/*
 * Receive what is queued at @fd, up to DATAGRAM_BATCH, as datagram_receive() does it;
 * what was received before, and answers not sent, are forgotten. Returns how many,
 * -EAGAIN, or another negative errno.
 */
int datagram_batch_receive(struct datagram_batch *batch, int fd,
			   const struct addr *local);

/* One of those received. Borrowed until the next receive. */
const struct datagram *datagram_batch_at(const struct datagram_batch *batch,
					 size_t index);

/* DATAGRAM_MAX bytes for the answer to that request. */
uint8_t *datagram_batch_room(struct datagram_batch *batch, size_t index);

/* Have @length bytes of that room sent, as datagram_reply() does it. At most one answer
 * to a request, whose sender must not be unnamed. */
void datagram_batch_answer(struct datagram_batch *batch, size_t index, size_t length);

/* Send the answers on @fd without blocking; those the kernel does not take are dropped.
 * Returns how many it took. */
size_t datagram_batch_send(struct datagram_batch *batch, int fd);

#endif
