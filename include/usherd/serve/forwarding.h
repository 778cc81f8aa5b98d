/* SPDX-License-Identifier: ISC */
/*
 * Datagram clients of in-process services that know flows: the guard is asked once for
 * each flow, at its first datagram, and a flow counts as one connection until it ends.
 *
 * No flow begins with a datagram that nobody can be answered for: one that was sent to a
 * multicast or broadcast address, from port 0, from the socket itself, or from a UDP port
 * of an in-process service on this host, where two of them would talk without end.
 */
#ifndef USHERD_SERVE_FORWARDING_H
#define USHERD_SERVE_FORWARDING_H

#include "usherd/serve/duty.h"

void forwarding_ready(struct listener *listener);

#endif
