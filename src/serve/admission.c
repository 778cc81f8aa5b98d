/* SPDX-License-Identifier: ISC */
/* Where the pure guard meets the post, and other workers that count for the same one. */
#include "usherd/serve/admission.h"

#include <errno.h>

#include "usherd/serve/denials.h"
#include "usherd/serve/inquiries.h"
#include "usherd/serve/ledger.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/pause.h"
#include "usherd/serve/record.h"

static bool lock(const struct post *post)
{
	return post->ledger == NULL || ledger_lock(post->ledger);
}

static void unlock(const struct post *post)
{
	if (post->ledger != NULL)
		ledger_unlock(post->ledger);
}

static void add_elsewhere(const struct post *post, const struct addr *peer,
			  struct surroundings *around)
{
	for (size_t i = 0; i < post->elsewhere_count; i++) {
		around->active_elsewhere += post->elsewhere[i]->active;
		around->source_elsewhere += tally_source_active(
			post->elsewhere[i], &post->service->policy, peer);
	}
}

/* Who is denied, and what few policies ask for. */
static void look_around(const struct post *post, const struct addr *peer,
			struct surroundings *around)
{
	const struct policy *policy = &post->service->policy;
	struct conditions *conditions = &post->engine->conditions;

	around->denied = denials_hold(post->engine, peer, around->now_ns);
	if (policy->access_times != NULL)
		around->minute = conditions_minute(conditions, around->now_ns);
	if (policy->max_load > 0)
		around->load = conditions_load(conditions, around->now_ns);
}

static bool is_welcome(const struct policy *policy, const struct surroundings *around,
		       const struct addr *peer)
{
	return around->inquires ? !guard_rejects(policy, peer)
				: guard_welcomes(policy, peer);
}

static struct verdict decide(struct post *post, const struct addr *peer,
			     struct surroundings *around)
{
	const struct policy *policy = &post->service->policy;
	/* In a worker: the supervisor has asked about him, and counted him. */
	bool handed = around->inquires && post->engine->sessions != NULL &&
		      inquiry_concerns(post->service);

	add_elsewhere(post, peer, around);
	around->arrivals = post->arrivals;
	if (!handed && !around->denied && !policy->trap &&
	    is_welcome(policy, around, peer) && guard_is_open(policy, around->minute)) {
		around->overdue = !rates_take(post->rates, policy, peer, around->now_ns);
		if (!around->overdue) {
			arrivals_count(post->arrivals, around->now_ns);
			arrivals_count_minute(post->arrivals, policy, around->now_ns);
		}
	}
	return guard_decide(policy, post->tally, around, peer);
}

/* Decide and, with @ret_place, count. Without the lock nobody is let in. */
static struct verdict weigh(struct post *post, const struct addr *peer,
			    struct surroundings *around, struct source_key *ret_place)
{
	struct verdict verdict = { .reason = REASON_RESOURCES };

	if (!lock(post))
		return verdict;
	verdict = decide(post, peer, around);
	if (verdict.reason == REASON_NONE && ret_place != NULL &&
	    tally_admit(post->tally, &post->service->policy, peer, ret_place) < 0)
		verdict.reason = REASON_RESOURCES;
	unlock(post);
	return verdict;
}

static void tell_load(struct post *post, uint64_t load)
{
	struct engine *engine = post->engine;

	report_throttled(engine->reporter, &post->trouble, loop_now_ns(engine->loop),
			 LOG_LEVEL_WARNING,
			 "service '%s': refusing clients at a load average of %.2f",
			 post->service->id, (double)load / (double)POLICY_LOAD_UNIT);
}

struct surroundings admission_surroundings(const struct engine *engine)
{
	struct surroundings around = { .now_ns = loop_now_ns(engine->loop),
				       .max_children = engine->max_children };

	if (engine->children != NULL)
		around.children = children_programs(engine->children);
	return around;
}

static bool ask(struct post *post, const struct addr *peer, struct source_key *ret_place)
{
	struct surroundings around = admission_surroundings(post->engine);
	struct verdict verdict;

	look_around(post, peer, &around);
	/* Whoever takes a place asks, see inquiries.h; in the supervisor everybody. */
	around.inquires = post->engine->inquiries != NULL ||
			  (ret_place != NULL && post->engine->sessions != NULL);
	/* In process none is started. */
	if (post->internal != NULL)
		around.children = 0;
	verdict = weigh(post, peer, &around, ret_place);
	if (verdict.reason == REASON_NONE)
		return true;
	record_refusal(post, verdict.reason, peer);
	if (verdict.reason == REASON_LOAD)
		tell_load(post, around.load);
	if (verdict.pause_until_ns > around.now_ns)
		pause_begin(post, verdict.pause_until_ns);
	return false;
}

bool admission_is_full(const struct post *post)
{
	struct surroundings around = admission_surroundings(post->engine);

	for (size_t i = 0; i < post->elsewhere_count; i++)
		around.active_elsewhere += post->elsewhere[i]->active;
	return guard_is_full(&post->service->policy, post->tally, &around);
}

bool admission_ask(struct post *post, const struct addr *peer)
{
	enum reason reason = inquiries_recall(post, peer);

	if (reason == REASON_NONE)
		return ask(post, peer, NULL);
	record_refusal(post, reason, peer);
	return false;
}

bool admission_take(struct post *post, const struct addr *peer,
		    struct source_key *ret_place)
{
	return ask(post, peer, ret_place);
}

int admission_count(struct post *post, const struct addr *peer,
		    struct source_key *ret_place)
{
	int r;

	if (!lock(post))
		return -ENOLCK;
	r = tally_admit(post->tally, &post->service->policy, peer, ret_place);
	unlock(post);
	return r;
}

/* Without the lock as well: rather a wrong look of another than a place lost for ever. */
void admission_release(struct post *post, const struct source_key *place)
{
	bool locked = lock(post);

	tally_release(post->tally, place);
	if (locked)
		unlock(post);
	post_open_doors(post);
}
