/* SPDX-License-Identifier: ISC */
/*
 * A set of addresses, built once from prefixes, asked often: sorted disjoint ranges in
 * the 128-bit space (IPv4 in its mapped form), membership by binary search.
 * All zero is the empty set. An IPv6 prefix never contains an IPv4 address, not even
 * ::/0, in whose midst the mapped form lies.
 */
#ifndef USHERD_BASE_ADDRSET_H
#define USHERD_BASE_ADDRSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/addr.h"

struct addr_range {
	uint8_t first[16];
	uint8_t last[16];
};

struct addrset {
	struct addr_range *ranges; /* owned, ascending, disjoint, never adjacent */
	size_t count;
};

/* Build from @count prefixes. Returns 0 or -ENOMEM. @ret is overwritten, not freed. */
int addrset_build(const struct prefix *prefixes, size_t count, struct addrset *ret);

/* False for an address that is neither IPv4 nor IPv6. */
bool addrset_contains(const struct addrset *set, const struct addr *addr);

/* Every IPv4 and every IPv6 address: 0.0.0.0/0 and ::/0. */
bool addrset_is_everything(const struct addrset *set);

void addrset_done(struct addrset *set);

#endif
