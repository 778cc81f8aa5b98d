/* SPDX-License-Identifier: ISC */
/*
 * Somebody in a chat room who sends the input. Checks what a second member gets to see:
 * whole lines of valid UTF-8 without a control character, none longer than documented.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/internal/chat/chat.h"
#include "usherd/model/service.h"

#define INPUT_MAX 4096

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

struct bench {
	struct loop *loop;
	const struct internal *chat;
	struct service *service;
	void *room;
};

static void turn(struct bench *bench)
{
	for (int i = 0; i < 8; i++)
		require(loop_turn(bench->loop, 0) >= 0);
}

/* The client's end; @bytes are sent before the loop turns. */
static int join(struct bench *bench, const void *bytes, size_t size)
{
	const struct session_owner owner = { .ended = NULL };
	struct connection connection = { .fd = -1 };
	int pair[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	connection.fd = pair[1];
	require(bench->chat->stream(bench->room, &connection, &owner, NULL) == 0);
	require(send(pair[0], bytes, size, MSG_DONTWAIT) == (ssize_t)size);
	turn(bench);
	return pair[0];
}

/* The bytes of a sequence after its first; -1 for a byte that begins none. */
static int following(uint8_t first)
{
	if (first < 0x80)
		return 0;
	if (first < 0xc2 || first > 0xf4)
		return -1;
	return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

static void check_text(const uint8_t *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		int more = following(text[i]);

		require(more >= 0 && (size_t)more < length - i);
		require(text[i] >= 0x20 && text[i] != 0x7f);
		for (int j = 1; j <= more; j++)
			require((text[i + (size_t)j] & 0xc0) == 0x80);
		require(text[i] != 0xc2 || text[i + 1] >= 0xa0);
		require(text[i] != 0xe0 || text[i + 1] >= 0xa0);
		require(text[i] != 0xed || text[i + 1] < 0xa0);
		require(text[i] != 0xf0 || text[i + 1] >= 0x90);
		require(text[i] != 0xf4 || text[i + 1] < 0x90);
		i += (size_t)more + 1;
	}
}

static void check_heard(int fd)
{
	static uint8_t heard[1 << 16];
	ssize_t length = recv(fd, heard, sizeof(heard), MSG_DONTWAIT);
	uint8_t *at = heard;

	require(length > 0);
	while (length > 0) {
		uint8_t *end = memchr(at, '\n', (size_t)length);
		size_t line;

		require(end != NULL && end > at && end[-1] == '\r');
		line = (size_t)(end - at) - 1;
		require(line <= CHAT_NICK_MAX + CHAT_LINE_MAX + 4);
		require(line > 0 && strchr("<*-", at[0]) != NULL);
		check_text(at, line);
		length -= end + 1 - at;
		at = end + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench bench = { .chat = internal_find("chat") };
	struct internal_setup setup = { .loop = NULL };
	int listener, speaker;

	if (size > INPUT_MAX)
		return 0;
	bench.service = service_new();
	require(bench.service != NULL && loop_new(&bench.loop, NULL) == 0);
	bench.service->id = strdup("room");
	setup.loop = bench.loop;
	setup.service = bench.service;
	require(bench.chat->open(bench.chat, &setup, &bench.room, NULL) == 0);
	listener = join(&bench, "listener\n", 9);
	/* Named by the input or, if that would not do, for it. */
	speaker = join(&bench, data, size);
	turn(&bench);
	check_heard(listener);
	(void)close(speaker);
	turn(&bench);
	(void)close(listener);
	turn(&bench);
	bench.chat->close(bench.room);
	service_unref(bench.service);
	loop_free(bench.loop);
	return 0;
}
