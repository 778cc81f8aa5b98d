/* SPDX-License-Identifier: ISC */
/*
 * What has happened at a service since it is there: numbers that only grow (and wrap),
 * for reports. Nothing is decided by them. They say what the log says, whether a line was
 * written or not: `started` is the number of START lines of sessions, `ended` that of
 * EXIT lines, `refused` that of FAIL lines by their reason. So a client that got a place
 * and then could not be served for want of a target or of memory is in all three.
 */
#ifndef USHERD_GUARD_COUNTS_H
#define USHERD_GUARD_COUNTS_H

#include <stdint.h>

/* More than there are in enum reason. */
#define COUNTS_REASONS 14

struct counts {
	uint64_t started;   /* sessions and programs */
	uint64_t ended;     /* of these */
	uint64_t lost;      /* of these: their worker ended before them */
	uint64_t datagrams; /* given to an in-process service that answers each by itself
			     */
	uint64_t bytes_in;  /* from clients, where they are counted */
	uint64_t bytes_out;
	uint64_t refused[COUNTS_REASONS]; /* by enum reason */
};

void counts_add(struct counts *sum, const struct counts *more);

/* The process that counted is gone: what has not ended by then is lost. */
void counts_close(struct counts *counts);

/* For any reason. */
uint64_t counts_refused(const struct counts *counts);

#endif
