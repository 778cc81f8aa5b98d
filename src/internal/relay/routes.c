/* SPDX-License-Identifier: ISC */
/* Where a service leads to, in the order of its configuration. Connects nowhere. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "relay.h"
#include "usherd/base/fd.h"
#include "usherd/net/connect.h"

int routes_new(const struct target_list *targets, const struct route_filter *filter,
	       struct routes **ret)
{
	struct routes *routes;
	size_t room = 0;

	for (size_t i = 0; i < targets->count; i++)
		room += targets->items[i].at.count;
	routes = malloc(sizeof(*routes) + room * sizeof(routes->items[0]));
	if (routes == NULL)
		return -ENOMEM;
	*routes = (struct routes){ .references = 1 };
	for (size_t i = 0; i < targets->count; i++) {
		const struct host *at = &targets->items[i].at;

		for (size_t j = 0; j < at->count; j++)
			if (filter == NULL || !filter->refuses(filter, &at->addresses[j]))
				routes->items[routes->count++] =
					(struct route){ .addr = at->addresses[j],
							.directory = -1 };
	}
	*ret = routes;
	return 0;
}

static bool is_path(const struct route *route)
{
	return addr_family(&route->addr) == AF_UNIX &&
	       route->addr.u.un.sun_path[0] == '/';
}

/* What is not there yet is an address that fails. */
void routes_find_directories(struct routes *routes)
{
	for (size_t i = 0; i < routes->count; i++)
		if (is_path(&routes->items[i]))
			(void)connect_open_directory(&routes->items[i].addr,
						     &routes->items[i].directory);
}

void routes_take_directories(struct routes *routes, int *directories, size_t count)
{
	size_t next = 0;

	for (size_t i = 0; i < routes->count && next < count; i++) {
		if (!is_path(&routes->items[i]))
			continue;
		routes->items[i].directory = directories[next];
		directories[next++] = -1;
	}
	for (; next < count; next++)
		fd_close(&directories[next]);
}

struct routes *routes_ref(struct routes *routes)
{
	routes->references++;
	return routes;
}

void routes_unref(struct routes *routes)
{
	if (routes == NULL || --routes->references > 0)
		return;
	for (size_t i = 0; i < routes->count; i++)
		fd_close(&routes->items[i].directory);
	free(routes);
}

static void remember(struct route *route, const struct route *from)
{
	route->rests_until_ns = from->rests_until_ns;
	if (route->directory == -1 && from->directory != -1)
		route->directory = fcntl(from->directory, F_DUPFD_CLOEXEC, 0);
}

void routes_remember(struct routes *routes, const struct routes *from)
{
	for (size_t i = 0; i < routes->count; i++)
		for (size_t j = 0; j < from->count; j++)
			if (addr_equal(&routes->items[i].addr, &from->items[j].addr))
				remember(&routes->items[i], &from->items[j]);
}

int routes_next(const struct routes *routes, struct route_set tried, uint64_t now_ns,
		size_t *ret_left)
{
	int awake = -1;
	int resting = -1;
	size_t left = 0;

	for (size_t i = routes->count; i-- > 0;) {
		if ((tried.bits & UINT64_C(1) << i) != 0)
			continue;
		left++;
		if (routes->items[i].rests_until_ns > now_ns)
			resting = (int)i;
		else
			awake = (int)i;
	}
	*ret_left = left;
	return awake != -1 ? awake : resting;
}
