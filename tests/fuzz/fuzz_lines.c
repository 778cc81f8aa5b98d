/* SPDX-License-Identifier: ISC */
/*
 * What a stranger sends, into lines. The first byte says whether telnet is spoken (bit 0)
 * and how large the pieces are; the rest is sent. Checks that the lines do not depend on
 * the pieces, fit their room and hold no line end, and that a session that takes one line
 * alone leaves the rest of the bytes where they were.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/internal/lines.h"

#define ROOM      32
#define INPUT_MAX 4096

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* All events of some input, one behind the other. */
struct trace {
	uint8_t bytes[4 * INPUT_MAX];
	size_t length;
};

static void trace_add(struct trace *trace, const void *bytes, size_t length)
{
	require(trace->length + length <= sizeof(trace->bytes));
	if (length > 0)
		memcpy(trace->bytes + trace->length, bytes, length);
	trace->length += length;
}

static void trace_event(struct trace *trace, enum line_input_event event,
			struct line_input *input, const char *line, bool telnet)
{
	uint8_t head[] = { (uint8_t)event, (uint8_t)input->cut };

	if (event == LINE_INPUT_OPTION) {
		const uint8_t option[] = { (uint8_t)event, input->verb, input->option };

		require(telnet &&
			(input->verb == TELNET_WONT || input->verb == TELNET_DONT));
		trace_add(trace, option, sizeof(option));
	} else if (event == LINE_INPUT_LINE) {
		require(input->length <= ROOM);
		require(memchr(line, '\n', input->length) == NULL);
		require(!telnet || memchr(line, '\r', input->length) == NULL);
		require(!input->cut || input->length == ROOM);
		trace_add(trace, head, sizeof(head));
		trace_add(trace, line, input->length);
		line_input_next(input);
	}
}

static void decode(const uint8_t *data, size_t size, size_t piece, bool telnet,
		   struct trace *trace)
{
	char line[ROOM];
	const struct line_form form = { .text = line, .room = ROOM, .telnet = telnet };
	struct line_input input = { 0 };

	trace->length = 0;
	for (size_t at = 0; at < size; at += piece) {
		struct line_source source = { data + at,
					      piece < size - at ? piece : size - at };

		while (source.size > 0) {
			enum line_input_event event =
				line_input_take(&input, &form, &source);
			trace_event(trace, event, &input, line, telnet);
		}
	}
}

static void drop(struct line_session *session, char *text, size_t length, bool cut)
{
	require(text[length] == '\0' && length <= ROOM);
	(void)cut;
	lines_drop(session);
}

/* Everything behind the first line feed is still there. */
static void check_exact(const uint8_t *data, size_t size)
{
	static const struct lines_rules rules = {
		.session_size = sizeof(struct line_session),
		.line_max = ROOM,
		.output_max = ROOM,
		.exact = true,
		.line = drop,
	};
	const struct session_owner owner = { .ended = NULL };
	const uint8_t *end = memchr(data, '\n', size);
	size_t expected = end != NULL ? size - (size_t)(end - data) - 1 : 0;
	static uint8_t rest[INPUT_MAX];
	struct connection connection = { .fd = -1 };
	struct lines *lines;
	struct loop *loop;
	int pair[2], copy;

	require(loop_new(&loop, NULL) == 0);
	require(lines_new(loop, &rules, 0, NULL, &lines) == 0);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	require(send(pair[0], data, size, MSG_DONTWAIT) == (ssize_t)size);
	copy = dup(pair[1]);
	require(copy != -1);
	connection.fd = pair[1];
	require(lines_start(lines, &connection, &owner, NULL) == 0);
	for (int i = 0; i < 8; i++)
		require(loop_turn(loop, 0) >= 0);
	require(lines_count(lines) == (end != NULL ? 0 : 1));
	ssize_t left = recv(copy, rest, sizeof(rest), MSG_DONTWAIT);
	require(left == (expected > 0 ? (ssize_t)expected : -1));
	require(expected == 0 || memcmp(rest, end + 1, expected) == 0);
	lines_free(lines);
	loop_free(loop);
	(void)close(copy);
	(void)close(pair[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct trace whole, pieces;
	bool telnet;
	size_t piece;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	telnet = data[0] % 2 == 1;
	piece = data[0] / 2 % 16 + 1;
	decode(data + 1, size - 1, size, telnet, &whole);
	decode(data + 1, size - 1, piece, telnet, &pieces);
	require(whole.length == pieces.length &&
		memcmp(whole.bytes, pieces.bytes, whole.length) == 0);
	check_exact(data + 1, size - 1);
	return 0;
}
