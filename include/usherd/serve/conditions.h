/* SPDX-License-Identifier: ISC */
/* What time of the day it is and how much there is to do on this machine, asked once in a
 * while: for the guard. All zero is fresh. */
#ifndef USHERD_SERVE_CONDITIONS_H
#define USHERD_SERVE_CONDITIONS_H

#include <stdint.h>

struct conditions {
	uint64_t minute_until_ns;
	unsigned minute;
	uint64_t load_until_ns;
	uint64_t load;
};

/* The minute of the day in local time. Asked once a second and when it changes; more than
 * there are in a day if it cannot be told. */
unsigned conditions_minute(struct conditions *conditions, uint64_t now_ns);

/* The load average of the last minute in POLICY_LOAD_UNIT, asked once a second; more than
 * any limit if it cannot be told. */
uint64_t conditions_load(struct conditions *conditions, uint64_t now_ns);

#endif
