/* SPDX-License-Identifier: ISC */
/* SipHash-2-4 after section 2 of the paper. */
#include "usherd/base/siphash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static void round_once(struct state *state)
{
	state->v0 += state->v1;
	state->v2 += state->v3;
	state->v1 = rotate(state->v1, 13) ^ state->v0;
	state->v3 = rotate(state->v3, 16) ^ state->v2;
	state->v0 = rotate(state->v0, 32);
	state->v2 += state->v1;
	state->v0 += state->v3;
	state->v1 = rotate(state->v1, 17) ^ state->v2;
	state->v3 = rotate(state->v3, 21) ^ state->v0;
	state->v2 = rotate(state->v2, 32);
}

static void absorb(struct state *state, uint64_t word)
{
	state->v3 ^= word;
	round_once(state);
	round_once(state);
	state->v0 ^= word;
}

/* Little-endian, @count of 8 bytes; the others are 0. */
static uint64_t load(const uint8_t *bytes, size_t count)
{
	uint64_t word = 0;

	for (size_t i = 0; i < count; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

int siphash_make_key(struct siphash_key *ret)
{
	return getrandom(ret, sizeof(*ret), 0) == (ssize_t)sizeof(*ret) ? 0 : -errno;
}

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	size_t left = length;
	struct state state = { key->words[0] ^ UINT64_C(0x736f6d6570736575),
			       key->words[1] ^ UINT64_C(0x646f72616e646f6d),
			       key->words[0] ^ UINT64_C(0x6c7967656e657261),
			       key->words[1] ^ UINT64_C(0x7465646279746573) };

	for (; left >= 8; at += 8, left -= 8)
		absorb(&state, load(at, 8));
	absorb(&state, load(at, left) | (uint64_t)length << 56);
	state.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		round_once(&state);
	return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
