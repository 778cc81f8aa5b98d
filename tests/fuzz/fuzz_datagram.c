/* SPDX-License-Identifier: ISC */
/*
 * Datagrams of strangers through the in-process services: the first 16 bytes choose the
 * moment, the sender's port and IPv4 address, and the room for the answer; the rest is
 * what was sent. Checks that an answer never exceeds what the contract allows,
 * fits its room, and that a forged sender of the dangerous kinds gets none.
 */
#include <stdlib.h>
#include <string.h>

#include "usherd/internal/internal.h"
#include "usherd/internal/responder.h"

#define HEADER_SIZE 16
/* daytime with the longest name of a zone, and then some. */
#define ANSWER_TO_NOTHING 80

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_answer(const struct builtin *builtin, const struct datagram *request,
			 size_t room, const struct builtin_moment *moment)
{
	static uint8_t reply[DATAGRAM_MAX];
	size_t limit = request->length;
	ssize_t length =
		builtin->answer(request->data, request->length, reply, room, moment);

	if (length < 0)
		return;
	if (strcmp(builtin->name, "daytime") == 0 || strcmp(builtin->name, "time") == 0)
		limit = ANSWER_TO_NOTHING;
	require((size_t)length <= limit && (size_t)length <= room);
	if (strcmp(builtin->name, "echo") == 0)
		require((size_t)length == request->length &&
			(length == 0 ||
			 memcmp(reply, request->data, (size_t)length) == 0));
}

/* The same bytes in one piece and in pieces of @piece. */
static void check_pieces(const struct builtin *builtin, size_t piece,
			 const struct builtin_moment *moment)
{
	static uint8_t whole[1024], pieces[1024];
	uint64_t position = 0;
	size_t length = builtin->produce(&position, whole, sizeof(whole), moment);
	size_t done = 0, count = 1;

	for (position = 0; count > 0 && done < length; done += count) {
		size_t wanted = piece < length - done ? piece : length - done;
		count = builtin->produce(&position, pieces + done, wanted, moment);
	}
	require(done == length && memcmp(whole, pieces, length) == 0);
}

static void check_sender(const struct datagram *request)
{
	uint16_t port = addr_port(&request->peer);
	uint8_t first = (uint8_t)(ntohl(request->peer.u.in.sin_addr.s_addr) >> 24);

	if (responder_may_answer(request))
		require(port != 0 && port != 7 && port != 19 && port != 53 &&
			port != addr_port(&request->local) && first != 0 && first < 224);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct builtin_moment moment;
	struct datagram request = { .peer.length = sizeof(struct sockaddr_in),
				    .local.length = sizeof(struct sockaddr_in) };
	static uint8_t copy[DATAGRAM_MAX];
	uint16_t port, room;
	uint32_t host;

	if (size < HEADER_SIZE || size - HEADER_SIZE > sizeof(copy))
		return 0;
	memcpy(&moment.wall_seconds, data, 8);
	memcpy(&port, data + 8, 2);
	memcpy(&host, data + 10, 4);
	memcpy(&room, data + 14, 2);
	request.peer.u.in = (struct sockaddr_in){ .sin_family = AF_INET,
						  .sin_port = port,
						  .sin_addr.s_addr = host };
	request.local.u.in =
		(struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(7007) };
	request.data = copy;
	request.length = size - HEADER_SIZE;
	memcpy(copy, data + HEADER_SIZE, request.length);

	check_sender(&request);
	/* 54 bits of the moment survive between pieces. */
	moment.wall_seconds /= 1024;
	for (size_t i = 0; internal_at(i) != NULL; i++) {
		const struct builtin *builtin = internal_at(i)->builtin;

		if (builtin == NULL)
			continue;
		check_answer(builtin, &request, room, &moment);
		if (builtin->produce != NULL)
			check_pieces(builtin, room % 97U + 1, &moment);
	}
	return 0;
}
