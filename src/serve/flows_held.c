/* SPDX-License-Identifier: ISC */
/* Datagram peers about whom something has to be found out before they get a program: what
 * they send is kept meanwhile, within bounds. */
#include <stdlib.h>

#include "flows_internal.h"
#include "usherd/base/fd.h"
#include "usherd/serve/flows.h"
#include "usherd/serve/inquiries.h"
#include "usherd/serve/record.h"

void flow_abandon(struct flow *flow)
{
	struct post *post = flow->serving.post;

	HASH_DEL(post->flows, flow);
	post->held_bytes -= flow->held_bytes;
	pending_done(&flow->held);
	fd_close(&flow->fd);
	serving_cancel(&flow->serving);
	free(flow);
}

bool flow_keep(struct flow *flow, const struct datagram *datagram)
{
	struct post *post = flow->serving.post;
	size_t bytes = sizeof(struct pending) + datagram->length;
	size_t count = flow->held.count;

	if (post->held_bytes + bytes > FLOWS_HELD_BYTES)
		return false;
	pending_add(&flow->held, datagram);
	if (flow->held.count == count)
		return false;
	flow->held_bytes += bytes;
	post->held_bytes += bytes;
	return true;
}

static void held_serve(struct held_client *client)
{
	struct flow *flow = (struct flow *)client->serving;

	flow->serving.post->held_bytes -= flow->held_bytes;
	flow->held_bytes = 0;
	flow_resume(flow);
}

static void held_refuse(struct held_client *client, enum reason reason)
{
	struct flow *flow = (struct flow *)client->serving;

	record_refusal(flow->serving.post, reason, &flow->serving.peer);
	flow_abandon(flow);
}

static void held_let_go(struct held_client *client)
{
	flow_abandon((struct flow *)client->serving);
}

bool flow_hold(struct flow *flow, const struct datagram *first)
{
	static const struct inquiries_ends ends = { .serve = held_serve,
						    .refuse = held_refuse,
						    .let_go = held_let_go };
	struct post *post = flow->serving.post;
	struct held_client client = {
		.serving = &flow->serving,
		.connection = { .fd = -1, .peer = first->peer, .local = first->local },
		.ends = &ends
	};

	if (inquiries_questions(post, &client.connection) == 0)
		return false;
	if (flow_keep(flow, first) && post->engine->inquiries != NULL)
		inquiries_hold(post->engine->inquiries, &client);
	else
		held_refuse(&client, REASON_RESOURCES);
	return true;
}
