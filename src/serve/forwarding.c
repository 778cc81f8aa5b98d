/* SPDX-License-Identifier: ISC */
/* The worker's datagrams that belong to flows: to their flow, or to the guard. */
#include "usherd/serve/forwarding.h"

#include <errno.h>
#include <stdlib.h>

#include "usherd/internal/responder.h"
#include "usherd/net/batch.h"
#include "usherd/serve/admission.h"
#include "usherd/serve/hosting.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/record.h"
#include "usherd/serve/serving.h"

/* Batches taken from one listener before others have their turn. */
#define FORWARD_BATCHES 2

/* Of this host as far as can be told without asking anybody: what comes from another of
 * its addresses comes over the loopback device all the same, and from no port of ours. */
static bool is_near(const struct datagram *request)
{
	struct addr peer = request->peer;

	if (addr_family(&peer) == AF_INET &&
	    ntohl(peer.u.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
		return true;
	if (addr_family(&peer) == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&peer.u.in6.sin6_addr))
		return true;
	addr_set_port(&peer, addr_port(&request->local));
	return addr_equal(&peer, &request->local);
}

static bool may_begin(const struct engine *engine, const struct datagram *request)
{
	if (request->peer.length == 0 || request->multicast ||
	    addr_port(&request->peer) == 0 || addr_equal(&request->peer, &request->local))
		return false;
	return !is_near(request) ||
	       !responder_ports_sent(engine->answered_ports, request);
}

static int open_flow(struct listener *listener, struct serving *serving,
		     const struct datagram *first)
{
	struct post *post = listener->post;
	struct session_owner owner = hosting_owner(serving);
	struct error err = { 0 };
	int r;

	serving_started(serving);
	r = post->internal->open_flow(post->state, listener->fd, first, &owner, &err);
	if (r < 0)
		hosting_refused(serving, &err);
	else
		hosting_began(serving);
	return r;
}

static void begin(struct listener *listener, const struct datagram *first)
{
	struct post *post = listener->post;
	struct serving *serving;

	/* A forged sender gets no line in the log and no share of the limits. */
	if (!may_begin(post->engine, first) || !admission_ask(post, &first->peer))
		return;
	serving = malloc(sizeof(*serving));
	if (serving == NULL || serving_begin(serving, post, &first->peer) < 0) {
		free(serving);
		record_refusal(post, REASON_RESOURCES, &first->peer);
		return;
	}
	if (open_flow(listener, serving, first) < 0) {
		serving_cancel(serving);
		free(serving);
	}
}

void forwarding_ready(struct listener *listener)
{
	struct post *post = listener->post;
	struct datagram_batch *batch = post->engine->batch;

	for (int i = 0; i < FORWARD_BATCHES && loop_is_watching(&listener->watch); i++) {
		int count = datagram_batch_receive(batch, listener->fd, &listener->local);

		if (count < 0 && count != -EAGAIN)
			listener_unreadable(listener, count);
		if (count < 0)
			return;
		for (size_t j = 0; j < (size_t)count; j++) {
			const struct datagram *request = datagram_batch_at(batch, j);

			if (!post->internal->forward(post->state, request))
				begin(listener, request);
		}
		if (count < DATAGRAM_BATCH)
			return;
	}
}
