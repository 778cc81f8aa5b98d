/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "guard_internal.h"

/* The finalizer of SplitMix64: every bit of the input changes half of the output. */
static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

uint64_t guard_hash(uint64_t seed, const struct prefix *prefix)
{
	uint64_t half[2];
	uint64_t hash = mix(seed);

	memcpy(half, prefix->bytes, sizeof(half));
	hash = mix(hash ^ half[0]);
	hash = mix(hash ^ half[1]);
	return mix(hash ^ prefix->bits);
}
