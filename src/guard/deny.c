/* SPDX-License-Identifier: ISC */
/*
 * Two tables with the same contents. The one that is not read is changed, then the
 * readers are led to it, then the other is changed as well. A reader that was led away
 * while it looked looks again; a writer that is stopped in the middle disturbs none.
 *
 * The tables are open-addressing with linear probing; those behind an entry that is taken
 * out move up, so that there are no tombstones.
 */
#include "usherd/guard/deny.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "guard_internal.h"

#define SLOTS 16384 /* a power of two, with room for DENY_MAX */

/* More changes than there can be while somebody looks, unless it is kept from looking. */
#define LOOKS 1000

_Static_assert(DENY_MAX < SLOTS / 4 * 3, "there always is a free slot, and soon");

struct entry {
	uint8_t address[16];
	uint64_t until_ns; /* 0: the slot is free */
};

struct deny_list {
	atomic_uint changes; /* the lowest bit: which table is read */
	atomic_uint count;
	struct entry tables[2][SLOTS];
};

size_t deny_memory_size(void)
{
	return sizeof(struct deny_list);
}

/* Where an address goes is no secret, but to get many into one place a client needs as
 * many addresses that can answer. */
static size_t home_of(const uint8_t address[16])
{
	struct prefix whole = { .bits = 128 };

	memcpy(whole.bytes, address, sizeof(whole.bytes));
	return (size_t)guard_hash(0, &whole) & (SLOTS - 1);
}

/* The slot of @address, or the free one where it belongs. A table that is being changed
 * may lead astray, but not for ever. */
static size_t find_slot(const struct entry *table, const uint8_t address[16])
{
	size_t slot = home_of(address);

	for (size_t i = 0; i < SLOTS && table[slot].until_ns != 0; i++) {
		if (memcmp(table[slot].address, address, sizeof(table->address)) == 0)
			break;
		slot = (slot + 1) & (SLOTS - 1);
	}
	return slot;
}

static void put(struct entry *table, const uint8_t address[16], uint64_t until_ns)
{
	struct entry *entry = &table[find_slot(table, address)];

	memcpy(entry->address, address, sizeof(entry->address));
	entry->until_ns = until_ns;
}

static void take_out(struct entry *table, const uint8_t address[16])
{
	size_t gap = find_slot(table, address);

	table[gap].until_ns = 0;
	for (size_t slot = (gap + 1) & (SLOTS - 1); table[slot].until_ns != 0;
	     slot = (slot + 1) & (SLOTS - 1)) {
		size_t home = home_of(table[slot].address);

		if (((slot - home) & (SLOTS - 1)) < ((slot - gap) & (SLOTS - 1)))
			continue;
		table[gap] = table[slot];
		table[slot].until_ns = 0;
		gap = slot;
	}
}

/* @until_ns 0: take it out. */
static void change(struct entry *table, const uint8_t address[16], uint64_t until_ns)
{
	if (until_ns == 0)
		take_out(table, address);
	else
		put(table, address, until_ns);
}

static void change_both(struct deny_list *list, const uint8_t address[16],
			uint64_t until_ns)
{
	unsigned changes = atomic_load_explicit(&list->changes, memory_order_relaxed);
	uint8_t copy[16];

	/* It may stand in the table. */
	memcpy(copy, address, sizeof(copy));
	change(list->tables[(changes + 1) % 2], copy, until_ns);
	atomic_store_explicit(&list->changes, changes + 1, memory_order_release);
	/* Whoever sees what follows sees that there was a change. */
	atomic_thread_fence(memory_order_release);
	change(list->tables[changes % 2], copy, until_ns);
}

/* For the writer, who is disturbed by nobody. */
static const struct entry *table_of(const struct deny_list *list)
{
	return list
		->tables[atomic_load_explicit(&list->changes, memory_order_relaxed) % 2];
}

/* 0: not on the list. */
static uint64_t look_up(const struct deny_list *list, const uint8_t address[16])
{
	for (int i = 0; i < LOOKS; i++) {
		unsigned changes =
			atomic_load_explicit(&list->changes, memory_order_acquire);
		const struct entry *table = list->tables[changes % 2];
		uint64_t until_ns = table[find_slot(table, address)].until_ns;

		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&list->changes, memory_order_relaxed) == changes)
			return until_ns;
	}
	return DENY_FOREVER;
}

bool deny_holds(const struct deny_list *list, const struct addr *peer, uint64_t now_ns)
{
	struct prefix whole;

	if (atomic_load_explicit(&list->count, memory_order_relaxed) == 0 ||
	    !prefix_of(peer, 32, 128, &whole))
		return false;
	return now_ns < look_up(list, whole.bytes);
}

int deny_add(struct deny_list *list, const struct addr *peer, uint64_t until_ns)
{
	const struct entry *entry;
	struct prefix whole;
	unsigned count = atomic_load_explicit(&list->count, memory_order_relaxed);

	if (!prefix_of(peer, 32, 128, &whole))
		return -EINVAL;
	entry = &table_of(list)[find_slot(table_of(list), whole.bytes)];
	if (entry->until_ns != 0) {
		if (until_ns > entry->until_ns)
			change_both(list, whole.bytes, until_ns);
		return 0;
	}
	if (count == DENY_MAX)
		return -ENOSPC;
	change_both(list, whole.bytes, until_ns);
	atomic_store_explicit(&list->count, count + 1, memory_order_release);
	return 1;
}

static struct prefix address_of(const struct entry *entry)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct prefix whole = { .bits = 128 };

	memcpy(whole.bytes, entry->address, sizeof(whole.bytes));
	whole.ipv4 = memcmp(whole.bytes, mapped, sizeof(mapped)) == 0;
	return whole;
}

uint64_t deny_expire(struct deny_list *list, uint64_t now_ns,
		     void (*released)(void *data, const struct prefix *address),
		     void *data)
{
	uint64_t next_ns = DENY_FOREVER;
	size_t slot = 0;

	while (slot < SLOTS) {
		const struct entry *entry = &table_of(list)[slot];
		struct prefix whole = address_of(entry);

		if (entry->until_ns == 0 || entry->until_ns > now_ns) {
			if (entry->until_ns != 0 && entry->until_ns < next_ns)
				next_ns = entry->until_ns;
			slot++;
			continue;
		}
		/* Another may move here: look at the slot again. */
		change_both(list, whole.bytes, 0);
		atomic_fetch_sub_explicit(&list->count, 1, memory_order_release);
		released(data, &whole);
	}
	return next_ns;
}

size_t deny_count(const struct deny_list *list)
{
	return atomic_load_explicit(&list->count, memory_order_relaxed);
}
