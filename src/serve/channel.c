/* SPDX-License-Identifier: ISC */
/* The packets of the channel; what is in them is wire.c's. */
#include "usherd/serve/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "usherd/serve/wire.h"

/* Room for a burst of reports while the supervisor is busy. */
#define CHANNEL_BUFFER_BYTES (4 * 1024 * 1024)

int channel_open(int *ret_supervisor, int *ret_worker)
{
	int size = CHANNEL_BUFFER_BYTES;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) ==
	    -1)
		return -errno;
	/* Best effort: past the system's limit only for root, up to it for others. */
	if (setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) == -1)
		(void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*ret_supervisor = ends[0];
	*ret_worker = ends[1];
	return 0;
}

static bool send_packet(int fd, const uint8_t *bytes, size_t length)
{
	return send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) != -1;
}

static void say_what_was_lost(struct channel_reporter *channel)
{
	uint8_t bytes[WIRE_REPORT_MAX];
	char line[REPORT_TEXT_SIZE];
	struct text text;

	if (channel->lost == 0)
		return;
	text_init(&text, line, sizeof(line));
	text_addf(&text, "worker: %u reports were lost, the supervisor was too busy",
		  channel->lost);
	if (send_packet(channel->fd, bytes,
			wire_put_message(bytes, LOG_LEVEL_WARNING, line)))
		channel->lost = 0;
}

void channel_flush(struct channel_reporter *channel)
{
	loop_timer_cancel(&channel->timer);
	if (channel->used == 0)
		return;
	say_what_was_lost(channel);
	if (!send_packet(channel->fd, channel->packet, channel->used))
		channel->lost += channel->held;
	channel->used = 0;
	channel->held = 0;
}

static void packet_is_due(struct timer *timer)
{
	channel_flush(timer->data);
}

/* A report has come behind those in the packet: does it travel now or with the next? */
static void added(struct channel_reporter *channel, size_t length, bool urgent)
{
	channel->used += length;
	channel->held++;
	if (urgent || channel->loop == NULL ||
	    channel->used > CHANNEL_PACKET_SIZE - WIRE_REPORT_MAX) {
		channel_flush(channel);
		return;
	}
	if (!loop_timer_is_armed(&channel->timer) &&
	    loop_timer_set(channel->loop, &channel->timer,
			   loop_now_ns(channel->loop) + CHANNEL_DELAY_NS) < 0)
		channel_flush(channel);
}

static void channel_event(struct reporter *reporter, const struct event *event)
{
	struct channel_reporter *channel = (struct channel_reporter *)reporter;

	added(channel, wire_put_event(channel->packet + channel->used, event), false);
}

static void channel_message(struct reporter *reporter, enum log_level level,
			    const char *text)
{
	struct channel_reporter *channel = (struct channel_reporter *)reporter;

	added(channel, wire_put_message(channel->packet + channel->used, level, text),
	      true);
}

void channel_reporter_init(struct channel_reporter *channel, int fd)
{
	memset(channel, 0, sizeof(*channel));
	channel->reporter.event = channel_event;
	channel->reporter.message = channel_message;
	channel->fd = fd;
	channel->timer.fired = packet_is_due;
	channel->timer.data = channel;
}

void channel_gather(struct channel_reporter *channel, struct loop *loop)
{
	channel->loop = loop;
}

/* An empty packet and the end of the channel both read as nothing. */
static int what_nothing_means(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, 0) == 1 && (one.revents & POLLHUP) != 0 ? -EPIPE : -EBADMSG;
}

int channel_receive(int fd, struct reporter *reporter)
{
	uint8_t packet[CHANNEL_PACKET_SIZE];
	ssize_t length = recv(fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
	size_t at = 0;

	if (length == -1)
		return errno == EINTR ? -EAGAIN : -errno;
	if (length == 0)
		return what_nothing_means(fd);
	if (length > (ssize_t)sizeof(packet))
		return -EBADMSG;
	while (at < (size_t)length) {
		ssize_t taken = wire_take(packet + at, (size_t)length - at, reporter);

		if (taken < 0)
			return (int)taken;
		at += (size_t)taken;
	}
	return 0;
}
