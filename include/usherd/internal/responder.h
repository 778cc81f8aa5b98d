/* SPDX-License-Identifier: ISC */
/*
 * Datagram clients of in-process services: one answer to each request, at once or not at
 * all. Nothing here amplifies or loops: no answer goes to a well-known port on which a
 * service answers whatever it gets (7, 9, 11, 13, 17, 19, 37, 53, 69, 111, 123, 137, 161,
 * 389, 520, ...), to port 0, to a port of ours, to a multicast or broadcast address, or
 * to a request that was sent to one.
 */
#ifndef USHERD_INTERNAL_RESPONDER_H
#define USHERD_INTERNAL_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/internal/builtin.h"
#include "usherd/net/datagram.h"

/*
 * May a request from that peer be answered? Pure. Refused as well: a peer on the port
 * that the request came to, be it on another host, where the same service may listen.
 */
bool responder_may_answer(const struct datagram *request);

/*
 * The UDP ports on which in-process services answer: two of them must not be set to talk
 * to each other by one forged datagram. All zero is the empty set.
 */
struct responder_ports {
	uint8_t bits[65536 / 8];
};
void responder_ports_add(struct responder_ports *ports, uint16_t port);
bool responder_ports_has(const struct responder_ports *ports, uint16_t port);

/* Does the request come from one of @ports, on whatever host? Then it is not to be
 * answered: other hosts are likely to have the same services. */
bool responder_ports_sent(const struct responder_ports *ports,
			  const struct datagram *request);

/*
 * Write the answer to @request into @reply, @size bytes. Pure. Returns its length, or -1
 * where there is to be none.
 */
ssize_t responder_answer(const struct builtin *builtin, const struct datagram *request,
			 uint8_t *reply, size_t size,
			 const struct builtin_moment *moment);

#endif
