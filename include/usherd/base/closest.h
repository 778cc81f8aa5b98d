/* SPDX-License-Identifier: ISC */
/* "Did you mean": the nearest word of a list by optimal string alignment distance. */
#ifndef USHERD_BASE_CLOSEST_H
#define USHERD_BASE_CLOSEST_H

#include <stddef.h>

struct closest {
	const char *word; /* what was typed, borrowed */
	const char *best; /* nearest so far, borrowed; NULL while none is near enough */
	unsigned best_distance;
};

void closest_init(struct closest *search, const char *word);

/* Consider one candidate. Near enough: distance at most 2, at most 1 for words shorter
 * than five letters; letter case does not count. */
void closest_consider(struct closest *search, const char *candidate);

#endif
