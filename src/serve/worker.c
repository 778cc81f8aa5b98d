/* SPDX-License-Identifier: ISC */
/*
 * The life of a worker after fork(2). It begins as a copy of the supervisor, so the first
 * thing is to let go of everything that is not its own (inheritance.c); the last thing
 * before the first client is to give up all rights.
 */
#include "usherd/serve/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/exec/confine.h"
#include "usherd/net/listener.h"
#include "usherd/serve/billboard.h"
#include "usherd/serve/catalogue.h"
#include "usherd/serve/channel.h"
#include "usherd/serve/denials.h"
#include "usherd/serve/dispatch.h"
#include "usherd/serve/engine.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/mux.h"
#include "usherd/serve/order.h"
#include "usherd/serve/pause.h"
#include "usherd/serve/post.h"
#include "usherd/serve/watching.h"

struct worker_process {
	struct channel_reporter reporter;
	struct loop *loop;
	struct engine engine;
	struct watch orders;
	struct mux mux;
	struct internal_mux targets;
	bool draining;
};

static void stop_if_drained(struct engine *engine)
{
	struct worker_process *worker = engine->data;

	if (worker->draining && engine->serving == 0 && engine->farewells.count == 0)
		loop_stop(worker->loop);
}

static void drain(struct worker_process *worker)
{
	/* Clients that have been given to this worker and to no other. */
	mux_take(&worker->mux);
	worker->draining = true;
	for (size_t i = 0; i < worker->engine.post_count; i++) {
		struct post *post = worker->engine.posts[i];

		loop_timer_cancel(&post->pause);
		while (post->listener_count > 0)
			listener_free(post->listeners[--post->listener_count]);
		if (post->internal->drain != NULL)
			post->internal->drain(post->state);
	}
	stop_if_drained(&worker->engine);
}

/* A service that is not here, or no longer the same, is none of ours any more. */
static void retarget(const struct engine *engine, struct order *order)
{
	struct post *post = engine_find(engine, order->service);

	if (post != NULL && post->targets.count == order->host_count)
		post_retarget(post, order->hosts, order->directories,
			      order->directory_count);
	for (size_t i = 0; i < order->directory_count; i++)
		fd_close(&order->directories[i]);
}

static void order_ready(struct watch *watch, short revents)
{
	struct worker_process *worker = watch->data;
	struct order order;
	int r = order_receive(watch->fd, &order);

	(void)revents;
	if (r == 0 && order.kind == ORDER_DRAIN)
		drain(worker);
	else if (r == 0)
		retarget(&worker->engine, &order);
	else if (r != -EAGAIN)
		loop_stop(worker->loop);
}

/* What stands in @ledger about the service, but in its own slot. */
static void see_others(struct post *post, const struct ledger *ledger)
{
	for (unsigned slot = 0; slot < ledger_slots(ledger); slot++) {
		const struct tally *tally = ledger_find(ledger, post->service->id, slot);

		if (tally != NULL && tally != post->tally)
			post->elsewhere[post->elsewhere_count++] = tally;
	}
}

/* Count where supervisor, fellows and successors see it, and see what they count. */
static int join_ledgers(struct post *post, const struct worker_plan *plan)
{
	const char *id = post->service->id;
	struct tally *tally = ledger_find(plan->ledger, id, plan->slot);
	size_t count = ledger_slots(plan->ledger);

	if (tally != NULL) {
		post->tally = tally;
		post->arrivals = ledger_arrivals(plan->ledger, id);
		post->rates = ledger_rates(plan->ledger, id);
	}
	if (count > 1)
		post->ledger = plan->ledger;
	for (size_t i = 0; i < plan->predecessor_count; i++)
		count += ledger_slots(plan->predecessors[i]);
	post->elsewhere = (const struct tally **)calloc(count, sizeof(struct tally *));
	if (post->elsewhere == NULL)
		return -ENOMEM;
	see_others(post, plan->ledger);
	for (size_t i = 0; i < plan->predecessor_count; i++)
		see_others(post, plan->predecessors[i]);
	return 0;
}

/* The supervisor's post, again in this process, on the same sockets. */
static int take_post(struct engine *engine, const struct worker_plan *plan,
		     const struct post *original, struct error *err)
{
	struct post *post;
	int r = post_new(engine, original->service, &post, err);

	if (r < 0)
		return r;
	if (original->billboard != NULL)
		post->billboard = billboard_ref(original->billboard);
	r = post_reserve(post, original->listener_count);
	if (r == 0)
		r = join_ledgers(post, plan);
	/* What has been found out about them since the configuration was loaded. */
	if (r == 0)
		r = post_aim(post, &original->targets);
	if (r == 0)
		r = post_open(post, err);
	if (r < 0) {
		post_unref(post);
		return r;
	}
	engine_enlist(engine, post);
	for (size_t i = 0; i < original->listener_count; i++) {
		struct listener *listener;

		if (!listener_is_lent(original->listeners[i]))
			continue;
		listener = listener_new(&original->listeners[i]->endpoint);
		if (listener == NULL)
			return -ENOMEM;
		listener->adopted = true;
		post_attach(post, listener);
		listener_take(listener, original->listeners[i]->fd);
	}
	return 0;
}

