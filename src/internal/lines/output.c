/* SPDX-License-Identifier: ISC */
/* Telling clients: at once what their sockets take, the rest when they take more. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines_internal.h"
#include "usherd/internal/stream.h"

#define MESSAGE_SIZE 512 /* of lines_sendf() */

/* Returns bytes taken by the client now; dooms the session when it cannot be told any
 * more. */
static size_t transmit(struct line_session *session, const void *data, size_t size)
{
	ssize_t count = stream_send(session->watch.fd, data, size);

	if (count < 0) {
		lines_condemn(session, LINES_END_CLIENT);
		return 0;
	}
	session->bytes_out += (uint64_t)count;
	if (count > 0)
		session->moved_ns = lines_now_ns(session);
	return (size_t)count;
}

void lines_flush(struct line_session *session)
{
	if (session->out == NULL || session->phase == LINES_DOOMED)
		return;
	session->out_start +=
		(uint32_t)transmit(session, session->out + session->out_start,
				   session->out_end - session->out_start);
	if (session->out_start < session->out_end)
		return;
	free(session->out);
	session->out = NULL;
	session->out_start = 0;
	session->out_end = 0;
}

/* Append to what is kept; false if that would be too much. */
static bool keep(struct line_session *session, const void *data, size_t size)
{
	size_t kept = session->out_end - session->out_start;
	char *out;

	if (size > session->lines->rules->output_max - kept)
		return false;
	out = malloc(kept + size);
	if (out == NULL)
		return false;
	if (session->out != NULL)
		memcpy(out, session->out + session->out_start, kept);
	memcpy(out + kept, data, size);
	free(session->out);
	session->out = out;
	session->out_start = 0;
	session->out_end = (uint32_t)(kept + size);
	return true;
}

/* Not in its own turn nobody looks what it waits for. */
static void wait_for_room(struct line_session *session)
{
	short events = session->watch.events;

	if ((events & POLLOUT) == 0 &&
	    loop_change(&session->watch, (short)(events | POLLOUT)) != 0)
		lines_doom(session, LINES_END_SLOW);
}

void lines_send(struct line_session *session, const void *data, size_t size)
{
	size_t sent = 0;

	if (session->phase != LINES_OPEN || size == 0)
		return;
	if (session->out == NULL)
		sent = transmit(session, data, size);
	if (session->phase == LINES_DOOMED) {
		lines_doom(session, session->why);
		return;
	}
	if (sent == size)
		return;
	if (keep(session, (const char *)data + sent, size - sent))
		wait_for_room(session);
	else
		lines_doom(session, LINES_END_SLOW);
}

void lines_sendf(struct line_session *session, const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (length > 0)
		lines_send(session, message,
			   (size_t)length < sizeof(message) ? (size_t)length
							    : sizeof(message) - 1);
}

size_t lines_push(struct line_session *session, const void *data, size_t size)
{
	size_t sent = 0;

	if (session->phase != LINES_OPEN)
		return 0;
	if (session->out == NULL)
		sent = transmit(session, data, size);
	if (session->phase == LINES_DOOMED) {
		lines_doom(session, session->why);
	} else if (sent < size) {
		session->wants_room = true;
		wait_for_room(session);
	}
	return sent;
}
