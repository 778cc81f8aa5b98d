/* SPDX-License-Identifier: ISC */
/* Pauses of posts, and their ends, which workers that share sockets come to together. */
#include "usherd/serve/pause.h"

#include "usherd/base/clock.h"
#include "usherd/net/listener.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/ledger.h"
#include "usherd/serve/listening.h"

/* A pause of another worker may have begun meanwhile: then it is that one's end. */
static bool is_over(struct post *post)
{
	uint64_t until_ns = post->arrivals->paused_until_ns;
	struct loop *loop = post->engine->loop;

	return until_ns <= loop_now_ns(loop) ||
	       loop_timer_set(loop, &post->pause, until_ns) < 0;
}

/* One of the workers tells it. */
static bool is_to_be_told(struct post *post)
{
	bool first;

	if (post->ledger == NULL)
		return true;
	if (!ledger_lock(post->ledger))
		return false;
	first = arrivals_tell_end(post->arrivals);
	ledger_unlock(post->ledger);
	return first;
}

static void pause_over(struct timer *timer)
{
	struct post *post = timer->data;

	if (!is_over(post))
		return;
	for (size_t i = 0; i < post->listener_count; i++) {
		struct listener *listener = post->listeners[i];

		/* While a wait program has the socket it is not ours to touch. */
		if (listener_is_free(listener))
			listener_reopen(listener);
		listener_update(listener);
	}
	if (is_to_be_told(post))
		report_message(post->engine->reporter, LOG_LEVEL_NOTICE,
			       "service '%s' accepts connections again",
			       post->service->id);
}

void pause_init(struct post *post)
{
	post->pause.fired = pause_over;
	post->pause.data = post;
}

static void tell_pause(const struct post *post)
{
	const struct policy *policy = &post->service->policy;
	bool minute = policy->cpm_rate != 0 && post->arrivals->overdue;
	uint64_t pause_ns = minute ? policy->cpm_pause_ns : policy->cps_pause_ns;

	report_message(post->engine->reporter, LOG_LEVEL_WARNING,
		       "service '%s' rests for %llu seconds: more than %llu %s",
		       post->service->id,
		       (unsigned long long)(pause_ns / CLOCK_NS_PER_SECOND),
		       (unsigned long long)(minute ? policy->cpm_rate : policy->cps_rate),
		       reason_word(minute ? REASON_CPM : REASON_CPS));
}

/* One after the other: a socket must not be shut twice, see listener_pause(). */
static void shut(const struct post *post, const struct listener *listener)
{
	bool locked = post->ledger != NULL && ledger_lock(post->ledger);

	(void)listener_pause(listener->fd, &listener->endpoint);
	if (locked)
		ledger_unlock(post->ledger);
}

static void close_doors(struct post *post)
{
	for (size_t i = 0; i < post->listener_count; i++) {
		struct listener *listener = post->listeners[i];

		if (listener_is_free(listener) && listener_hold(listener) == 0) {
			shut(post, listener);
			listener_release(listener);
		}
		listener_update(listener);
	}
}

/* The one that is said first holds for all who count together. */
static bool begins_pause(struct post *post, uint64_t until_ns)
{
	uint64_t now_ns = loop_now_ns(post->engine->loop);
	bool begins;

	if (post->ledger != NULL && !ledger_lock(post->ledger))
		return false;
	begins = arrivals_pause(post->arrivals, now_ns, until_ns);
	if (post->ledger != NULL)
		ledger_unlock(post->ledger);
	return begins;
}

void pause_begin(struct post *post, uint64_t until_ns)
{
	bool begins;

	if (loop_timer_is_armed(&post->pause))
		return;
	/* Without the timer nobody would end the pause: then do not begin it. */
	if (loop_timer_set(post->engine->loop, &post->pause, until_ns) < 0)
		return;
	begins = begins_pause(post, until_ns);
	/* Told when it is so: who reads it may have a reload open the doors again. */
	close_doors(post);
	if (begins)
		tell_pause(post);
}

/* A socket that was shut for the pause looks so for a moment after its end, too. */
#define PAUSE_ECHO_NS (CLOCK_NS_PER_SECOND / 4)

bool pause_join(struct post *post)
{
	uint64_t until_ns = post->arrivals->paused_until_ns;
	struct loop *loop = post->engine->loop;

	if (post->ledger == NULL || until_ns == 0 ||
	    loop_now_ns(loop) >= until_ns + PAUSE_ECHO_NS ||
	    loop_timer_set(loop, &post->pause, until_ns) < 0)
		return false;
	for (size_t i = 0; i < post->listener_count; i++)
		listener_update(post->listeners[i]);
	return true;
}
