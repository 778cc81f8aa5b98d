/* SPDX-License-Identifier: ISC */
/*
 * Between supervisor and worker: a pair of connected SOCK_SEQPACKET sockets. The worker
 * reports, the supervisor orders (order.h); a closed channel ends the worker.
 *
 * Reports never block the worker: what the supervisor does not take in time is dropped
 * and counted, and the count is sent later. What arrives is checked like any input: a
 * worker talks to strangers all day.
 */
#ifndef USHERD_SERVE_CHANNEL_H
#define USHERD_SERVE_CHANNEL_H

#include "usherd/loop/loop.h"
#include "usherd/serve/report.h"

/* Both ends, close-on-exec and non-blocking. 0 or a negative errno. */
int channel_open(int *ret_supervisor, int *ret_worker);

#define CHANNEL_PACKET_SIZE 16384
#define CHANNEL_DELAY_NS    (UINT64_C(5) * 1000000)

/* The worker's reporter. */
struct channel_reporter {
	struct reporter reporter;
	int fd;            /* borrowed */
	struct loop *loop; /* borrowed; NULL: each report travels alone */
	struct timer timer;
	unsigned lost;
	unsigned held; /* reports in the packet */
	size_t used;   /* bytes of it */
	uint8_t packet[CHANNEL_PACKET_SIZE];
};
void channel_reporter_init(struct channel_reporter *channel, int fd);

/*
 * From now on events wait up to CHANNEL_DELAY_NS for others to share a packet with. They
 * keep their order; a message takes those before it along at once.
 */
void channel_gather(struct channel_reporter *channel, struct loop *loop);
/* Send what waits. */
void channel_flush(struct channel_reporter *channel);

/*
 * Read one packet at the supervisor's end and pass its reports on to @reporter. 0;
 * -EAGAIN when there is none; -EPIPE when the worker has closed its end; -EBADMSG for
 * nonsense, the reports before it having been passed on.
 */
int channel_receive(int fd, struct reporter *reporter);

#endif
