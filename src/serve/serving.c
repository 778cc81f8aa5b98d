/* SPDX-License-Identifier: ISC */
/* Keeping the books of one client. Decides nothing. */
#include "usherd/serve/serving.h"

#include <signal.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/serve/dispatch.h"
#include "usherd/serve/post.h"

int serving_begin(struct serving *serving, struct post *post, const struct addr *peer)
{
	int r;

	memset(serving, 0, sizeof(*serving));
	r = tally_admit(&post->tally, &post->service->policy, peer, &serving->source);
	if (r < 0)
		return r;
	serving->post = post_ref(post);
	serving->peer = *peer;
	serving->started_ns = loop_now_ns(post->engine->loop);
	return 0;
}

static void emit(const struct serving *serving, enum event_kind kind, int wait_status,
		 uint64_t duration_s)
{
	const struct post *post = serving->post;
	struct event event = { .kind = kind,
			       .fields = post->service->log_on_success,
			       .pid = serving->pid,
			       .wait_status = wait_status,
			       .duration_s = duration_s,
			       .peer = serving->peer };

	(void)text_copy(event.service, sizeof(event.service), post->service->id);
	report_event(post->engine->reporter, &event);
}

static void emit_start(const struct serving *serving)
{
	if (serving->post->service->log_on_success != 0)
		emit(serving, EVENT_START, 0, 0);
}

int serving_spawn(struct serving *serving, const struct invocation *invocation,
		  void (*ended)(struct child *child, int wait_status, uint64_t now_ns))
{
	struct engine *engine = serving->post->engine;
	int r = dispatch_spawn(serving->post, invocation, &serving->pid);

	if (r < 0)
		return r;
	serving->child.pid = serving->pid;
	serving->child.program = true;
	serving->child.ended = ended;
	r = children_add(engine->children, &serving->child);
	if (r < 0) {
		/* A program whose end nobody would hear of is not let run. */
		(void)kill(-serving->pid, SIGKILL);
		dispatch_refuse(serving->post, REASON_RESOURCES, &serving->peer);
		return r;
	}
	emit_start(serving);
	return 0;
}

void serving_started(struct serving *serving)
{
	serving->pid = serving->post->engine->pid;
	emit_start(serving);
}

void serving_cancel(struct serving *serving)
{
	tally_release(&serving->post->tally, &serving->source);
	post_unref(serving->post);
	serving->post = NULL;
}

void serving_end(struct serving *serving, int wait_status, uint64_t now_ns)
{
	unsigned fields = serving->post->service->log_on_success;

	if (wait_status != CHILD_FORGOTTEN &&
	    (fields & (EVENT_EXIT_STATUS | EVENT_DURATION)) != 0)
		emit(serving, EVENT_EXIT, wait_status,
		     (now_ns - serving->started_ns) / CLOCK_NS_PER_SECOND);
	serving_cancel(serving);
}
