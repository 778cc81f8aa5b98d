/* SPDX-License-Identifier: ISC */
/* Names in access lists: what has been found out about a peer, and what that matches.
 * Pure.
 */
#ifndef USHERD_GUARD_NAMES_H
#define USHERD_GUARD_NAMES_H

#include <stdbool.h>

/* As long as a name may be, RFC 1035 section 2.3.4, its last dot, and the NUL. */
#define NAMES_SIZE 256

struct peer_names {
	char name[NAMES_SIZE]; /* what he is called by his own side; empty: nothing */
	bool confirmed;        /* that name has his address */
	/* A host of no_access has his address; whether one has, could not be told. */
	bool listed;
	bool unsettled;
};

/* Is @pattern a domain, ".example.org"? Else it is the name of one host. */
bool names_is_domain(const char *pattern);

/* Is @name the host, or in the domain (not the domain itself), of @pattern? In any case,
 * and with or without the dot of the root. */
bool names_match(const char *pattern, const char *name);

#endif
