/* SPDX-License-Identifier: ISC */
/*
 * A set of addresses as sorted ranges. Built with one sort and one pass; asked without
 * allocation. It keeps no trace of which prefix an address came from.
 */
#include "usherd/base/addrset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_SIZE 16

/* The neighbours of ::ffff:0:0/96, where IPv4 lies. */
static const uint8_t before_mapped[ADDRESS_SIZE] = {
	[10] = 0xff, [11] = 0xfe, [12] = 0xff, [13] = 0xff, [14] = 0xff, [15] = 0xff,
};
static const uint8_t after_mapped[ADDRESS_SIZE] = { [9] = 1 };

static int compare(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, ADDRESS_SIZE);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct addr_range *left = a;
	const struct addr_range *right = b;

	return compare(left->first, right->first);
}

/* True when @next is @last + 1. */
static bool follows(const uint8_t *last, const uint8_t *next)
{
	uint8_t sum[ADDRESS_SIZE];
	size_t i = ADDRESS_SIZE;

	memcpy(sum, last, sizeof(sum));
	while (i-- > 0)
		if (++sum[i] != 0)
			return compare(sum, next) == 0;
	return false; /* there is nothing after the last address */
}

static struct addr_range range_of(const struct prefix *prefix)
{
	struct addr_range range;
	size_t whole = prefix->bits / 8;

	memcpy(range.first, prefix->bytes, ADDRESS_SIZE);
	memcpy(range.last, prefix->bytes, ADDRESS_SIZE);
	if (whole < ADDRESS_SIZE) {
		range.last[whole] |= (uint8_t)(0xffu >> (prefix->bits % 8));
		memset(range.last + whole + 1, 0xff, ADDRESS_SIZE - whole - 1);
	}
	return range;
}

/* Append the addresses of @prefix to @ret: one range, or for an IPv6 block with all of
 * IPv4 in its midst what lies on either side of that. Returns how many, 1 or 2. */
static size_t append_prefix(const struct prefix *prefix, struct addr_range *ret)
{
	struct addr_range range = range_of(prefix);

	ret[0] = range;
	if (compare(range.first, before_mapped) > 0 ||
	    compare(range.last, before_mapped) <= 0)
		return 1;
	memcpy(ret[0].last, before_mapped, ADDRESS_SIZE);
	/* Blocks of 80 to 95 bits end where IPv4 ends. */
	if (compare(range.last, after_mapped) < 0)
		return 1;
	memcpy(ret[1].first, after_mapped, ADDRESS_SIZE);
	memcpy(ret[1].last, range.last, ADDRESS_SIZE);
	return 2;
}

/* Join ranges that overlap or touch; @ranges is sorted by first. Returns what is left. */
static size_t merge(struct addr_range *ranges, size_t count)
{
	size_t kept = 0;

	for (size_t i = 1; i < count; i++) {
		struct addr_range *current = &ranges[kept];

		if (compare(ranges[i].first, current->last) > 0 &&
		    !follows(current->last, ranges[i].first))
			ranges[++kept] = ranges[i];
		else if (compare(ranges[i].last, current->last) > 0)
			memcpy(current->last, ranges[i].last, ADDRESS_SIZE);
	}
	return kept + 1;
}

int addrset_build(const struct prefix *prefixes, size_t count, struct addrset *ret)
{
	struct addr_range *ranges;
	size_t used = 0;

	if (count == 0) {
		*ret = (struct addrset){ 0 };
		return 0;
	}
	if (count > SIZE_MAX / 2)
		return -ENOMEM;
	ranges = calloc(count * 2, sizeof(*ranges));
	if (ranges == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		used += append_prefix(&prefixes[i], ranges + used);
	qsort(ranges, used, sizeof(*ranges), compare_ranges);
	*ret = (struct addrset){ .ranges = ranges, .count = merge(ranges, used) };
	return 0;
}

bool addrset_contains(const struct addrset *set, const struct addr *addr)
{
	struct prefix wanted;
	size_t low = 0;
	size_t high = set->count;

	if (!prefix_of(addr, 32, 128, &wanted))
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(wanted.bytes, set->ranges[middle].first) < 0)
			high = middle;
		else if (compare(wanted.bytes, set->ranges[middle].last) > 0)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

bool addrset_is_everything(const struct addrset *set)
{
	static const struct addr_range everything = {
		.last = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			  0xff, 0xff, 0xff, 0xff, 0xff, 0xff }
	};

	return set->count == 1 &&
	       memcmp(&set->ranges[0], &everything, sizeof(everything)) == 0;
}

void addrset_done(struct addrset *set)
{
	free(set->ranges);
	*set = (struct addrset){ 0 };
}
