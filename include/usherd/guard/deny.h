/* SPDX-License-Identifier: ISC */
/*
 * Addresses that no service takes, each until a moment of its own. Pure data in memory
 * that is given: one process writes, any number of others may read all the while, in
 * mappings at other addresses. Nobody waits for anybody.
 *
 * The list is bounded, and who asks an empty one pays for one load from memory.
 */
#ifndef USHERD_GUARD_DENY_H
#define USHERD_GUARD_DENY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/addr.h"

#define DENY_MAX     10240
#define DENY_FOREVER UINT64_MAX

struct deny_list;

/* Bytes of a list; all zero, aligned like malloc's, is an empty one. */
size_t deny_memory_size(void);

/* Is @peer denied at this moment? False for what is no IP address. IPv4 and IPv6
 * addresses are taken exactly as they are, a mapped one as IPv4. */
bool deny_holds(const struct deny_list *list, const struct addr *peer, uint64_t now_ns);

/*
 * Deny @peer until then, or until what was said before if that is later. 1: it is new to
 * the list; 0: it was there; -EINVAL: no IP address; -ENOSPC: the list is full.
 */
int deny_add(struct deny_list *list, const struct addr *peer, uint64_t until_ns);

/* Take out all whose time is up, telling of each (@released must not change the list).
 * Returns when the next one's will be; DENY_FOREVER: none ever. */
uint64_t deny_expire(struct deny_list *list, uint64_t now_ns,
		     void (*released)(void *data, const struct prefix *address),
		     void *data);

size_t deny_count(const struct deny_list *list);

#endif
