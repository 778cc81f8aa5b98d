/* SPDX-License-Identifier: ISC */
/* Carrying out orders: calls of rpcbind(8), which may block. */
#ifndef USHERD_RPC_PERFORM_H
#define USHERD_RPC_PERFORM_H

#include "usherd/rpc/order.h"

/*
 * 0; -ECONNREFUSED when rpcbind cannot be reached; another negative errno when it
 * refuses, or nothing is known of the netid. What is not registered is removed.
 */
int order_perform(const struct order *order, struct error *err);

#endif
