/* SPDX-License-Identifier: ISC */
/*
 * The in-process service redirect: clients of a service led to its targets. What moves
 * the bytes is in the files beside this one.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "redirect.h"
#include "relay.h"
#include "usherd/base/fd.h"
#include "usherd/net/connect.h"

struct redirect {
	struct route_filter filter;    /* first: leads back here */
	const struct service *service; /* borrowed */
	struct streams streams;        /* its routes are those of the flows, too */
	struct flows flows;
};

static bool leads_back(const struct endpoint *endpoint, const struct addr *addr)
{
	if (addr_equal(&endpoint->addr, addr))
		return true;
	return addr_port(&endpoint->addr) == addr_port(addr) &&
	       addr_is_wildcard(&endpoint->addr) && connect_is_local(addr);
}

/* One client would make connections, or flows, without end. A path that leads back was
 * found when the configuration was loaded. */
static bool refuses(const struct route_filter *filter, const struct addr *addr)
{
	const struct redirect *redirect = (const struct redirect *)filter;
	const struct service *service = redirect->service;

	for (size_t i = 0; i < service->endpoint_count; i++)
		if (addr_port(addr) != 0 && leads_back(&service->endpoints[i], addr))
			return true;
	return false;
}

/* A former list lives on with those who still look for a target in it. */
static void use_routes(struct redirect *redirect, struct routes *routes)
{
	if (redirect->streams.routes != NULL)
		routes_remember(routes, redirect->streams.routes);
	routes_unref(redirect->streams.routes);
	redirect->streams.routes = routes;
}

static void redirect_close(void *state)
{
	struct redirect *redirect = state;
	struct stream *stream, *next;

	DL_FOREACH_SAFE(redirect->streams.all, stream, next)
		stream_end(stream);
	flows_done(&redirect->flows);
	routes_unref(redirect->streams.routes);
	free(redirect);
}

static int redirect_open(const struct internal *internal,
			 const struct internal_setup *setup, void **ret_state,
			 struct error *err)
{
	const struct service *service = setup->service;
	struct redirect *redirect = calloc(1, sizeof(*redirect));
	struct routes *routes;

	(void)internal;
	if (redirect == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	redirect->service = service;
	redirect->filter.refuses = refuses;
	redirect->streams =
		(struct streams){ .relays = setup->relays,
				  .connect_timeout_ns = service->connect_timeout_ns,
				  .idle_timeout_ns = service->idle_timeout_ns };
	if (flows_init(&redirect->flows, setup, &redirect->streams.routes) < 0 ||
	    routes_new(setup->targets, &redirect->filter, &routes) < 0) {
		free(redirect);
		return error_set(err, -ENOMEM, "out of memory");
	}
	if (setup->rootless)
		routes_find_directories(routes);
	use_routes(redirect, routes);
	*ret_state = redirect;
	return 0;
}

static int redirect_stream(void *state, const struct connection *connection,
			   const struct session_owner *owner, struct error *err)
{
	struct redirect *redirect = state;

	return stream_start(&redirect->streams, connection->fd, owner, err);
}

static bool redirect_forward(void *state, const struct datagram *request)
{
	struct redirect *redirect = state;

	return flows_forward(&redirect->flows, request);
}

static int redirect_open_flow(void *state, int listener, const struct datagram *first,
			      const struct session_owner *owner, struct error *err)
{
	struct redirect *redirect = state;

	return flows_open(&redirect->flows, listener, first, owner, err);
}

static int redirect_retarget(void *state, const struct target_list *targets,
			     int *directories, size_t directory_count)
{
	struct redirect *redirect = state;
	struct routes *routes;
	int r = routes_new(targets, &redirect->filter, &routes);

	if (r < 0) {
		for (size_t i = 0; i < directory_count; i++)
			fd_close(&directories[i]);
		return r;
	}
	routes_take_directories(routes, directories, directory_count);
	use_routes(redirect, routes);
	return 0;
}

const struct internal redirect_internal = {
	.name = SERVICE_REDIRECT,
	.needs = INTERNAL_CONNECTS,
	.open = redirect_open,
	.close = redirect_close,
	.stream = redirect_stream,
	.forward = redirect_forward,
	.open_flow = redirect_open_flow,
	.retarget = redirect_retarget,
};
