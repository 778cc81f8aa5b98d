/* SPDX-License-Identifier: ISC */
/* The forms of addresses in access lists; each becomes what prefix_parse() reads. */
#include "usherd/base/prefix_words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/text.h"

#define WORD_SIZE     64 /* longer than any address with its mask */
#define SHOWN_SIZE    64 /* of the refused text in a message */
#define BYTES_OF_IPV4 4
#define ITEM_DIGITS   3 /* of one number in braces */

static int refuse(struct error *err, const char *text, const char *why)
{
	char shown[SHOWN_SIZE];

	return error_set(err, -EINVAL, "'%s': %s",
			 text_escape(shown, sizeof(shown), text), why);
}

/* One address of @bytes leading bytes; the rest are any. */
static int parse_leading(uint32_t address, unsigned bytes, struct prefix *ret)
{
	const struct in_addr in = { .s_addr = htonl(address) };
	char host[INET_ADDRSTRLEN];
	char block[WORD_SIZE];

	if (inet_ntop(AF_INET, &in, host, sizeof(host)) == NULL)
		return -EINVAL;
	(void)snprintf(block, sizeof(block), "%s/%u", host, bytes * 8);
	return prefix_parse(block, ret, NULL);
}

/* How many bytes of it are more than zeros at its end. */
static unsigned leading_bytes(uint32_t address)
{
	unsigned bytes = BYTES_OF_IPV4;

	while (bytes > 0 && (address & 0xff) == 0) {
		address >>= 8;
		bytes--;
	}
	return bytes;
}

/* One number of 0 to 255 in decimal. Returns its end, or NULL. */
static const char *parse_byte(const char *text, uint32_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long value;

	if (digits == 0 || digits > ITEM_DIGITS)
		return NULL;
	value = strtoul(text, NULL, 10);
	if (value > UINT8_MAX)
		return NULL;
	*ret = (uint32_t)value;
	return text + digits;
}

/* "10.1." before the brace: the numbers, shifted in from the right. NULL, or where the
 * brace stands. */
static const char *parse_components(const char *text, uint32_t *ret_address,
				    unsigned *ret_count)
{
	uint32_t byte;

	*ret_address = 0;
	for (*ret_count = 0; *text != '{'; ++*ret_count) {
		text = parse_byte(text, &byte);
		if (text == NULL || *text != '.' || *ret_count == BYTES_OF_IPV4 - 1)
			return NULL;
		*ret_address = *ret_address << 8 | byte;
		text++;
	}
	return *ret_count > 0 ? text : NULL;
}

/* "A.B.{x,y}", xinetd.conf(5) "only_from". */
static int parse_factorised(const char *text, struct prefix *ret, size_t *ret_count,
			    struct error *err)
{
	static const char expected[] = "expected one to three numbers and, at the end, a "
				       "list such as in 10.0.{1,2}";
	uint32_t address, byte;
	unsigned components;
	size_t count = 0;
	const char *at = parse_components(text, &address, &components);

	if (at == NULL)
		return refuse(err, text, expected);
	do {
		at = parse_byte(at + 1, &byte);
		if (at == NULL || count == PREFIX_WORD_MAX)
			return refuse(err, text, expected);
		(void)parse_leading((address << 8 | byte)
					    << 8 * (BYTES_OF_IPV4 - 1 - components),
				    components + 1, &ret[count++]);
	} while (*at == ',');
	if (strcmp(at, "}") != 0)
		return refuse(err, text, expected);
	*ret_count = count;
	return 0;
}

/* How many ones of @mask come first; -1 when others follow. */
static int count_ones(uint32_t mask)
{
	int ones = 0;

	while ((mask & UINT32_C(0x80000000)) != 0) {
		mask <<= 1;
		ones++;
	}
	return mask == 0 ? ones : -1;
}

/* "ADDRESS/MASK" as "ADDRESS/BITS" in @block; false if the mask has a hole. Without a
 * dotted mask nothing is changed. */
static bool replace_mask(char *block)
{
	char *mask = strchr(block, '/');
	struct in_addr in;
	int ones;

	if (mask == NULL || strchr(mask, '.') == NULL || strchr(block, ':') != NULL)
		return true;
	if (inet_pton(AF_INET, mask + 1, &in) != 1)
		return false;
	ones = count_ones(ntohl(in.s_addr));
	if (ones < 0)
		return false;
	mask[1] = (char)('0' + ones / 10);
	mask[2] = (char)('0' + ones % 10);
	mask[3] = '\0';
	return true;
}

/* Write the IPv4 address that @block begins with in full, if inet_aton(3) takes it. True
 * with *@ret_address if there is nothing else. */
static bool complete(char block[WORD_SIZE], uint32_t *ret_address)
{
	char rest[WORD_SIZE] = "";
	char *slash = strchr(block, '/');
	struct in_addr in;

	if (slash != NULL) {
		(void)text_copy(rest, sizeof(rest), slash);
		*slash = '\0';
	}
	if (inet_aton(block, &in) == 0) {
		if (slash != NULL)
			*slash = '/';
		return false;
	}
	(void)inet_ntop(AF_INET, &in, block, INET_ADDRSTRLEN);
	(void)text_copy(block + strlen(block), WORD_SIZE - strlen(block), rest);
	*ret_address = ntohl(in.s_addr);
	return slash == NULL;
}

static int parse_block(const char *text, enum prefix_reading reading, struct prefix *ret,
		       struct error *err)
{
	char block[WORD_SIZE];
	uint32_t address;

	if (!text_copy(block, sizeof(block), text))
		return prefix_parse(text, ret, err);
	if (reading == PREFIX_TRAILING_ZEROS && complete(block, &address))
		return parse_leading(address, leading_bytes(address), ret);
	if (!replace_mask(block))
		return refuse(err, text, "expected a mask such as 255.255.255.0");
	return prefix_parse(block, ret, err);
}

int prefix_parse_word(const char *text, enum prefix_reading reading,
		      struct prefix ret[PREFIX_WORD_MAX], size_t *ret_count,
		      struct error *err)
{
	int r;

	if (strchr(text, '{') != NULL)
		return parse_factorised(text, ret, ret_count, err);
	if (strchr(text, ',') != NULL)
		return refuse(err, text, "a comma belongs between braces");
	r = parse_block(text, reading, ret, err);
	if (r == 0)
		*ret_count = 1;
	return r;
}

bool prefix_of_network(uint32_t network, struct prefix *ret)
{
	unsigned bytes = BYTES_OF_IPV4;

	if (network == 0)
		return false;
	for (; (network & UINT32_C(0xff000000)) == 0; bytes--)
		network <<= 8;
	if (bytes == BYTES_OF_IPV4)
		bytes = leading_bytes(network);
	return parse_leading(network, bytes, ret) == 0;
}
