/* SPDX-License-Identifier: ISC */
/*
 * Datagrams with wait = no: one process per peer, each with a connected socket of its
 * own.
 *
 * The first datagram, and whatever of the same peer came before its socket was connected,
 * is put into that socket, so that the program reads all of it with read(2), each
 * datagram once; those that come in the microseconds of the handover may overtake. A flow
 * ends with its program, or FLOW_IDLE_DEFAULT_NS (or the service's idle_timeout) after
 * the last datagram that the program has read: TERM, then KILL after FLOW_GRACE_NS. What
 * a program that did read has left unread counts as new clients; a program that ended
 * without reading at all costs its peer those datagrams, so that nothing loops.
 */
#ifndef USHERD_SERVE_FLOWS_H
#define USHERD_SERVE_FLOWS_H

#include "usherd/serve/duty.h"

/* Of peers about whom something has to be found out first so much is kept for each
 * service meanwhile, with what it takes to keep it; what is too much is lost. */
#define FLOWS_HELD_BYTES     (UINT64_C(1) << 20)

#define FLOW_IDLE_DEFAULT_NS (UINT64_C(60) * 1000000000)
#define FLOW_GRACE_NS        (UINT64_C(5) * 1000000000)

void flows_ready(struct listener *listener);

#endif
