/* SPDX-License-Identifier: ISC */
/*
 * One order to usherd-rpc, a line of its standard input:
 *
 *   SIGN PROGRAM FIRST LAST NETID ADDRESS      "+ 100002 2 3 udp 0.0.0.0.4.1"
 *
 * "+" registers the versions FIRST to LAST in place of whatever is registered, "="
 * where nothing else is; "-" removes them, unless something else is registered.
 */
#ifndef USHERD_RPC_ORDER_H
#define USHERD_RPC_ORDER_H

#include <stdint.h>

#include "usherd/base/error.h"

#define ORDER_VERSIONS_MAX 256

struct order {
	char sign;
	uint32_t program;
	uint32_t first;
	uint32_t last; /* at most ORDER_VERSIONS_MAX versions */
	char netid[16];
	char address[80];
};

/* Pure. 0, or -EINVAL for a line that is none. */
int order_parse(const char *line, struct order *ret, struct error *err);

#endif
