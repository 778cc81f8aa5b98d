/* SPDX-License-Identifier: ISC */
/* From what clients send to lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lines_internal.h"
#include "usherd/internal/stream.h"

/* Whoever does not take what it was told is not asked for more. */
bool lines_may_take(const struct line_session *session)
{
	return session->phase == LINES_OPEN && session->out == NULL &&
	       !session->wants_room && session->paused_until_ns == 0;
}

/* As lines_may_take(), after asking the service whether the next line is due. */
static bool is_due(struct line_session *session)
{
	const struct lines_rules *rules = session->lines->rules;
	uint64_t due_ns = 0;

	if (!lines_may_take(session))
		return false;
	if (rules->line_due_ns != NULL)
		due_ns = rules->line_due_ns(session, lines_now_ns(session));
	if (due_ns <= lines_now_ns(session))
		return true;
	session->paused_until_ns = due_ns;
	return false;
}

static void deliver(struct line_session *session)
{
	struct lines *lines = session->lines;
	size_t length = session->input.length;
	bool cut = session->input.cut;

	line_input_next(&session->input);
	lines->text[length] = '\0';
	lines->rules->line(session, lines->text, length, cut);
}

static void refuse_option(struct line_session *session)
{
	const uint8_t answer[] = { TELNET_IAC, session->input.verb,
				   session->input.option };

	lines_send(session, answer, sizeof(answer));
}

static void keep_partial(struct line_session *session)
{
	size_t length = session->input.length;

	if (length == 0)
		return;
	session->partial = malloc(length);
	if (session->partial == NULL)
		lines_condemn(session, LINES_END_SLOW);
	else
		memcpy(session->partial, session->lines->text, length);
}

static void take(struct line_session *session, struct line_source *source)
{
	struct lines *lines = session->lines;
	const struct line_form form = { .text = lines->text,
					.room = lines->rules->line_max,
					.telnet = lines->rules->telnet };

	if (session->partial != NULL)
		memcpy(lines->text, session->partial, session->input.length);
	free(session->partial);
	session->partial = NULL;
	while (source->size > 0 && is_due(session)) {
		switch (line_input_take(&session->input, &form, source)) {
		case LINE_INPUT_LINE:
			deliver(session);
			break;
		case LINE_INPUT_OPTION:
			refuse_option(session);
			break;
		case LINE_INPUT_MORE:
			break;
		}
	}
	keep_partial(session);
}

/* What came in one piece with a line that could be taken, but may not be taken yet. */
static void hold(struct line_session *session, const struct line_source *source)
{
	if (source->size == 0 || session->phase != LINES_OPEN)
		return;
	session->held = malloc(source->size);
	if (session->held == NULL) {
		lines_condemn(session, LINES_END_SLOW);
		return;
	}
	memcpy(session->held, source->data, source->size);
	session->held_start = 0;
	session->held_end = (uint16_t)source->size;
}

void lines_take_held(struct line_session *session)
{
	struct line_source source;

	if (session->held == NULL || !lines_may_take(session))
		return;
	source.data = session->held + session->held_start;
	source.size = (size_t)session->held_end - session->held_start;
	take(session, &source);
	session->held_start = (uint16_t)(session->held_end - source.size);
	if (source.size > 0)
		return;
	free(session->held);
	session->held = NULL;
}

/* Up to the first line's end, which is found without taking anything. */
static ssize_t receive_line(int fd, uint8_t *buffer, size_t size)
{
	ssize_t count = stream_receive(fd, buffer, size, MSG_PEEK);
	const uint8_t *end;

	if (count <= 0)
		return count;
	end = memchr(buffer, '\n', (size_t)count);
	if (end != NULL)
		count = end - buffer + 1;
	return stream_receive(fd, buffer, (size_t)count, 0);
}

static ssize_t receive(struct line_session *session)
{
	struct lines *lines = session->lines;
	int fd = session->watch.fd;
	ssize_t count = lines->rules->exact && session->phase == LINES_OPEN
				? receive_line(fd, lines->scratch, LINES_READ_MAX)
				: stream_receive(fd, lines->scratch, LINES_READ_MAX, 0);

	if (count > 0) {
		session->bytes_in += (uint64_t)count;
		session->moved_ns = lines_now_ns(session);
	}
	return count;
}

void lines_take_fresh(struct line_session *session)
{
	struct line_source source = { .data = session->lines->scratch };
	ssize_t count;

	if (session->held != NULL || session->input_over || !lines_may_take(session))
		return;
	count = receive(session);
	if (count == -EAGAIN)
		return;
	if (count < 0) {
		lines_condemn(session, LINES_END_CLIENT);
	} else if (count == 0) {
		session->input_over = true;
	} else {
		source.size = (size_t)count;
		take(session, &source);
		hold(session, &source);
	}
}

void lines_linger(struct line_session *session)
{
	ssize_t count = receive(session);

	if (count == -EAGAIN)
		return;
	if (count > 0)
		session->lingered_bytes += (uint32_t)count;
	if (count <= 0 || session->lingered_bytes > SESSION_LINGER_BYTES)
		lines_condemn(session, LINES_END_SERVICE);
}
