/* SPDX-License-Identifier: ISC */
/*
 * The checks a client has to pass, in their order, and xinetd's words for those that
 * refuse. Only reads what tally.c counted.
 */
#include "usherd/guard/guard.h"

#include "usherd/base/units.h"

/* What a check may look at. */
struct question {
	const struct policy *policy;
	const struct tally *tally;
	const struct arrivals *arrivals;
	const struct surroundings *around;
	const struct addr *peer;
};

static const char *const words[] = {
	[REASON_NONE] = "none",
	[REASON_CPS] = "connections per second",
	[REASON_INSTANCES] = "service_limit",
	[REASON_PER_SOURCE] = "per_source_limit",
	[REASON_PROCESS_LIMIT] = "process_limit",
	[REASON_ADDRESS] = "address",
	[REASON_FORK] = "fork",
	[REASON_RESOURCES] = "resources",
	[REASON_UNREACHABLE] = "unreachable",
	[REASON_TIME] = "time",
	[REASON_LOAD] = "load",
	[REASON_CPM] = "connections per minute",
	[REASON_LIBWRAP] = "libwrap",
	[REASON_PER_SOURCE_CPM] = "per_source_cpm",
};

static bool is_paused(const struct question *question)
{
	return question->around->now_ns < question->arrivals->paused_until_ns;
}

static bool exceeds_source_rate(const struct question *question)
{
	return question->around->overdue;
}

/* It said so of the last who came, and a pause that it began goes on. */
static bool exceeds_cpm(const struct question *question)
{
	return question->policy->cpm_rate != 0 && question->arrivals->overdue;
}

static bool exceeds_cps(const struct question *question)
{
	const struct policy *policy = question->policy;

	if (policy->cps_rate == 0)
		return false;
	return (is_paused(question) && !exceeds_cpm(question)) ||
	       question->arrivals->window_count > policy->cps_rate;
}

bool guard_is_full(const struct policy *policy, const struct tally *tally,
		   const struct surroundings *around)
{
	return tally->active + around->active_elsewhere >= policy->instances;
}

static bool exceeds_instances(const struct question *question)
{
	return guard_is_full(question->policy, question->tally, question->around);
}

static bool exceeds_per_source(const struct question *question)
{
	const struct policy *policy = question->policy;

	if (policy->per_source == UNITS_UNLIMITED)
		return false;
	return tally_source_active(question->tally, policy, question->peer) +
		       question->around->source_elsewhere >=
	       policy->per_source;
}

static bool exceeds_process_limit(const struct question *question)
{
	return question->around->children >= question->around->max_children;
}

bool guard_rejects(const struct policy *policy, const struct addr *peer)
{
	const struct prefix_list *only = &policy->only_from;
	const struct prefix_list *no = &policy->no_access;
	bool is_unknown = addr_family(peer) == AF_UNSPEC;

	if (is_unknown && policy->screened)
		return false;
	if ((no->set.count > 0 || no->names.count > 0) &&
	    (is_unknown || addrset_contains(&no->set, peer)))
		return true;
	if (!only->given)
		return false;
	if (is_unknown)
		return !addrset_is_everything(&only->set);
	return only->names.count == 0 && !addrset_contains(&only->set, peer);
}

static bool needs_name(const struct policy *policy, const struct addr *peer)
{
	const struct prefix_list *only = &policy->only_from;

	if (policy->no_access.names.count > 0)
		return true;
	return only->given && only->names.count > 0 &&
	       !addrset_contains(&only->set, peer);
}

bool guard_welcomes(const struct policy *policy, const struct addr *peer)
{
	return !guard_rejects(policy, peer) && !needs_name(policy, peer);
}

static bool matches_any(const struct strings *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (names_match(patterns->items[i], name))
			return true;
	return false;
}

static bool has_domain(const struct strings *patterns)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (names_is_domain(patterns->items[i]))
			return true;
	return false;
}

bool guard_welcomes_named(const struct policy *policy, const struct addr *peer,
			  const struct peer_names *names)
{
	const struct prefix_list *only = &policy->only_from;
	const struct prefix_list *no = &policy->no_access;

	if (guard_rejects(policy, peer))
		return false;
	if (no->names.count > 0 &&
	    (names->listed || names->unsettled || matches_any(&no->names, names->name)))
		return false;
	if (has_domain(&no->names) && !names->confirmed)
		return false;
	if (!only->given || addrset_contains(&only->set, peer))
		return true;
	return names->confirmed && matches_any(&only->names, names->name);
}

static bool is_unwelcome(const struct question *question)
{
	if (question->around->denied || question->policy->trap)
		return true;
	if (question->around->inquires)
		return guard_rejects(question->policy, question->peer);
	return !guard_welcomes(question->policy, question->peer);
}

static bool span_contains(const struct day_span *span, unsigned minute)
{
	if (minute >= POLICY_MINUTES_PER_DAY)
		return false;
	if (span->first <= span->last)
		return minute >= span->first && minute <= span->last;
	return minute >= span->first || minute <= span->last;
}

bool guard_is_open(const struct policy *policy, unsigned minute)
{
	if (policy->access_times == NULL)
		return true;
	for (size_t i = 0; i < policy->access_time_count; i++)
		if (span_contains(&policy->access_times[i], minute))
			return true;
	return false;
}

static bool is_closed(const struct question *question)
{
	return !guard_is_open(question->policy, question->around->minute);
}

static bool exceeds_load(const struct question *question)
{
	const struct policy *policy = question->policy;

	return policy->max_load > 0 && question->around->load >= policy->max_load;
}

/* The order is documented. */
static const struct check {
	enum reason reason;
	bool (*refuses)(const struct question *question);
} checks[] = {
	{ REASON_ADDRESS, is_unwelcome },
	{ REASON_TIME, is_closed },
	{ REASON_PER_SOURCE_CPM, exceeds_source_rate },
	{ REASON_CPS, exceeds_cps },
	{ REASON_CPM, exceeds_cpm },
	{ REASON_LOAD, exceeds_load },
	{ REASON_INSTANCES, exceeds_instances },
	{ REASON_PER_SOURCE, exceeds_per_source },
	{ REASON_PROCESS_LIMIT, exceeds_process_limit },
};

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* A pause that runs is not prolonged by those it turns away. */
static uint64_t pause_end(const struct question *question, uint64_t pause_ns)
{
	if (is_paused(question))
		return question->arrivals->paused_until_ns;
	return add_saturating(question->around->now_ns, pause_ns);
}

const char *reason_word(enum reason reason)
{
	return words[reason];
}

struct verdict guard_decide(const struct policy *policy, const struct tally *tally,
			    const struct surroundings *around, const struct addr *peer)
{
	const struct question question = {
		.policy = policy,
		.tally = tally,
		.arrivals =
			around->arrivals != NULL ? around->arrivals : &tally->arrivals,
		.around = around,
		.peer = peer,
	};
	struct verdict verdict = { .reason = REASON_NONE };

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (!checks[i].refuses(&question))
			continue;
		verdict.reason = checks[i].reason;
		break;
	}
	if (verdict.reason == REASON_CPS)
		verdict.pause_until_ns = pause_end(&question, policy->cps_pause_ns);
	if (verdict.reason == REASON_CPM)
		verdict.pause_until_ns = pause_end(&question, policy->cpm_pause_ns);
	return verdict;
}
