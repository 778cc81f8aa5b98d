/* SPDX-License-Identifier: ISC */
/*
 * wait = yes: the program gets the bound socket itself and serves whoever comes until it
 * ends; usherd looks away meanwhile.
 *
 * Nothing queued on the socket is read or dropped here, except a datagram whose sender
 * the guard refuses. A program that ends at once and leaves the queue as it was is
 * started again with growing pauses (WAIT_REST_FIRST_NS doubling to WAIT_REST_MAX_NS).
 */
#ifndef USHERD_SERVE_WAIT_H
#define USHERD_SERVE_WAIT_H

#include "usherd/serve/duty.h"

#define WAIT_UNMOVED_MAX   4
#define WAIT_QUICK_NS      (UINT64_C(1) * 1000000000)
#define WAIT_REST_FIRST_NS (UINT64_C(100) * 1000000)
#define WAIT_REST_MAX_NS   (UINT64_C(30) * 1000000000)

/* Somebody waits on the listener of a wait = yes service: hand the socket over. */
void wait_ready(struct listener *listener);

#endif
