/* SPDX-License-Identifier: ISC */
/*
 * What happens to connections, as fields.
 *
 * An event is a plain value without pointers: a worker sends it to the supervisor as
 * bytes. event_format() writes xinetd's line, fields and order as xinetd.log(5) has
 * them, so that log scanners go on working.
 */
#ifndef USHERD_LOG_EVENT_H
#define USHERD_LOG_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "usherd/base/addr.h"
#include "usherd/base/text.h"

#define EVENT_SERVICE_SIZE 64
#define EVENT_REASON_SIZE  128
#define EVENT_LINE_SIZE    512

enum event_kind {
	EVENT_START, /* START: id pid=N from=ADDR */
	EVENT_EXIT,  /* EXIT: id status=N|signal=N pid=N duration=N(sec) */
	EVENT_FAIL,  /* FAIL: id reason from=ADDR */
	EVENT_BYTES, /* TRAFFIC: id in=N(bytes) out=N(bytes) */
	EVENT_USER,  /* USERID: id TEXT */
	EVENT_NOID,  /* NOID: id ADDR reason */
};

/* Which optional fields the line shows. Values of log_on_success / log_on_failure. */
enum event_field {
	EVENT_PID = 1 << 0,
	EVENT_HOST = 1 << 1,
	EVENT_USERID = 1 << 2,
	EVENT_EXIT_STATUS = 1 << 3,
	EVENT_DURATION = 1 << 4,
	EVENT_TRAFFIC = 1 << 5,
	EVENT_ATTEMPT = 1 << 6,
};

struct event {
	enum event_kind kind;
	unsigned fields; /* enum event_field */
	char service[EVENT_SERVICE_SIZE];
	pid_t pid;
	int wait_status; /* as from waitpid(2), EVENT_EXIT */
	uint64_t duration_s;
	uint64_t bytes_in; /* from the client, EVENT_BYTES */
	uint64_t bytes_out;
	/* EVENT_FAIL, EVENT_NOID; the text of EVENT_USER. Escaped in the line. */
	char reason[EVENT_REASON_SIZE];
	struct addr peer; /* length 0: "<no address>" */
};

/* Is this, received as bytes from another process, an event that can be formatted? */
bool event_is_valid(const struct event *event);

/* The line without time stamp or newline, added to @ret_line; user-controlled text
 * escaped. The event must be valid. */
void event_format(const struct event *event, struct text *ret_line);

#endif
