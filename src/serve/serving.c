/* SPDX-License-Identifier: ISC */
/* Keeping the books of one client. Decides nothing. */
#include "usherd/serve/serving.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "usherd/serve/admission.h"
#include "usherd/serve/post.h"
#include "usherd/serve/record.h"

int serving_begin(struct serving *serving, struct post *post, const struct addr *peer)
{
	struct source_key place;
	int r = admission_count(post, peer, &place);

	if (r == 0)
		serving_occupy(serving, post, peer, &place);
	return r;
}

void serving_occupy(struct serving *serving, struct post *post, const struct addr *peer,
		    const struct source_key *place)
{
	memset(serving, 0, sizeof(*serving));
	serving->source = *place;
	serving->post = post_ref(post);
	serving->peer = *peer;
	serving->started_ns = loop_now_ns(post->engine->loop);
}

static void report_failure(const struct serving *serving, const struct plan *plan,
			   const struct error *err)
{
	struct post *post = serving->post;
	struct engine *engine = post->engine;

	report_throttled(engine->reporter, &post->trouble, loop_now_ns(engine->loop),
			 LOG_LEVEL_ERROR, "service '%s': cannot start '%s': %s%s",
			 post->service->id, plan_program(plan)->path, err->text,
			 serving->postponed ? "; trying again" : "");
	if (!serving->postponed)
		record_refusal(post, REASON_FORK, &serving->peer);
}

static void forget_plan(struct serving *serving)
{
	plan_unref(serving->plan);
	serving->plan = NULL;
}

/* It runs, or (@failure) it never will. */
static void settle(struct serving *serving, const struct error *failure)
{
	if (failure != NULL)
		report_failure(serving, serving->plan, failure);
	else
		record_start(serving->post, serving->pid, &serving->peer);
	forget_plan(serving);
}

static void settled(struct launch *launch, const struct error *failure)
{
	struct serving *serving = launch->data;
	struct engine *engine = serving->post->engine;

	settle(serving, failure);
	if (failure == NULL)
		return;
	children_remove(engine->children, &serving->child);
	serving->ended(&serving->child, CHILD_NOT_STARTED, loop_now_ns(engine->loop));
}

static void process_ended(struct child *child, int wait_status, uint64_t now_ns)
{
	struct serving *serving = (struct serving *)child;
	struct launches *launches = &serving->post->engine->launches;
	struct error err;

	if (serving->launch.under_way) {
		int r = launches_reaped(launches, &serving->launch, wait_status, &err);

		settle(serving, r < 0 ? &err : NULL);
		if (r < 0)
			wait_status = CHILD_NOT_STARTED;
	}
	/* Of a start that was not waited for. */
	forget_plan(serving);
	serving->ended(child, wait_status, now_ns);
}

static int enter(struct serving *serving)
{
	struct engine *engine = serving->post->engine;
	int r;

	serving->child.pid = serving->pid;
	serving->child.program = true;
	serving->child.awaited = serving->post->service->wait;
	serving->child.ended = process_ended;
	r = children_add(engine->children, &serving->child);
	if (r < 0) {
		/* A program whose end nobody would hear of is not let run. */
		(void)kill(serving->pid, SIGKILL);
		spawn_abandon(&serving->launch.attempt);
		record_refusal(serving->post, REASON_RESOURCES, &serving->peer);
		return r;
	}
	serving->plan = plan_ref(serving->post->plan);
	serving->launch.settled = settled;
	serving->launch.data = serving;
	launches_add(&engine->launches, &serving->launch);
	return 0;
}

int serving_spawn(struct serving *serving, const struct invocation *invocation,
		  void (*ended)(struct child *child, int wait_status, uint64_t now_ns))
{
	struct post *post = serving->post;
	struct error err;
	int r = spawn_begin(post->engine->spawner, post->plan, invocation,
			    &serving->launch.attempt, &err);

	if (r < 0) {
		serving->postponed = serving->patient && (r == -EAGAIN || r == -ENOMEM);
		report_failure(serving, post->plan, &err);
		return r;
	}
	serving->pid = serving->launch.attempt.pid;
	serving->ended = ended;
	return enter(serving);
}

struct visitor {
	void (*visit)(void *data, const struct serving *serving);
	void *data;
};

static void visit_child(void *data, const struct child *child)
{
	const struct visitor *visitor = data;

	/* Others are workers and helpers. */
	if (child->ended == process_ended)
		visitor->visit(visitor->data, (const struct serving *)child);
}

void serving_visit(const struct engine *engine,
		   void (*visit)(void *data, const struct serving *serving), void *data)
{
	struct visitor visitor = { visit, data };

	children_visit(engine->children, visit_child, &visitor);
}

void serving_started(struct serving *serving)
{
	serving->pid = serving->post->engine->pid;
	record_start(serving->post, serving->pid, &serving->peer);
}

void serving_cancel(struct serving *serving)
{
	admission_release(serving->post, &serving->source);
	post_unref(serving->post);
	serving->post = NULL;
}

void serving_count(struct serving *serving, uint64_t bytes_in, uint64_t bytes_out)
{
	serving->counted = true;
	serving->bytes_in = bytes_in;
	serving->bytes_out = bytes_out;
}

void serving_end(struct serving *serving, int wait_status, uint64_t now_ns)
{
	struct post *post = post_ref(serving->post);

	/* Who reads the EXIT line may count on the place. */
	serving_cancel(serving);
	if (serving->counted)
		record_traffic(post, serving->bytes_in, serving->bytes_out);
	if (wait_status >= 0)
		record_exit(post, serving->pid, wait_status,
			    now_ns - serving->started_ns);
	post_unref(post);
}
