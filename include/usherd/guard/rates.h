/* SPDX-License-Identifier: ISC */
/*
 * How often each source came of late: per_source_cpm. Pure data in memory that is given,
 * of fixed size, for one process or for several that take turns (they may have it mapped
 * at different addresses).
 *
 * A source is remembered until it has had its share of the minute for each of its
 * connections, that is for a minute at most. Where there is no room for one more, the one
 * that would have been forgotten first gives way: whoever came once, before whoever has
 * come too often.
 */
#ifndef USHERD_GUARD_RATES_H
#define USHERD_GUARD_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/addr.h"
#include "usherd/model/policy.h"

#define RATES_SOURCES 4096

struct rates;

/* Bytes of a table; all zero, aligned like malloc's, is one without sources. None of it
 * is touched before somebody comes. */
size_t rates_memory_size(void);

/* Does @policy ask for one? */
bool rates_wanted(const struct policy *policy);

/*
 * Count one arrival of @peer. A minute's worth may come at once; after that as many as
 * time has passed for. False: that is exceeded, and the arrival takes nothing of it. A
 * peer that is no IP address is not counted. @rates may be NULL if none is wanted; nobody
 * comes in by a wanted one that is not there.
 */
bool rates_take(struct rates *rates, const struct policy *policy, const struct addr *peer,
		uint64_t now_ns);

#endif
