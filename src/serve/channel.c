/* SPDX-License-Identifier: ISC */
/* The packets of the channel. Who reads them when is worker.c's and workers.c's. */
#include "usherd/serve/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* Room for a burst of reports while the supervisor is busy. */
#define CHANNEL_BUFFER_BYTES (4 * 1024 * 1024)

enum message_kind {
	MESSAGE_EVENT = 1,
	MESSAGE_TEXT
};

struct message {
	enum message_kind kind;
	enum log_level level;
	union {
		struct event event;
		char text[REPORT_TEXT_SIZE];
	} u;
};

static const char order_drain = 'D';

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

static bool send_message(int fd, const struct message *message)
{
	return send(fd, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL) != -1;
}

static void send_text(struct channel_reporter *channel, enum log_level level,
		      const char *text)
{
	struct message message;

	memset(&message, 0, sizeof(message));
	message.kind = MESSAGE_TEXT;
	message.level = level;
	(void)text_copy(message.u.text, sizeof(message.u.text), text);
	if (!send_message(channel->fd, &message))
		channel->lost++;
}

static void say_what_was_lost(struct channel_reporter *channel)
{
	struct message message;
	struct text text;

	if (channel->lost == 0)
		return;
	memset(&message, 0, sizeof(message));
	message.kind = MESSAGE_TEXT;
	message.level = LOG_LEVEL_WARNING;
	text_init(&text, message.u.text, sizeof(message.u.text));
	text_addf(&text, "worker: %u reports were lost, the supervisor was too busy",
		  channel->lost);
	if (send_message(channel->fd, &message))
		channel->lost = 0;
}

static void channel_event(struct reporter *reporter, const struct event *event)
{
	struct channel_reporter *channel = (struct channel_reporter *)reporter;
	struct message message;

	say_what_was_lost(channel);
	memset(&message, 0, sizeof(message));
	message.kind = MESSAGE_EVENT;
	message.u.event = *event;
	if (!send_message(channel->fd, &message))
		channel->lost++;
}

static void channel_message(struct reporter *reporter, enum log_level level,
			    const char *text)
{
	struct channel_reporter *channel = (struct channel_reporter *)reporter;

	say_what_was_lost(channel);
	send_text(channel, level, text);
}

void channel_reporter_init(struct channel_reporter *reporter, int fd)
{
	reporter->reporter.event = channel_event;
	reporter->reporter.message = channel_message;
	reporter->fd = fd;
	reporter->lost = 0;
}

/* Pass on only what a decent worker could have sent. */
static int deliver(struct message *message, struct reporter *reporter)
{
	if (message->kind == MESSAGE_EVENT) {
		struct event *event = &message->u.event;

		event->service[sizeof(event->service) - 1] = '\0';
		event->reason[sizeof(event->reason) - 1] = '\0';
		if (event->kind > EVENT_FAIL ||
		    event->peer.length > sizeof(event->peer.u))
			return -EBADMSG;
		report_event(reporter, event);
		return 0;
	}
	if (message->kind != MESSAGE_TEXT || message->level > LOG_LEVEL_DEBUG)
		return -EBADMSG;
	message->u.text[sizeof(message->u.text) - 1] = '\0';
	reporter->message(reporter, message->level, message->u.text);
	return 0;
}

/* An empty packet and the end of the channel both read as nothing. */
static int what_nothing_means(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, 0) == 1 && (one.revents & POLLHUP) != 0 ? -EPIPE : -EBADMSG;
}

int channel_receive(int fd, struct reporter *reporter)
{
	struct message message;
	ssize_t length = recv(fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);

	if (length == -1)
		return errno == EINTR ? -EAGAIN : -errno;
	if (length == 0)
		return what_nothing_means(fd);
	if (length != (ssize_t)sizeof(message))
		return -EBADMSG;
	return deliver(&message, reporter);
}

int channel_order_drain(int fd)
{
	if (send(fd, &order_drain, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		return -errno;
	return 0;
}

int channel_read_order(int fd)
{
	char order;
	ssize_t length = recv(fd, &order, 1, MSG_DONTWAIT);

	if (length == -1)
		return errno == EINTR ? -EAGAIN : -errno;
	if (length == 0)
		return -EPIPE;
	return order == order_drain ? 0 : -EAGAIN;
}
