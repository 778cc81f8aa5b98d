/* SPDX-License-Identifier: ISC */
#include "usherd/net/flow_key.h"

#include <string.h>

#include "usherd/base/addr.h"

static void key_half(const struct addr *addr, uint8_t bytes[16], uint32_t *scope)
{
	struct prefix prefix;

	if (!prefix_of(addr, 32, 128, &prefix))
		return;
	memcpy(bytes, prefix.bytes, sizeof(prefix.bytes));
	if (addr_family(addr) == AF_INET6)
		*scope = addr->u.in6.sin6_scope_id;
}

struct flow_key flow_key_of(const struct datagram *datagram)
{
	struct flow_key key;

	memset(&key, 0, sizeof(key));
	key_half(&datagram->local, key.local, &key.scope);
	key_half(&datagram->peer, key.peer, &key.scope);
	key.peer_port = addr_port(&datagram->peer);
	key.local_port = addr_port(&datagram->local);
	return key;
}
