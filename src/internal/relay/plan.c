/* SPDX-License-Identifier: ISC */
/* The decisions of a relay as functions of values. No system call. */
#include <poll.h>

#include "relay.h"
#include "usherd/base/clock.h"

uint64_t relay_share_ns(uint64_t now_ns, uint64_t deadline_ns, size_t left)
{
	uint64_t share_ns = 0;

	if (deadline_ns > now_ns && left > 0)
		share_ns = (deadline_ns - now_ns) / left;
	return share_ns > CLOCK_NS_PER_MS ? share_ns : CLOCK_NS_PER_MS;
}

short relay_events(struct relay_state in, struct relay_state out, bool hung)
{
	short events = 0;

	if (!in.over && !in.holding)
		events |= POLLIN | POLLRDHUP;
	if (out.holding)
		events |= POLLOUT;
	if (events == 0 && !hung)
		events = POLLERR;
	return events;
}

/* A pipe is worth its two further calls only for more than one buffer of bytes. */
bool relay_is_bulk(bool bulk, uint64_t bytes, size_t moved, bool filled)
{
	if (bulk)
		return moved >= RELAY_BULK_BYTES;
	return filled && bytes >= RELAY_SPLICE_AFTER;
}
