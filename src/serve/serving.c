/* SPDX-License-Identifier: ISC */
/* Keeping the books of one client. Decides nothing. */
#include "usherd/serve/serving.h"

#include <signal.h>
#include <string.h>

#include "usherd/serve/post.h"
#include "usherd/serve/record.h"

int serving_begin(struct serving *serving, struct post *post, const struct addr *peer)
{
	int r;

	memset(serving, 0, sizeof(*serving));
	r = tally_admit(post->tally, &post->service->policy, peer, &serving->source);
	if (r < 0)
		return r;
	serving->post = post_ref(post);
	serving->peer = *peer;
	serving->started_ns = loop_now_ns(post->engine->loop);
	return 0;
}

static int spawn(struct post *post, const struct invocation *invocation, pid_t *ret_pid)
{
	static const struct addr unknown;
	struct engine *engine = post->engine;
	struct error err = { 0 };
	int r = spawn_program(engine->spawner, post->plan, invocation, ret_pid, &err);

	if (r == 0)
		return 0;
	report_throttled(engine->reporter, &post->trouble, loop_now_ns(engine->loop),
			 LOG_LEVEL_ERROR, "service '%s': cannot start '%s': %s",
			 post->service->id, post->service->program.path, err.text);
	record_refusal(post, REASON_FORK,
		       invocation->peer != NULL ? invocation->peer : &unknown);
	return r;
}

int serving_spawn(struct serving *serving, const struct invocation *invocation,
		  void (*ended)(struct child *child, int wait_status, uint64_t now_ns))
{
	struct engine *engine = serving->post->engine;
	int r = spawn(serving->post, invocation, &serving->pid);

	if (r < 0)
		return r;
	serving->child.pid = serving->pid;
	serving->child.program = true;
	serving->child.ended = ended;
	r = children_add(engine->children, &serving->child);
	if (r < 0) {
		/* A program whose end nobody would hear of is not let run. */
		(void)kill(-serving->pid, SIGKILL);
		record_refusal(serving->post, REASON_RESOURCES, &serving->peer);
		return r;
	}
	record_start(serving->post, serving->pid, &serving->peer);
	return 0;
}

void serving_started(struct serving *serving)
{
	serving->pid = serving->post->engine->pid;
	record_start(serving->post, serving->pid, &serving->peer);
}

void serving_cancel(struct serving *serving)
{
	tally_release(serving->post->tally, &serving->source);
	post_unref(serving->post);
	serving->post = NULL;
}

void serving_end(struct serving *serving, int wait_status, uint64_t now_ns)
{
	struct post *post = post_ref(serving->post);

	/* Who reads the EXIT line may count on the place. */
	serving_cancel(serving);
	if (wait_status != CHILD_FORGOTTEN)
		record_exit(post, serving->pid, wait_status,
			    now_ns - serving->started_ns);
	post_unref(post);
}
