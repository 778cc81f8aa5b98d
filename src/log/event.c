/* SPDX-License-Identifier: ISC */
/*
 * An event as xinetd's line (xinetd.log(5)): the word, the service, then its parts in a
 * fixed order, each only if the service's log_on_success or log_on_failure asks for it.
 */
#include <string.h>
#include <sys/wait.h>

#include "usherd/log/event.h"

#define PARTS_MAX 3

struct part {
	unsigned field; /* 0: always there */
	void (*add)(const struct event *event, struct text *line);
};

static void add_pid(const struct event *event, struct text *line)
{
	text_add(line, " pid=");
	text_add_number(line, (uintmax_t)event->pid);
}

static void add_from(const struct event *event, struct text *line)
{
	char host[ADDR_TEXT_SIZE];

	text_add(line, " from=");
	text_add(line, addr_format_host(&event->peer, host));
}

static void add_status(const struct event *event, struct text *line)
{
	bool signaled = WIFSIGNALED(event->wait_status);

	text_add(line, signaled ? " signal=" : " status=");
	text_add_number(line, (unsigned)(signaled ? WTERMSIG(event->wait_status)
						  : WEXITSTATUS(event->wait_status)));
}

static void add_duration(const struct event *event, struct text *line)
{
	text_add(line, " duration=");
	text_add_number(line, event->duration_s);
	text_add(line, "(sec)");
}

static void add_in(const struct event *event, struct text *line)
{
	text_add(line, " in=");
	text_add_number(line, event->bytes_in);
	text_add(line, "(bytes)");
}

static void add_out(const struct event *event, struct text *line)
{
	text_add(line, " out=");
	text_add_number(line, event->bytes_out);
	text_add(line, "(bytes)");
}

static void add_reason(const struct event *event, struct text *line)
{
	text_add(line, " ");
	text_add_escaped(line, event->reason,
			 strnlen(event->reason, sizeof(event->reason)));
}

static void add_address(const struct event *event, struct text *line)
{
	char host[ADDR_TEXT_SIZE];

	text_add(line, " ");
	text_add(line, addr_format_host(&event->peer, host));
}

static const struct kind {
	const char *word;
	struct part parts[PARTS_MAX];
} kinds[] = {
	[EVENT_START] = { "START", { { EVENT_PID, add_pid }, { EVENT_HOST, add_from } } },
	[EVENT_EXIT] = { "EXIT",
			 { { EVENT_EXIT_STATUS, add_status },
			   { EVENT_PID, add_pid },
			   { EVENT_DURATION, add_duration } } },
	[EVENT_FAIL] = { "FAIL", { { 0, add_reason }, { EVENT_HOST, add_from } } },
	[EVENT_BYTES] = { "TRAFFIC", { { 0, add_in }, { 0, add_out } } },
	[EVENT_USER] = { "USERID", { { 0, add_reason } } },
	[EVENT_NOID] = { "NOID", { { 0, add_address }, { 0, add_reason } } },
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

bool event_is_valid(const struct event *event)
{
	return (unsigned)event->kind < KIND_COUNT &&
	       strnlen(event->service, sizeof(event->service)) < sizeof(event->service) &&
	       strnlen(event->reason, sizeof(event->reason)) < sizeof(event->reason) &&
	       event->peer.length <= sizeof(event->peer.u);
}

void event_format(const struct event *event, struct text *ret_line)
{
	const struct kind *kind = &kinds[event->kind];

	text_add(ret_line, kind->word);
	text_add(ret_line, ": ");
	text_add_escaped(ret_line, event->service,
			 strnlen(event->service, sizeof(event->service)));
	for (size_t i = 0; i < PARTS_MAX; i++) {
		const struct part *part = &kind->parts[i];

		if (part->add && (part->field == 0 || (event->fields & part->field) != 0))
			part->add(event, ret_line);
	}
}
