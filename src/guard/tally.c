/* SPDX-License-Identifier: ISC */
/*
 * What runs of one service: sessions, and sessions by source. Arrivals are arrivals.c's.
 *
 * Sources stand in an open-addressing table with linear probing. A source whose last
 * session ends is taken out at once and those behind it move up, so there are no
 * tombstones, and the table shrinks with the number of sessions.
 */
#include <errno.h>
#include <stdlib.h>

#include "guard_internal.h"
#include "usherd/guard/guard.h"

#define SLOTS_MIN 16 /* slots are a power of two */

struct tally_source {
	struct prefix prefix;
	uint64_t active; /* 0: the slot is free */
};

/* Of a tally in shared memory, which every process sees at another address, the table
 * stands behind it. */
static struct tally_source *table_of(struct tally *tally)
{
	return tally->fixed ? (struct tally_source *)(tally + 1) : tally->sources;
}

static const struct tally_source *table_seen(const struct tally *tally)
{
	return tally->fixed ? (const struct tally_source *)(tally + 1) : tally->sources;
}

/* The seed is the place of the table in memory: random, and another one after each
 * resize. */
static size_t home_of(uint64_t seed, size_t slots, const struct prefix *prefix)
{
	return (size_t)guard_hash(seed, prefix) & (slots - 1);
}

/* The slot @prefix is in, or the free one it belongs in. There always is a free one. */
static size_t find_slot(const struct tally_source *table, size_t slots, uint64_t seed,
			const struct prefix *prefix)
{
	size_t slot = home_of(seed, slots, prefix);

	while (table[slot].active != 0 && !prefix_equal(&table[slot].prefix, prefix))
		slot = (slot + 1) & (slots - 1);
	return slot;
}

static int resize(struct tally *tally, size_t slots)
{
	struct tally_source *table = calloc(slots, sizeof(*table));
	uint64_t seed = (uintptr_t)table;

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < tally->source_slots; i++) {
		const struct tally_source *source = &tally->sources[i];

		if (source->active != 0)
			table[find_slot(table, slots, seed, &source->prefix)] = *source;
	}
	free(tally->sources);
	tally->sources = table;
	tally->seed = seed;
	tally->source_slots = slots;
	return 0;
}

/* Room for one more at a load of at most three quarters. */
static int reserve(struct tally *tally)
{
	if (tally->fixed)
		return tally->source_count + 1 < tally->source_slots ? 0 : -ENOMEM;
	if (tally->source_slots == 0)
		return resize(tally, SLOTS_MIN);
	if ((tally->source_count + 1) * 4 <= tally->source_slots * 3)
		return 0;
	return resize(tally, tally->source_slots * 2);
}

/* Down to a quarter full, far from growing again. Failing for want of memory is no harm:
 * the table is only larger than needed. */
static void shrink(struct tally *tally)
{
	if (!tally->fixed && tally->source_slots > SLOTS_MIN &&
	    tally->source_count * 8 <= tally->source_slots)
		(void)resize(tally, tally->source_slots / 2);
}

/* Free a slot and close the gap: a source further on moves into it unless its home lies
 * behind the gap (cyclically), where it would not be found any more. */
static void take_out(struct tally *tally, size_t gap)
{
	struct tally_source *table = table_of(tally);
	size_t mask = tally->source_slots - 1;

	table[gap].active = 0;
	for (size_t slot = (gap + 1) & mask; table[slot].active != 0;
	     slot = (slot + 1) & mask) {
		size_t home =
			home_of(tally->seed, tally->source_slots, &table[slot].prefix);

		if (((slot - home) & mask) < ((slot - gap) & mask))
			continue;
		table[gap] = table[slot];
		table[slot].active = 0;
		gap = slot;
	}
	tally->source_count--;
	shrink(tally);
}

static int count_source(struct tally *tally, const struct prefix *prefix)
{
	struct tally_source *table, *source;

	if (reserve(tally) < 0)
		return -ENOMEM;
	table = table_of(tally);
	source = &table[find_slot(table, tally->source_slots, tally->seed, prefix)];
	if (source->active == 0) {
		source->prefix = *prefix;
		tally->source_count++;
	}
	source->active++;
	return 0;
}

static bool source_of(const struct policy *policy, const struct addr *peer,
		      struct prefix *ret)
{
	return prefix_of(peer, policy->source_ipv4_bits, policy->source_ipv6_bits, ret);
}

int tally_admit(struct tally *tally, const struct policy *policy, const struct addr *peer,
		struct source_key *ret_source)
{
	struct source_key key = { .counted = false };

	key.counted = source_of(policy, peer, &key.prefix);
	if (key.counted && count_source(tally, &key.prefix) < 0)
		return -ENOMEM;
	tally->active++;
	tally->admitted++;
	*ret_source = key;
	return 0;
}

void tally_release(struct tally *tally, const struct source_key *source)
{
	struct tally_source *table = table_of(tally);
	size_t slot;

	if (tally->active > 0)
		tally->active--;
	if (!source->counted || tally->source_slots == 0)
		return;
	slot = find_slot(table, tally->source_slots, tally->seed, &source->prefix);
	if (table[slot].active == 0)
		return;
	if (--table[slot].active == 0)
		take_out(tally, slot);
}

uint64_t tally_source_active(const struct tally *tally, const struct policy *policy,
			     const struct addr *peer)
{
	const struct tally_source *table = table_seen(tally);
	struct prefix prefix;

	/* Of a shared tally that is being cleared, any part may be zero. */
	if (table == NULL || tally->source_slots == 0 ||
	    !source_of(policy, peer, &prefix))
		return 0;
	return table[find_slot(table, tally->source_slots, tally->seed, &prefix)].active;
}

/* Slots for so many sources at a load of at most three quarters. */
static size_t slots_for(size_t sources)
{
	size_t slots = SLOTS_MIN;

	while (slots / 4 * 3 < sources)
		slots *= 2;
	return slots;
}

size_t tally_memory_size(size_t sources)
{
	return sizeof(struct tally) + slots_for(sources) * sizeof(struct tally_source);
}

struct tally *tally_place(void *memory, size_t sources)
{
	struct tally *tally = memory;

	tally->fixed = true;
	tally->seed = (uintptr_t)memory;
	tally->source_slots = slots_for(sources);
	return tally;
}

void tally_done(struct tally *tally)
{
	if (!tally->fixed)
		free(tally->sources);
	*tally = (struct tally){ 0 };
}
