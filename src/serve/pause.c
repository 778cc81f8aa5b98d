/* SPDX-License-Identifier: ISC */
/* Pauses of posts, and their ends, which workers that share sockets come to together. */
#include "usherd/serve/pause.h"

#include "usherd/base/clock.h"
#include "usherd/net/listener.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/ledger.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/watching.h"

/* What workers that share a socket do to it for a pause is one with what they say of the
 * pause: else one would open the door that another has just shut. */
static bool lock(const struct post *post)
{
	return post->ledger == NULL || ledger_lock(post->ledger);
}

static void unlock(const struct post *post)
{
	if (post->ledger != NULL)
		ledger_unlock(post->ledger);
}

static void open_doors(struct post *post)
{
	for (size_t i = 0; i < post->listener_count; i++)
		/* While a wait program has the socket it is not ours to touch. */
		if (listener_is_free(post->listeners[i]))
			listener_reopen(post->listeners[i]);
}

static void update_all(struct post *post)
{
	for (size_t i = 0; i < post->listener_count; i++)
		listener_update(post->listeners[i]);
}

/* A pause of another worker may have begun meanwhile: then it is that one's end. */
static bool is_put_off(struct post *post)
{
	uint64_t until_ns = post->arrivals->paused_until_ns;
	struct loop *loop = post->engine->loop;

	return until_ns > loop_now_ns(loop) &&
	       loop_timer_set(loop, &post->pause, until_ns) == 0;
}

static void pause_over(struct timer *timer)
{
	struct post *post = timer->data;
	bool locked = lock(post);
	bool told = false;

	if (!is_put_off(post)) {
		open_doors(post);
		/* One of the workers tells it. */
		told = locked && arrivals_tell_end(post->arrivals);
	}
	if (locked)
		unlock(post);
	update_all(post);
	if (told)
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
static void shut_doors(const struct post *post)
{
	for (size_t i = 0; i < post->listener_count; i++) {
		struct listener *listener = post->listeners[i];

		if (!listener_is_free(listener) || listener_hold(listener) < 0)
			continue;
		(void)listener_pause(listener->fd, &listener->endpoint);
		listener_release(listener);
	}
}

/* The pause that another worker had begun is over by the time this one has its turn. */
static bool comes_late(const struct post *post)
{
	uint64_t until_ns = post->arrivals->paused_until_ns;

	return until_ns > loop_now_ns(post->engine->loop) &&
	       until_ns <= clock_monotonic_ns();
}

void pause_begin(struct post *post, uint64_t until_ns)
{
	uint64_t now_ns = loop_now_ns(post->engine->loop);
	bool begins = false;
	bool locked;

	if (loop_timer_is_armed(&post->pause))
		return;
	/* Without the timer nobody would end the pause: then do not begin it. */
	if (loop_timer_set(post->engine->loop, &post->pause, until_ns) < 0)
		return;
	locked = lock(post);
	if (comes_late(post)) {
		loop_timer_cancel(&post->pause);
	} else {
		/* What is said first holds for all who count together. */
		begins = locked && arrivals_pause(post->arrivals, now_ns, until_ns);
		shut_doors(post);
	}
	if (locked)
		unlock(post);
	update_all(post);
	/* Told when it is so: who reads it may have a reload open the doors again. */
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
	update_all(post);
	return true;
}