/* Its end of the pair, whom it can give clients to, and what it has to say of others. */
static int join_mux(struct worker_process *worker, const struct worker_plan *plan)
{
	int r = 0;

	if (plan->transfer != -1)
		r = mux_start(&worker->mux, &worker->engine, plan->transfer);
	if (r == 0 && (plan->needs & INTERNAL_HANDS_OVER) != 0) {
		r = mux_targets(plan->engine, &worker->mux, &worker->targets);
		worker->engine.targets = &worker->targets;
	}
	if (r == 0 && (plan->needs & INTERNAL_LISTS) != 0) {
		worker->engine.catalogue = catalogue_make(plan->engine);
		r = worker->engine.catalogue != NULL ? 0 : -ENOMEM;
	}
	return r;
}

static int prepare(struct worker_process *worker, const struct worker_plan *plan,
		   struct error *err)
{
	struct engine_setup setup = { .reporter = &worker->reporter.reporter,
				      .worker = true,
				      .listener_ready = dispatch_ready,
				      .find_internal = plan->find_internal };
	int r = loop_new(&worker->loop, err);

	if (r < 0)
		return r;
	setup.loop = worker->loop;
	r = engine_init(&worker->engine, &setup, err);
	if (r < 0)
		return r;
	worker->engine.data = worker;
	worker->engine.answered_ports = plan->ports;
	worker->engine.denials = plan->denials;
	worker->engine.rootless = plan->root;
	worker->engine.shares = ledger_slots(plan->ledger) > 1;
	worker->engine.session_over = stop_if_drained;
	r = join_mux(worker, plan);
	if (r == 0)
		r = engine_reserve(&worker->engine, plan->post_count);
	for (size_t i = 0; r == 0 && i < plan->post_count; i++)
		r = take_post(&worker->engine, plan, plan->posts[i], err);
	worker->orders.fd = worker->reporter.fd;
	worker->orders.events = POLLIN;
	worker->orders.ready = order_ready;
	worker->orders.data = worker;
	return r < 0 ? r : loop_add(worker->loop, &worker->orders);
}

static void open_post(struct post *post)
{
	/* A predecessor may have died while it rested a listener; not so if it rests
	 * because those beside us have said so. */
	bool rests = pause_join(post);

	for (size_t i = 0; i < post->listener_count; i++) {
		struct listener *listener = post->listeners[i];

		if (!rests)
			(void)listener_resume(listener->fd, &listener->endpoint);
		/* A program may have had the socket before, and left it blocking. */
		(void)fd_set_nonblock(listener->fd, true);
		listener_keep_alive(listener->fd, &listener->endpoint,
				    SESSION_KEEPALIVE_S);
		listener_update(listener);
	}
}

static void open_doors(const struct engine *engine)
{
	for (size_t i = 0; i < engine->post_count; i++)
		open_post(engine->posts[i]);
}

static int confine(const struct engine *engine, const struct worker_plan *plan,
		   struct error *err)
{
	int *directories = calloc(engine->post_count + 1, sizeof(*directories));
	struct confinement confinement = {
		.credentials = plan->credentials,
		.directories = directories,
		.root = plan->root,
		.connects = (plan->needs & INTERNAL_CONNECTS) != 0,
#ifdef USHERD_COVERAGE
		/* The counters are written to files at exit. */
		.instrumented = true,
#endif
	};
	int r;

	if (directories == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < engine->post_count; i++) {
		const struct post *post = engine->posts[i];

		if (post->internal->directory != NULL)
			directories[confinement.directory_count++] =
				post->internal->directory(post->state);
	}
	r = confine_worker(&confinement, err);
	free(directories);
	if (r < 0)
		error_prefix(err, "cannot confine");
	return r;
}

/* What the supervisor writes for its workers, also that of other services, is not this
 * one's to write. */
static int stop_writing(const struct worker_plan *plan)
{
	int r = plan->denials != NULL ? denials_leave(plan->denials) : 0;

	/* In another program, where there is no engine, it never could. */
	for (size_t i = 0; plan->engine != NULL && i < plan->engine->post_count; i++)
		if (r == 0 && plan->engine->posts[i]->billboard != NULL)
			r = billboard_leave(plan->engine->posts[i]->billboard);
	return r;
}

static int become_worker(struct worker_process *worker, const struct worker_plan *plan,
			 struct error *err)
{
	int r = stop_writing(plan);

	if (r < 0)
		return error_set_errno(err, r, "cannot share memory");
	r = worker_let_go(plan, worker->reporter.fd);
	if (r < 0)
		return error_set_errno(err, r, "cannot set up descriptors");
	/* The zone file is out of reach afterwards; daytime needs it. */
	tzset();
	r = prepare(worker, plan, err);
	return r < 0 ? r : confine(&worker->engine, plan, err);
}

/* Without the supervisor's exit handlers, which are none of a worker's business. */
static _Noreturn void finish(int status)
{
#ifdef USHERD_COVERAGE
	extern void __gcov_dump(void);

	__gcov_dump();
#endif
	_exit(status);
}

_Noreturn void worker_give_up(struct channel_reporter *reporter, const struct error *err)
{
	report_message(&reporter->reporter, LOG_LEVEL_ERROR, "worker: %s",
		       err->text[0] != '\0' ? err->text : "out of memory");
	finish(EX_OSERR);
}

_Noreturn void worker_become(const struct worker_plan *plan, int channel)
{
	struct worker_process worker = { .draining = false };
	struct error err = { 0 };
	int status;

	channel_reporter_init(&worker.reporter, channel);
	if (become_worker(&worker, plan, &err) < 0)
		worker_give_up(&worker.reporter, &err);
	channel_gather(&worker.reporter, worker.loop);
	open_doors(&worker.engine);
	status = loop_run(worker.loop) < 0 ? EX_OSERR : EX_OK;
	channel_flush(&worker.reporter);
	finish(status);
}
