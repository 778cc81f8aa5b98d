/* SPDX-License-Identifier: ISC */
/*
 * FNV-1a, 64 bits: to recognise bytes seen before. Neither secret nor collision-proof
 * against somebody who wants collisions; where that matters, compare the bytes as well.
 */
#ifndef USHERD_BASE_HASH_H
#define USHERD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Continue @hash (HASH_START at first) over @length bytes. */
uint64_t hash_add(uint64_t hash, const void *bytes, size_t length);

#endif
