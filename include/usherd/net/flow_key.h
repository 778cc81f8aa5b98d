/* SPDX-License-Identifier: ISC */
/* What tells the exchange of one UDP peer from that of another. */
#ifndef USHERD_NET_FLOW_KEY_H
#define USHERD_NET_FLOW_KEY_H

#include <stdint.h>

#include "usherd/net/datagram.h"

/* Both ends, an IPv4 address as the IPv6 one that maps it; every byte is defined, so keys
 * can be hashed and compared as bytes. */
struct flow_key {
	uint8_t peer[16];
	uint8_t local[16];
	uint32_t scope; /* of a link-local address, else 0 */
	uint16_t peer_port;
	uint16_t local_port;
};

/* Of the exchange that @datagram belongs to. Pure. */
struct flow_key flow_key_of(const struct datagram *datagram);

#endif
