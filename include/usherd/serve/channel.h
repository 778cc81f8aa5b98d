/* SPDX-License-Identifier: ISC */
/*
 * Between supervisor and worker: a pair of connected SOCK_SEQPACKET sockets, one message
 * a packet. The worker reports, the supervisor orders; a closed channel ends the worker.
 *
 * Reports never block the worker: what the supervisor does not take in time is dropped
 * and counted, and the count is sent later. What arrives is checked like any input: a
 * worker talks to strangers all day.
 */
#ifndef USHERD_SERVE_CHANNEL_H
#define USHERD_SERVE_CHANNEL_H

#include "usherd/serve/report.h"

/* Both ends, close-on-exec and non-blocking. 0 or a negative errno. */
int channel_open(int *ret_supervisor, int *ret_worker);

/* The worker's reporter. */
struct channel_reporter {
	struct reporter reporter;
	int fd; /* borrowed */
	unsigned lost;
};
void channel_reporter_init(struct channel_reporter *reporter, int fd);

/*
 * Read one report at the supervisor's end and pass it on to @reporter. 0; -EAGAIN when
 * there is none; -EPIPE when the worker has closed its end; -EBADMSG for nonsense.
 */
int channel_receive(int fd, struct reporter *reporter);

/* The one order there is: accept nobody any more, end with the last session. */
int channel_order_drain(int fd);
/* At the worker's end: 0 when ordered to drain, -EAGAIN: nothing, -EPIPE: closed. */
int channel_read_order(int fd);

#endif
