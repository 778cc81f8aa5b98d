/* SPDX-License-Identifier: ISC */
/*
 * Which flow a datagram belongs to, how long a flow lasts, and how many there can be: as
 * many as the guard lets in and as there are descriptors for; past that the one that has
 * been idle longest makes room.
 */
/* Out of memory makes HASH_ADD leave hh.tbl NULL in place of ending the process. */
#define HASH_NONFATAL_OOM 1
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "relay.h"
#include "usherd/base/fd.h"
#include "usherd/net/connect.h"

static struct loop *loop_of(const struct flows *flows)
{
	return flows->relays->loop;
}

static unsigned hash_of(const struct flows *flows, const struct flow_key *key)
{
	return (unsigned)siphash(&flows->secret, key, sizeof(*key));
}

static void timer_fired(struct timer *timer)
{
	struct flows *flows = timer->data;
	uint64_t now_ns = loop_now_ns(loop_of(flows));

	/* NOLINTBEGIN(clang-analyzer-unix.Malloc): the ended one is not in the list */
	while (flows->oldest != NULL &&
	       now_ns - flows->oldest->moved_ns >= flows->idle_ns)
		flows_end(flows->oldest);
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
	if (flows->oldest != NULL)
		(void)loop_timer_set(loop_of(flows), timer,
				     flows->oldest->moved_ns + flows->idle_ns);
}

int flows_init(struct flows *flows, const struct internal_setup *setup,
	       struct routes *const *routes)
{
	*flows = (struct flows){ .relays = setup->relays,
				 .routes = routes,
				 .ports = setup->ports,
				 .idle_ns = setup->service->idle_timeout_ns };
	if (flows->idle_ns == 0)
		flows->idle_ns = FLOWS_IDLE_NS;
	flows->timer = (struct timer){ .fired = timer_fired, .data = flows };
	return siphash_make_key(&flows->secret);
}

void flows_done(struct flows *flows)
{
	struct flow_outlet *outlet;

	while (flows->oldest != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): likewise */
		flows_end(flows->oldest);
	while ((outlet = flows->outlets) != NULL) {
		flows->outlets = outlet->next;
		fd_close(&outlet->fd);
		free(outlet);
	}
	loop_timer_cancel(&flows->timer);
}

bool flows_forward(struct flows *flows, const struct datagram *request)
{
	struct flow_key key = flow_key_of(request);
	struct flow *flow = NULL;

	HASH_FIND_BYHASHVALUE(hh, flows->by_key, &key, sizeof(key), hash_of(flows, &key),
			      flow);
	if (flow == NULL)
		return false;
	flow_send(flow, request);
	return true;
}

/* The worker's listeners are few and stay what they are for its life. */
static struct flow_outlet *outlet_for(struct flows *flows, int listener)
{
	struct flow_outlet *outlet = flows->outlets;

	while (outlet != NULL && outlet->listener != listener)
		outlet = outlet->next;
	if (outlet != NULL)
		return outlet;
	outlet = malloc(sizeof(*outlet));
	if (outlet == NULL)
		return NULL;
	*outlet = (struct flow_outlet){ .next = flows->outlets,
					.listener = listener,
					.fd = fcntl(listener, F_DUPFD_CLOEXEC, 0) };
	if (outlet->fd == -1) {
		free(outlet);
		return NULL;
	}
	flows->outlets = outlet;
	return outlet;
}

/* Out of descriptors: who has said nothing for longest is the one to miss least. */
static int connect_or_make_room(struct flow *flow)
{
	int r = flow_connect(flow);

	if ((r != -EMFILE && r != -ENFILE) || flow->flows->oldest == NULL)
		return r;
	flow_close(flow);
	flows_end(flow->flows->oldest);
	return flow_connect(flow);
}

static int enter(struct flow *flow)
{
	struct flows *flows = flow->flows;

	if (!loop_timer_is_armed(&flows->timer) &&
	    loop_timer_set(loop_of(flows), &flows->timer,
			   flow->moved_ns + flows->idle_ns) < 0)
		return -ENOMEM;
	HASH_ADD_BYHASHVALUE(hh, flows->by_key, key, sizeof(flow->key),
			     hash_of(flows, &flow->key), flow);
	if (flow->hh.tbl == NULL)
		return -ENOMEM;
	DL_APPEND(flows->oldest, flow);
	return 0;
}

static struct flow *flow_new(struct flows *flows, int listener,
			     const struct datagram *first,
			     const struct session_owner *owner)
{
	struct flow_outlet *outlet = outlet_for(flows, listener);
	struct flow *flow = outlet != NULL ? calloc(1, sizeof(*flow)) : NULL;

	if (flow == NULL)
		return NULL;
	flow->flows = flows;
	flow->owner = *owner;
	flow->key = flow_key_of(first);
	flow->request = *first;
	flow->request.data = NULL;
	flow->outlet = outlet;
	flow->watch.fd = -1;
	flow->moved_ns = loop_now_ns(loop_of(flows));
	return flow;
}

int flows_open(struct flows *flows, int listener, const struct datagram *first,
	       const struct session_owner *owner, struct error *err)
{
	struct flow *flow = flow_new(flows, listener, first, owner);
	int r;

	if (flow == NULL)
		return error_set_errno(err, -ENOMEM, "cannot open a flow");
	r = connect_or_make_room(flow);
	if (r == 0)
		r = enter(flow);
	if (r < 0) {
		flow_close(flow);
		free(flow);
		return r == -ELOOP ? error_set(err, r, "the target is one of our own")
				   : error_set_errno(err, r, "no target can be sent to");
	}
	flow_send(flow, first);
	return 0;
}

void flows_touch(struct flow *flow)
{
	struct flows *flows = flow->flows;

	flow->moved_ns = loop_now_ns(loop_of(flows));
	DL_DELETE(flows->oldest, flow);
	DL_APPEND(flows->oldest, flow);
}

void flows_end(struct flow *flow)
{
	struct session_owner owner = flow->owner;
	uint64_t bytes_in = flow->bytes_in;
	uint64_t bytes_out = flow->bytes_out;

	HASH_DELETE(hh, flow->flows->by_key, flow);
	DL_DELETE(flow->flows->oldest, flow);
	flow_close(flow);
	free(flow);
	if (owner.ended != NULL)
		owner.ended(owner.data, bytes_in, bytes_out);
}
