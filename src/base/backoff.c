/* SPDX-License-Identifier: ISC */
/* Exponential back-off without jitter: nobody here competes with its likes. */
#include "usherd/base/backoff.h"

uint64_t backoff_ns(unsigned failures, uint64_t first_ns, uint64_t most_ns)
{
	uint64_t ns = first_ns;

	if (failures == 0)
		return 0;
	while (--failures > 0 && ns < most_ns)
		ns *= 2;
	return ns < most_ns ? ns : most_ns;
}
