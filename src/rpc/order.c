/* SPDX-License-Identifier: ISC */
/* Orders as text. What they ask for is done in perform.c. */
#include "usherd/rpc/order.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "usherd/base/units.h"

static int read_number(const char *text, uint32_t *ret, struct error *err)
{
	uint64_t number;
	int r = units_parse_unsigned(text, 0, UINT32_MAX, &number, err);

	if (r == 0)
		*ret = (uint32_t)number;
	return r;
}

int order_parse(const char *line, struct order *ret, struct error *err)
{
	struct order order = { .sign = line[0] };
	char sign, numbers[3][16], rest;
	int r;

	if (strchr("+=-", order.sign) == NULL || order.sign == '\0' ||
	    sscanf(line, "%c %15s %15s %15s %15s %79s %c", &sign, numbers[0], numbers[1],
		   numbers[2], order.netid, order.address, &rest) != 6)
		return error_set(err, -EINVAL, "not an order");
	r = read_number(numbers[0], &order.program, err);
	if (r == 0)
		r = read_number(numbers[1], &order.first, err);
	if (r == 0)
		r = read_number(numbers[2], &order.last, err);
	if (r < 0)
		return r;
	if (order.last < order.first || order.last - order.first >= ORDER_VERSIONS_MAX)
		return error_set(err, -EINVAL, "not a range of versions");
	*ret = order;
	return 0;
}
