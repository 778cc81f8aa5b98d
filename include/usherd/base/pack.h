/* SPDX-License-Identifier: ISC */
/*
 * Values as bytes, one after the other, for another process on this machine. Both sides
 * have to agree on what comes when; a reader never gets past the end, and what is
 * missing reads as zero. Failures are remembered: ask at the end.
 */
#ifndef USHERD_BASE_PACK_H
#define USHERD_BASE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is empty. */
struct packer {
	char *data; /* owned */
	size_t length;
	size_t room;
	bool failed; /* out of memory */
};

void pack_bytes(struct packer *packer, const void *bytes, size_t length);
void pack_number(struct packer *packer, uint64_t number);
void pack_text(struct packer *packer, const char *text);
void packer_done(struct packer *packer);

struct unpacker {
	const char *data; /* borrowed */
	size_t left;
	bool failed; /* there was less than asked for, something else, or no memory */
};

void unpacker_init(struct unpacker *unpacker, const void *data, size_t length);
void unpack_bytes(struct unpacker *unpacker, void *bytes, size_t length);
/* At most @most, else it is a failure. */
uint64_t unpack_number(struct unpacker *unpacker, uint64_t most);
/* Owned by the caller, without a NUL inside; NULL is a failure. */
char *unpack_text(struct unpacker *unpacker);

#endif
