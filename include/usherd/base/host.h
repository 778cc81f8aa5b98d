/* SPDX-License-Identifier: ISC */
/* Host names into addresses. Blocks for as long as the resolver likes. */
#ifndef USHERD_BASE_HOST_H
#define USHERD_BASE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/addr.h"

/* Addresses of one name that are taken: the first ones, as RFC 6724 orders them. */
#define HOST_ADDRESSES_MAX 8

struct host {
	struct addr addresses[HOST_ADDRESSES_MAX];
	size_t count;
};

/* Could that be the name of a host: letters, digits, '-', '_' and dots, at most 253, and
 * not a row of numbers, which getaddrinfo(3) would take for an address? */
bool host_is_name(const char *text);

/*
 * The addresses of @name, each with @port, none twice. 0 with at least one; -ENOENT when
 * there is no such host; -EAGAIN when the resolver cannot tell now; -ENOMEM. The reason
 * is the resolver's, without the name.
 */
int host_look_up(const char *name, uint16_t port, struct host *ret, struct error *err);

#endif
