/* SPDX-License-Identifier: ISC */
/* How long to wait before trying again: @first after one failure, twice as long after
 * each further one, never more than @most; 0 after none. Pure. */
#ifndef USHERD_BASE_BACKOFF_H
#define USHERD_BASE_BACKOFF_H

#include <stdint.h>

uint64_t backoff_ns(unsigned failures, uint64_t first_ns, uint64_t most_ns);

#endif
