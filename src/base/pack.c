/* SPDX-License-Identifier: ISC */
/* Bytes in a row. What they mean is agreed on elsewhere. */
#include "usherd/base/pack.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 1024

static bool make_room(struct packer *packer, size_t length)
{
	size_t room = packer->room > 0 ? packer->room : ROOM_FIRST;
	char *data;

	while (room - packer->length < length && room <= SIZE_MAX / 4)
		room *= 2;
	if (room - packer->length < length)
		return false;
	if (room == packer->room)
		return true;
	data = realloc(packer->data, room);
	if (data == NULL)
		return false;
	packer->data = data;
	packer->room = room;
	return true;
}

void pack_bytes(struct packer *packer, const void *bytes, size_t length)
{
	if (length == 0)
		return;
	if (packer->failed || !make_room(packer, length)) {
		packer->failed = true;
		return;
	}
	memcpy(packer->data + packer->length, bytes, length);
	packer->length += length;
}

void pack_number(struct packer *packer, uint64_t number)
{
	pack_bytes(packer, &number, sizeof(number));
}

void pack_text(struct packer *packer, const char *text)
{
	size_t length = strlen(text);

	pack_number(packer, length);
	pack_bytes(packer, text, length);
}

void packer_done(struct packer *packer)
{
	free(packer->data);
	*packer = (struct packer){ 0 };
}

void unpacker_init(struct unpacker *unpacker, const void *data, size_t length)
{
	*unpacker = (struct unpacker){ .data = data, .left = length };
}

void unpack_bytes(struct unpacker *unpacker, void *bytes, size_t length)
{
	if (unpacker->failed || unpacker->left < length) {
		unpacker->failed = true;
		memset(bytes, 0, length);
		return;
	}
	if (length == 0)
		return;
	memcpy(bytes, unpacker->data, length);
	unpacker->data += length;
	unpacker->left -= length;
}

uint64_t unpack_number(struct unpacker *unpacker, uint64_t most)
{
	uint64_t number;

	unpack_bytes(unpacker, &number, sizeof(number));
	if (number <= most)
		return number;
	unpacker->failed = true;
	return 0;
}

char *unpack_text(struct unpacker *unpacker)
{
	size_t length = (size_t)unpack_number(unpacker, unpacker->left);
	char *text;

	if (unpacker->failed)
		return NULL;
	text = malloc(length + 1);
	if (text == NULL) {
		unpacker->failed = true;
		return NULL;
	}
	unpack_bytes(unpacker, text, length);
	text[length] = '\0';
	if (!unpacker->failed && strlen(text) == length)
		return text;
	unpacker->failed = true;
	free(text);
	return NULL;
}
