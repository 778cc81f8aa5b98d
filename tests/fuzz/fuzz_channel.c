/* SPDX-License-Identifier: ISC */
/*
 * What a worker in wrong hands could send to the supervisor. The first byte says whether
 * the rest is sent as it is (even) or cut and filled up with zeros to the size of a real
 * report (odd). Checks that nothing but a usable report is passed on.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "usherd/serve/channel.h"

#define PACKET_MAX 8192

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

static size_t report_size(int supervisor, int worker)
{
	struct channel_reporter channel;
	uint8_t packet[PACKET_MAX];
	ssize_t length;

	channel_reporter_init(&channel, worker);
	report_message(&channel.reporter, LOG_LEVEL_INFO, "%s", "");
	length = recv(supervisor, packet, sizeof(packet), MSG_DONTWAIT);
	require(length > 0 && length < PACKET_MAX);
	return (size_t)length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reporter reporter = { .event = take_event, .message = take_message };
	uint8_t packet[PACKET_MAX] = { 0 };
	int supervisor, worker;
	size_t length, real;
	int r;

	if (size < 1 || size > PACKET_MAX || channel_open(&supervisor, &worker) < 0)
		return 0;
	real = report_size(supervisor, worker);
	length = data[0] % 2 == 0 ? size - 1 : real;
	memcpy(packet, data + 1, size - 1);
	require(send(worker, packet, length, MSG_NOSIGNAL) == (ssize_t)length);
	r = channel_receive(supervisor, &reporter);
	require(r == -EBADMSG || (r == 0 && length == real));
	require(channel_receive(supervisor, &reporter) == -EAGAIN);
	(void)close(worker);
	require(channel_receive(supervisor, &reporter) == -EPIPE);
	(void)close(supervisor);
	return 0;
}
