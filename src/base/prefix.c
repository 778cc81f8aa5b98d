/* SPDX-License-Identifier: ISC */
/*
 * Blocks of addresses: the second half of addr.h. All are kept in the 128-bit space so
 * that one comparison serves both families; which block contains which address is
 * addrset's business.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "usherd/base/addr.h"
#include "usherd/base/text.h"
#include "usherd/base/units.h"

#define MAPPED_BITS   96
#define LONGEST_BLOCK 128
#define SHOWN_SIZE    64 /* of the refused text in a message */

static const uint8_t mapped_start[12] = { [10] = 0xff, [11] = 0xff };

static int refuse(struct error *err, const char *text, const char *expected)
{
	char shown[SHOWN_SIZE];

	return error_set(err, -EINVAL, "expected %s, got '%s'", expected,
			 text_escape(shown, sizeof(shown), text));
}

static int refuse_length(struct error *err, const char *text)
{
	char shown[SHOWN_SIZE];

	error_prefix(err, "prefix length of '%s'",
		     text_escape(shown, sizeof(shown), text));
	if (err != NULL)
		err->code = -EINVAL;
	return -EINVAL;
}

static void clear_host_bits(struct prefix *prefix)
{
	size_t whole = prefix->bits / 8;

	if (whole == sizeof(prefix->bytes))
		return;
	prefix->bytes[whole] &= (uint8_t)(0xff00u >> (prefix->bits % 8));
	memset(prefix->bytes + whole + 1, 0, sizeof(prefix->bytes) - whole - 1);
}

/* The bytes of @host, which ends at its NUL. False when it is not an address. */
static bool parse_host(const char *host, struct prefix *ret, bool *ret_dotted)
{
	*ret_dotted = inet_pton(AF_INET, host, ret->bytes + sizeof(mapped_start)) == 1;
	if (*ret_dotted)
		memcpy(ret->bytes, mapped_start, sizeof(mapped_start));
	else if (inet_pton(AF_INET6, host, ret->bytes) != 1)
		return false;
	ret->ipv4 = memcmp(ret->bytes, mapped_start, sizeof(mapped_start)) == 0;
	return true;
}

int prefix_parse(const char *text, struct prefix *ret, struct error *err)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t length = slash == NULL ? strlen(text) : (size_t)(slash - text);
	struct prefix found = { 0 };
	uint64_t bits = 0;
	uint64_t least;
	uint64_t most;
	bool dotted;

	if (length < sizeof(host)) {
		memcpy(host, text, length);
		host[length] = '\0';
	}
	if (length >= sizeof(host) || !parse_host(host, &found, &dotted))
		return refuse(err, text,
			      "an address block such as 192.0.2.0/24 or "
			      "2001:db8::/32");
	most = dotted ? LONGEST_BLOCK - MAPPED_BITS : LONGEST_BLOCK;
	/* ::ffff:10.0.0.0/8 is taken for 10.0.0.0/8 by whoever writes it, and is not. */
	least = found.ipv4 && !dotted ? MAPPED_BITS : 0;
	if (slash == NULL)
		bits = most;
	else if (units_parse_unsigned(slash + 1, least, most, &bits, err) != 0)
		return refuse_length(err, text);
	found.bits = (uint8_t)(dotted ? MAPPED_BITS + bits : bits);
	clear_host_bits(&found);
	*ret = found;
	return 0;
}

const char *prefix_format(const struct prefix *prefix, char buffer[ADDR_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN];
	struct text text;
	bool ipv4 = prefix->ipv4 && prefix->bits >= MAPPED_BITS;

	text_init(&text, buffer, ADDR_TEXT_SIZE);
	text_add(&text, ipv4 ? inet_ntop(AF_INET, prefix->bytes + sizeof(mapped_start),
					 host, sizeof(host))
			     : inet_ntop(AF_INET6, prefix->bytes, host, sizeof(host)));
	if (prefix->bits < LONGEST_BLOCK)
		text_addf(&text, "/%d", prefix->bits - (ipv4 ? MAPPED_BITS : 0));
	return buffer;
}

static unsigned at_most(unsigned value, unsigned limit)
{
	return value < limit ? value : limit;
}

bool prefix_of(const struct addr *addr, unsigned ipv4_bits, unsigned ipv6_bits,
	       struct prefix *ret)
{
	struct prefix found = { 0 };
	struct addr plain = *addr;

	addr_normalise(&plain);
	if (addr_family(&plain) == AF_INET) {
		memcpy(found.bytes, mapped_start, sizeof(mapped_start));
		memcpy(found.bytes + sizeof(mapped_start), &plain.u.in.sin_addr, 4);
		found.bits = (uint8_t)(MAPPED_BITS + at_most(ipv4_bits, 32));
		found.ipv4 = true;
	} else if (addr_family(&plain) == AF_INET6) {
		memcpy(found.bytes, &plain.u.in6.sin6_addr, sizeof(found.bytes));
		found.bits = (uint8_t)at_most(ipv6_bits, LONGEST_BLOCK);
	} else {
		return false;
	}
	clear_host_bits(&found);
	*ret = found;
	return true;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->ipv4 == b->ipv4 && a->bits == b->bits &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
