/* SPDX-License-Identifier: ISC */
/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a keyed
 * hash for tables whose keys strangers choose. Who does not know the key cannot make keys
 * that meet in one slot.
 */
#ifndef USHERD_BASE_SIPHASH_H
#define USHERD_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t words[2];
};

/* A key that nobody knows. 0 or a negative errno. */
int siphash_make_key(struct siphash_key *ret);

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t length);

#endif
