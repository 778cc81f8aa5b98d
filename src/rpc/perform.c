/* SPDX-License-Identifier: ISC */
/*
 * RFC 1833, version 3 of rpcbind's protocol, by libtirpc: over the local transport, which
 * tells rpcbind who asks.
 */
#include "usherd/rpc/perform.h"

#include <errno.h>
#include <rpc/rpc.h>
#include <rpc/rpcb_clnt.h>
#include <stdlib.h>

/* netconfig(5) and the address of one order. */
struct place {
	struct netconfig *config;
	struct netbuf *address;
};

static int find_place(const struct order *order, struct place *ret, struct error *err)
{
	struct place place = { .config = getnetconfigent(order->netid) };

	if (place.config == NULL)
		return error_set(err, -ENOENT, "netconfig(5) has no '%s'", order->netid);
	place.address = uaddr2taddr(place.config, order->address);
	if (place.address == NULL) {
		freenetconfigent(place.config);
		return error_set(err, -EINVAL, "'%s' is no address of '%s'",
				 order->address, order->netid);
	}
	*ret = place;
	return 0;
}

static void place_done(struct place *place)
{
	if (place->address != NULL)
		free(place->address->buf);
	free(place->address);
	freenetconfigent(place->config);
}

/* Did the call get as far as rpcbind? A refusal leaves the state as it was. */
static int check_reached(struct error *err)
{
	enum clnt_stat state = rpc_createerr.cf_stat;

	if (state == RPC_SUCCESS)
		return 0;
	return error_set(err, -ECONNREFUSED, "%s", clnt_sperrno(state));
}

static int remove_version(const struct order *order, const struct place *place,
			  uint32_t version, struct error *err)
{
	rpc_createerr.cf_stat = RPC_SUCCESS;
	if (rpcb_unset(order->program, version, place->config))
		return 0;
	return check_reached(err);
}

/* 1 if it is registered, as it may have been before; 0 if something else is. */
static int try_to_set(const struct order *order, const struct place *place,
		      uint32_t version, struct error *err)
{
	rpc_createerr.cf_stat = RPC_SUCCESS;
	if (rpcb_set(order->program, version, place->config, place->address))
		return 1;
	return check_reached(err);
}

/* What is right already is not touched: no client comes in between. */
static int set_version(const struct order *order, const struct place *place,
		       uint32_t version, struct error *err)
{
	int r = try_to_set(order, place, version, err);

	if (r == 0 && order->sign == '+') {
		r = remove_version(order, place, version, err);
		if (r == 0)
			r = try_to_set(order, place, version, err);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	return error_set(err, -EEXIST,
			 "version %lu of program %lu is registered for another %s "
			 "address",
			 (unsigned long)version, (unsigned long)order->program,
			 order->netid);
}

/* What somebody else has registered meanwhile is not ours to remove: then it cannot be
 * set to our address. */
static int unset_version(const struct order *order, const struct place *place,
			 uint32_t version, struct error *err)
{
	int r = try_to_set(order, place, version, err);

	return r == 1 ? remove_version(order, place, version, err) : r;
}

int order_perform(const struct order *order, struct error *err)
{
	struct place place = { .config = NULL };
	int r = find_place(order, &place, err);

	if (r < 0)
		return r;
	for (uint32_t i = 0; r == 0 && i <= order->last - order->first; i++)
		r = order->sign == '-'
			    ? unset_version(order, &place, order->first + i, err)
			    : set_version(order, &place, order->first + i, err);
	place_done(&place);
	return r;
}
