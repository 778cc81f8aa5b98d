/* SPDX-License-Identifier: ISC */
/* What has been found out of late about clients' names: a small table in which a newer
 * answer takes the place of an older one. */
#ifndef USHERD_SERVE_KNOWN_NAMES_H
#define USHERD_SERVE_KNOWN_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "usherd/base/addr.h"

#define KNOWN_NAMES_SLOTS 256

/* How long an answer counts: long enough for a client that makes several connections. A
 * "no" may be one of a resolver that was out of order. */
#define KNOWN_NAMES_YES_NS (UINT64_C(30) * 1000000000)
#define KNOWN_NAMES_NO_NS  (UINT64_C(3) * 1000000000)

/* All zero: nothing is known. */
struct known_names {
	struct known_name {
		const void *about; /* not looked into: of which service; NULL: free */
		struct prefix peer;
		uint64_t until_ns;
		bool welcome;
	} slots[KNOWN_NAMES_SLOTS];
};

enum known_answer {
	KNOWN_NOTHING = 0,
	KNOWN_WELCOME,
	KNOWN_UNWELCOME,
};

void known_names_put(struct known_names *names, const void *about,
		     const struct addr *peer, bool welcome, uint64_t now_ns);
enum known_answer known_names_get(const struct known_names *names, const void *about,
				  const struct addr *peer, uint64_t now_ns);

#endif
