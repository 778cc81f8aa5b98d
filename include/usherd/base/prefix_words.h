/* SPDX-License-Identifier: ISC */
/*
 * Every way that people write the addresses of an access list, as blocks:
 *
 *   192.0.2.1, 2001:db8::1            one address
 *   192.0.2.0/24, 2001:db8::/32       a block
 *   192.0.2.0/255.255.255.0           the same; the ones of the mask come first
 *   192.0.{2,3}, 10.{1,2}             for each number in the braces, what begins so
 *
 * Pure: no name is looked up.
 */
#ifndef USHERD_BASE_PREFIX_WORDS_H
#define USHERD_BASE_PREFIX_WORDS_H

#include <stdint.h>

#include "usherd/base/addr.h"

/* One word can stand for so many blocks. */
#define PREFIX_WORD_MAX 256

enum prefix_reading {
	PREFIX_EXACT = 0, /* 192.0.2.0 is one address */
	/* As xinetd.conf(5) has it: zero bytes at the end of an IPv4 address without a
	 * mask stand for any, so 192.0.2.0 is a /24 and 0.0.0.0 everybody; an IPv4
	 * address is whatever inet_aton(3) takes. */
	PREFIX_TRAILING_ZEROS,
};

/* Returns 0 with at least one block, or -EINVAL. A name is none of these forms. */
int prefix_parse_word(const char *text, enum prefix_reading reading,
		      struct prefix ret[PREFIX_WORD_MAX], size_t *ret_count,
		      struct error *err);

/*
 * The block of a network as getnetbyname(3) numbers it (host order): of 1, 2, 3 or 4
 * bytes by its magnitude, as 10 or 0xc00002; or in full length, where the zero bytes at
 * its end are of no account (10.0.0.0). False for 0, the network of everybody, that is,
 * of nobody in particular.
 */
bool prefix_of_network(uint32_t network, struct prefix *ret);

#endif
