/* SPDX-License-Identifier: ISC */
/* The FNV-1a hash (draft-eastlake-fnv), nothing else. */
#include "usherd/base/hash.h"

#define FNV_PRIME UINT64_C(0x100000001b3)

uint64_t hash_add(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ byte[i]) * FNV_PRIME;
	return hash;
}
