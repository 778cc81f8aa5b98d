/* SPDX-License-Identifier: ISC */
/*
 * The exchange of one peer with its target, over a socket connected to that. A target
 * whose host says that nobody listens is left for the next one, if there is another; the
 * datagram that found it out is lost, and a peer that wants an answer asks again.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "relay.h"
#include "usherd/base/fd.h"
#include "usherd/net/connect.h"

static uint64_t now_ns(const struct flow *flow)
{
	return loop_now_ns(flow->flows->relays->loop);
}

static const struct addr *target_of(const struct flow *flow)
{
	return &flow->routes->items[flow->route].addr;
}

/* Its owner hears of it once, and not of a target that has gone after it had answered. */
static void tell_failure(struct flow *flow, int error)
{
	struct error err = { 0 };
	char text[ADDR_TEXT_SIZE];

	if (flow->failed || flow->answered || flow->owner.failed == NULL)
		return;
	flow->failed = true;
	(void)error_set_errno(&err, error, "%s", addr_format(target_of(flow), text));
	flow->owner.failed(flow->owner.data, &err);
}

/* Where would a datagram go now? -1: nowhere. */
static int best_route(const struct flow *flow)
{
	struct route_set none = { 0 };
	size_t left;

	return routes_next(*flow->flows->routes, none, now_ns(flow), &left);
}

static bool has_hope(const struct flow *flow)
{
	int index = best_route(flow);

	return index != -1 &&
	       (*flow->flows->routes)->items[index].rests_until_ns <= now_ns(flow);
}

/* An ICMP message, as the kernel words it. */
static void refused(struct flow *flow, int error)
{
	flow->error = error;
	flow->routes->items[flow->route].rests_until_ns = now_ns(flow) + ROUTE_REST_NS;
	if (!has_hope(flow))
		tell_failure(flow, error);
}

static void answer(struct flow *flow, size_t length)
{
	flow->answered = true;
	flow->error = 0;
	if (datagram_reply(flow->outlet->fd, &flow->request, flow->flows->relays->scratch,
			   length) == 0)
		flow->bytes_out += length;
	flows_touch(flow);
}

static void target_ready(struct watch *watch, short revents)
{
	struct flow *flow = watch->data;
	uint8_t *scratch = flow->flows->relays->scratch;

	(void)revents;
	for (int i = 0; i < FLOW_TURN; i++) {
		ssize_t length = recv(watch->fd, scratch, RELAY_SCRATCH, MSG_DONTWAIT);

		if (length == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (length == -1)
			refused(flow, -errno);
		else
			answer(flow, (size_t)length);
	}
}

/* Our own in-process services answer whatever they get: two of them would talk without
 * end (CERT advisory CA-1996-01). */
static bool is_ours(const struct flow *flow, const struct addr *addr)
{
	return responder_ports_has(flow->flows->ports, addr_port(addr)) &&
	       connect_is_local(addr);
}

static int try_route(struct flow *flow, int index)
{
	const struct addr *addr = &flow->routes->items[index].addr;
	int fd = -1;
	int r;

	if (is_ours(flow, addr))
		return -ELOOP;
	r = connect_begin(addr, -1, SOCK_DGRAM, &fd);
	if (r < 0)
		return r;
	flow->watch = (struct watch){
		.fd = fd, .events = POLLIN, .ready = target_ready, .data = flow
	};
	r = loop_add(flow->flows->relays->loop, &flow->watch);
	if (r < 0)
		fd_close(&flow->watch.fd);
	return r;
}

int flow_connect(struct flow *flow)
{
	struct route_set tried = { 0 };
	size_t left;
	int r = -EHOSTUNREACH;
	int index;

	flow->routes = routes_ref(*flow->flows->routes);
	while ((index = routes_next(flow->routes, tried, now_ns(flow), &left)) != -1) {
		flow->route = index;
		tried.bits |= UINT64_C(1) << index;
		r = try_route(flow, index);
		if (r == 0 || connect_error_is_ours(r))
			return r;
	}
	return r;
}

static void close_socket(struct flow *flow)
{
	loop_remove(&flow->watch);
	fd_close(&flow->watch.fd);
}

/* The next datagram goes to another target, where there is one that may do better. */
static void move_on(struct flow *flow)
{
	int index = best_route(flow);

	flow->error = 0;
	if (index == -1 ||
	    (flow->watch.fd != -1 &&
	     addr_equal(&(*flow->flows->routes)->items[index].addr, target_of(flow))))
		return;
	close_socket(flow);
	routes_unref(flow->routes);
	/* Without a socket nothing is sent, and the next datagram tries again. */
	flow->error = flow_connect(flow);
}

void flow_send(struct flow *flow, const struct datagram *datagram)
{
	if (flow->error != 0)
		move_on(flow);
	flows_touch(flow);
	if (send(flow->watch.fd, datagram->data, datagram->length,
		 MSG_DONTWAIT | MSG_NOSIGNAL) != -1)
		flow->bytes_in += datagram->length;
	else if (errno != EAGAIN && errno != EMSGSIZE && errno != EINTR &&
		 flow->watch.fd != -1)
		refused(flow, -errno);
}

void flow_close(struct flow *flow)
{
	close_socket(flow);
	routes_unref(flow->routes);
	flow->routes = NULL;
}
