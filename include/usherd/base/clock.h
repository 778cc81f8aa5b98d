/* SPDX-License-Identifier: ISC */
/* Time. Deadlines are absolute nanoseconds on CLOCK_MONOTONIC; pure code gets the
 * moment passed in and never calls these. */
#ifndef USHERD_BASE_CLOCK_H
#define USHERD_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_SECOND UINT64_C(1000000000)
#define CLOCK_NS_PER_MS     UINT64_C(1000000)

uint64_t clock_monotonic_ns(void);

/* Seconds since the epoch, CLOCK_REALTIME. */
int64_t clock_wall_seconds(void);

#endif
