/* SPDX-License-Identifier: ISC */
/* Where the pure guard meets the post. */
#include "usherd/serve/admission.h"

#include "usherd/serve/engine.h"
#include "usherd/serve/post.h"
#include "usherd/serve/record.h"

static void add_elsewhere(const struct post *post, const struct addr *peer,
			  struct surroundings *around)
{
	for (size_t i = 0; i < post->elsewhere_count; i++) {
		around->active_elsewhere += post->elsewhere[i]->active;
		around->source_elsewhere += tally_source_active(
			post->elsewhere[i], &post->service->policy, peer);
	}
}

bool admission_ask(struct post *post, const struct addr *peer)
{
	struct surroundings around = engine_surroundings(post->engine);
	struct verdict verdict;

	add_elsewhere(post, peer, &around);
	if (guard_welcomes(&post->service->policy, peer))
		tally_arrive(post->tally, around.now_ns);
	verdict = guard_decide(&post->service->policy, post->tally, &around, peer);
	if (verdict.reason == REASON_NONE)
		return true;
	record_refusal(post, verdict.reason, peer);
	if (verdict.reason == REASON_CPS && verdict.pause_until_ns > around.now_ns)
		post_pause(post, verdict.pause_until_ns);
	return false;
}
