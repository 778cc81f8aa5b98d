/* SPDX-License-Identifier: ISC */
/*
 * What a worker in wrong hands could send to the supervisor. Checks that nothing but
 * usable reports are passed on.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "usherd/serve/channel.h"

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void take_event(struct reporter *reporter, const struct event *event)
{
	char line[EVENT_LINE_SIZE];
	struct text text;

	(void)reporter;
	require(event_is_valid(event));
	text_init(&text, line, sizeof(line));
	event_format(event, &text);
	for (size_t i = 0; i < text.length; i++)
		require(line[i] >= 0x20 && line[i] <= 0x7e);
}

static void take_message(struct reporter *reporter, enum log_level level,
			 const char *text)
{
	(void)reporter;
	require((unsigned)level <= LOG_LEVEL_DEBUG);
	require(strlen(text) < REPORT_TEXT_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reporter reporter = { .event = take_event, .message = take_message };
	int supervisor, worker;
	int r;

	if (size < 1 || size > CHANNEL_PACKET_SIZE + 1 ||
	    channel_open(&supervisor, &worker) < 0)
		return 0;
	require(send(worker, data, size, MSG_NOSIGNAL) == (ssize_t)size);
	r = channel_receive(supervisor, &reporter);
	require(r == 0 || r == -EBADMSG);
	require(channel_receive(supervisor, &reporter) == -EAGAIN);
	(void)close(worker);
	require(channel_receive(supervisor, &reporter) == -EPIPE);
	(void)close(supervisor);
	return 0;
}
