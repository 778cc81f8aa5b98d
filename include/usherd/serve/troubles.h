/* SPDX-License-Identifier: ISC */
/* Failures in a row, by owner, and when each may be tried again. Pure but for memory. */
#ifndef USHERD_SERVE_TROUBLES_H
#define USHERD_SERVE_TROUBLES_H

#include <stddef.h>
#include <stdint.h>

struct trouble {
	uint64_t owner;
	unsigned failures;
	uint64_t not_before_ns;
};

/* All zero: no trouble. */
struct troubles {
	struct trouble *items; /* owned */
	size_t count;
};

/* One more failure: the first may be tried again at once, the next ones after @first_ns,
 * doubling to @most_ns. Returns when; out of memory counts as the longest wait. */
uint64_t troubles_note(struct troubles *troubles, uint64_t owner, uint64_t now_ns,
		       uint64_t first_ns, uint64_t most_ns);

/* When @owner may be tried; 0: any time. */
uint64_t troubles_not_before(const struct troubles *troubles, uint64_t owner);

void troubles_forget(struct troubles *troubles, uint64_t owner);
void troubles_done(struct troubles *troubles);

#endif
