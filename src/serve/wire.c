/* SPDX-License-Identifier: ISC */
/* Between reports and bytes. When they travel is channel.c's. */
#include "usherd/serve/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum kind {
	KIND_EVENT = 1,
	KIND_MESSAGE
};

/* In front of every report. */
struct head {
	uint16_t size; /* of the whole, this included */
	uint8_t kind;  /* enum kind */
	uint8_t level; /* enum log_level, of a message */
};

/* An event without the room that its texts and address do not need, which follow; then
 * the two counts of one that has them. */
struct brief {
	struct head head;
	int32_t pid;
	int32_t wait_status;
	uint32_t fields;
	uint64_t duration_s;
	uint8_t kind; /* enum event_kind */
	uint8_t service_length;
	uint8_t reason_length;
	uint8_t peer_length;
};

static_assert(sizeof(struct brief) + EVENT_SERVICE_SIZE + EVENT_REASON_SIZE +
			      sizeof(struct sockaddr_un) + 2 * sizeof(uint64_t) <=
		      WIRE_REPORT_MAX,
	      "an event fits");
static_assert(sizeof(struct head) + REPORT_TEXT_SIZE <= WIRE_REPORT_MAX,
	      "a message fits");
static_assert(sizeof(((struct addr *)NULL)->u) <= UINT8_MAX, "a length fits");

static size_t put(uint8_t *bytes, size_t at, const void *from, size_t length)
{
	if (length > 0)
		memcpy(bytes + at, from, length);
	return at + length;
}

size_t wire_put_event(uint8_t *bytes, const struct event *event)
{
	struct brief brief = {
		.head = { .kind = KIND_EVENT },
		.pid = event->pid,
		.wait_status = event->wait_status,
		.fields = event->fields,
		.duration_s = event->duration_s,
		.kind = (uint8_t)event->kind,
		.service_length =
			(uint8_t)strnlen(event->service, sizeof(event->service) - 1),
		.reason_length =
			(uint8_t)strnlen(event->reason, sizeof(event->reason) - 1),
		.peer_length = (uint8_t)event->peer.length,
	};
	size_t at = sizeof(brief);

	at = put(bytes, at, event->service, brief.service_length);
	at = put(bytes, at, event->reason, brief.reason_length);
	at = put(bytes, at, &event->peer.u, brief.peer_length);
	if (event->kind == EVENT_BYTES) {
		at = put(bytes, at, &event->bytes_in, sizeof(event->bytes_in));
		at = put(bytes, at, &event->bytes_out, sizeof(event->bytes_out));
	}
	brief.head.size = (uint16_t)at;
	memcpy(bytes, &brief, sizeof(brief));
	return at;
}

size_t wire_put_message(uint8_t *bytes, enum log_level level, const char *text)
{
	size_t length = strnlen(text, REPORT_TEXT_SIZE - 1);
	struct head head = { .size = (uint16_t)(sizeof(head) + length),
			     .kind = KIND_MESSAGE,
			     .level = (uint8_t)level };

	memcpy(bytes, &head, sizeof(head));
	return put(bytes, sizeof(head), text, length);
}

/* How long the event must be that begins with @brief. */
static size_t size_of(const struct brief *brief)
{
	return sizeof(*brief) + brief->service_length + brief->reason_length +
	       brief->peer_length +
	       (brief->kind == EVENT_BYTES ? 2 * sizeof(uint64_t) : 0);
}

static void take_counts(const uint8_t *bytes, struct event *event)
{
	if (event->kind != EVENT_BYTES)
		return;
	memcpy(&event->bytes_in, bytes, sizeof(event->bytes_in));
	memcpy(&event->bytes_out, bytes + sizeof(event->bytes_in),
	       sizeof(event->bytes_out));
}

static int take_event(const uint8_t *bytes, size_t size, struct reporter *reporter)
{
	struct brief brief;
	struct event event;
	size_t at = sizeof(brief);

	if (size < sizeof(brief))
		return -EBADMSG;
	memcpy(&brief, bytes, sizeof(brief));
	if (brief.kind > EVENT_NOID || brief.service_length >= sizeof(event.service) ||
	    brief.reason_length >= sizeof(event.reason) ||
	    brief.peer_length > sizeof(event.peer.u) || size != size_of(&brief))
		return -EBADMSG;
	memset(&event, 0, sizeof(event));
	event.kind = brief.kind;
	event.fields = brief.fields;
	event.pid = brief.pid;
	event.wait_status = brief.wait_status;
	event.duration_s = brief.duration_s;
	memcpy(event.service, bytes + at, brief.service_length);
	at += brief.service_length;
	memcpy(event.reason, bytes + at, brief.reason_length);
	at += brief.reason_length;
	event.peer.length = brief.peer_length;
	memcpy(&event.peer.u, bytes + at, brief.peer_length);
	take_counts(bytes + at + brief.peer_length, &event);
	report_event(reporter, &event);
	return 0;
}

static int take_message(const uint8_t *bytes, size_t size, struct reporter *reporter)
{
	char text[REPORT_TEXT_SIZE];
	struct head head;
	size_t length = size - sizeof(head);

	memcpy(&head, bytes, sizeof(head));
	if (head.level > LOG_LEVEL_DEBUG || length >= sizeof(text))
		return -EBADMSG;
	memcpy(text, bytes + sizeof(head), length);
	text[length] = '\0';
	reporter->message(reporter, (enum log_level)head.level, text);
	return 0;
}

ssize_t wire_take(const uint8_t *bytes, size_t length, struct reporter *reporter)
{
	struct head head;
	int r = -EBADMSG;

	if (length < sizeof(head))
		return -EBADMSG;
	memcpy(&head, bytes, sizeof(head));
	if (head.size < sizeof(head) || head.size > length)
		return -EBADMSG;
	if (head.kind == KIND_EVENT)
		r = take_event(bytes, head.size, reporter);
	else if (head.kind == KIND_MESSAGE)
		r = take_message(bytes, head.size, reporter);
	return r < 0 ? r : head.size;
}
