/* SPDX-License-Identifier: ISC */
#include "usherd/guard/counts.h"

#include "usherd/guard/guard.h"

_Static_assert(REASON_PER_SOURCE_CPM < COUNTS_REASONS, "every reason has its number");

void counts_add(struct counts *sum, const struct counts *more)
{
	sum->started += more->started;
	sum->ended += more->ended;
	sum->lost += more->lost;
	sum->datagrams += more->datagrams;
	sum->bytes_in += more->bytes_in;
	sum->bytes_out += more->bytes_out;
	for (unsigned i = 0; i < COUNTS_REASONS; i++)
		sum->refused[i] += more->refused[i];
}

void counts_close(struct counts *counts)
{
	counts->lost = counts->started - counts->ended;
}

uint64_t counts_refused(const struct counts *counts)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < COUNTS_REASONS; i++)
		sum += counts->refused[i];
	return sum;
}
