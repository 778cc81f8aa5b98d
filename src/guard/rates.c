/* SPDX-License-Identifier: ISC */
/*
 * Arrivals of each source, counted as arrivals.c counts those of a service: by the moment
 * at which all that came have had their share of the minute. A source whose moment has
 * passed is as good as one that never came, so entries expire by themselves and nothing
 * is ever taken out.
 *
 * A source is in one of the few places that its hash leads to. These fill up by chance
 * before the whole table does, but hardly ever: with 2048 sources in a minute, two
 * buckets in a hundred.
 */
#include "usherd/guard/rates.h"

#include "guard_internal.h"
#include "usherd/base/clock.h"
#include "usherd/base/units.h"

#define BUCKET    8 /* places */
#define BUCKETS   (RATES_SOURCES / BUCKET)
#define MINUTE_NS (60 * CLOCK_NS_PER_SECOND)

struct rate {
	struct prefix source;
	uint64_t due_ns; /* not after now: the place is free */
};

struct rates {
	uint64_t seed; /* 0: not made yet */
	struct rate places[BUCKETS][BUCKET];
};

_Static_assert(BUCKETS > 0 && (BUCKETS & (BUCKETS - 1)) == 0, "a mask finds the bucket");

size_t rates_memory_size(void)
{
	return sizeof(struct rates);
}

bool rates_wanted(const struct policy *policy)
{
	return policy->per_source_cpm != UNITS_UNLIMITED;
}

/* Where the memory lies is random, and for several processes what it was for the first.
 */
static struct rate *find_bucket(struct rates *rates, const struct prefix *source)
{
	if (rates->seed == 0)
		rates->seed = (uintptr_t)rates;
	return rates->places[guard_hash(rates->seed, source) & (BUCKETS - 1)];
}

/* The place of @source, or the one that it is to have. */
static struct rate *find_place(struct rates *rates, const struct prefix *source,
			       uint64_t now_ns)
{
	struct rate *bucket = find_bucket(rates, source);
	struct rate *first = bucket;

	for (size_t i = 0; i < BUCKET; i++) {
		if (bucket[i].due_ns > now_ns && prefix_equal(&bucket[i].source, source))
			return &bucket[i];
		if (bucket[i].due_ns < first->due_ns)
			first = &bucket[i];
	}
	*first = (struct rate){ .source = *source };
	return first;
}

bool rates_take(struct rates *rates, const struct policy *policy, const struct addr *peer,
		uint64_t now_ns)
{
	struct prefix source;
	struct rate *place;
	uint64_t due_ns;

	if (!rates_wanted(policy) ||
	    !prefix_of(peer, policy->source_ipv4_bits, policy->source_ipv6_bits, &source))
		return true;
	if (policy->per_source_cpm == 0 || rates == NULL)
		return false;
	place = find_place(rates, &source, now_ns);
	due_ns = place->due_ns > now_ns ? place->due_ns : now_ns;
	due_ns += MINUTE_NS / policy->per_source_cpm;
	if (due_ns - now_ns > MINUTE_NS)
		return false;
	place->due_ns = due_ns;
	return true;
}
