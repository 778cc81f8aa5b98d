/* SPDX-License-Identifier: ISC */
/*
 * Reports as bytes, several to a packet: what channel.c sends. Both ends are the same
 * program, so numbers are in the machine's own order. What is read is checked like any
 * input. Pure.
 */
#ifndef USHERD_SERVE_WIRE_H
#define USHERD_SERVE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "usherd/serve/report.h"

/* Room that any one report fits into. */
#define WIRE_REPORT_MAX 1024

/* Write @event, or a message, to @bytes, WIRE_REPORT_MAX of them. Returns how many. */
size_t wire_put_event(uint8_t *bytes, const struct event *event);
size_t wire_put_message(uint8_t *bytes, enum log_level level, const char *text);

/*
 * Pass the report that @bytes begin with on to @reporter. Returns how many bytes it took;
 * -EBADMSG, and nothing is passed on, where it is none.
 */
ssize_t wire_take(const uint8_t *bytes, size_t length, struct reporter *reporter);

#endif
