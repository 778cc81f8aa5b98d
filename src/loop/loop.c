/* SPDX-License-Identifier: ISC */
/*
 * The turn: wait, then signals, timers, descriptors, in that order. Puts the poller, the
 * timers, the bell and the signals together and decides nothing about any of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "loop_internal.h"
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"

/* poll(2) may fail for want of kernel memory: that passes, or loop_run() gives up after
 * LOOP_FAILURES_MAX times LOOP_FAILURE_PAUSE_NS. */
#define LOOP_FAILURES_MAX     500
#define LOOP_FAILURE_PAUSE_NS (10 * 1000000)

struct loop {
	struct poller poller;
	struct timers timers;
	struct bell bell;
	struct signals signals;
	struct timer rest; /* armed: signals wake nobody */
	uint64_t now_ns;
	unsigned failures; /* of poll(2), in a row */
	bool stopping;
};

/* In a set that others wait in as well nobody hears the bell. */
static bool bell_will_do(struct loop *loop)
{
	return loop->bell.fd != -1 && loop->poller.shared == 0 &&
	       bell_covers(&loop->bell, timers_deadline_ns(&loop->timers));
}

static int64_t wait_ns(struct loop *loop, int timeout_ms)
{
	int64_t timeout_ns = timeout_ms * (int64_t)CLOCK_NS_PER_MS;
	int64_t timer_ns;

	if (timeout_ms == -1 && bell_will_do(loop))
		return -1;
	timer_ns = timers_timeout_ns(&loop->timers, clock_monotonic_ns());
	if (timeout_ms == -1 || (timer_ns != -1 && timer_ns < timeout_ns))
		return timer_ns;
	return timeout_ns;
}

static int survive_failure(struct loop *loop, int code)
{
	const struct timespec pause = { .tv_nsec = LOOP_FAILURE_PAUSE_NS };

	if ((code != -ENOMEM && code != -EAGAIN) || ++loop->failures > LOOP_FAILURES_MAX)
		return code;
	(void)nanosleep(&pause, NULL);
	return 0;
}

/* poll(2) skips the entry while its descriptor is negative. */
static void wake_for_signals(struct timer *timer)
{
	struct loop *loop = timer->data;

	loop->poller.outer[POLLER_AT_SIGNALS].fd = loop->signals.fd;
}

int loop_rest_signals(struct loop *loop, uint64_t until_ns)
{
	int result = loop_timer_set(loop, &loop->rest, until_ns);

	if (result == 0)
		loop->poller.outer[POLLER_AT_SIGNALS].fd = -1;
	return result;
}

int loop_new(struct loop **ret, struct error *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int result;

	if (!loop)
		return error_set(err, -ENOMEM, "out of memory");
	loop->signals.fd = -1;
	loop->bell.fd = -1;
	loop->rest.fired = wake_for_signals;
	loop->rest.data = loop;
	loop->now_ns = clock_monotonic_ns();
	result = poller_init(&loop->poller);
	if (result < 0) {
		free(loop);
		return error_set_errno(err, result, "cannot make an epoll set");
	}
	*ret = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	poller_done(&loop->poller);
	timers_done(&loop->timers);
	fd_close(&loop->signals.fd);
	bell_close(&loop->bell);
	free(loop);
}

int loop_add(struct loop *loop, struct watch *watch)
{
	int result;

	if (watch->loop)
		return -EEXIST;
	result = poller_add(&loop->poller, watch);
	if (result == 0)
		watch->loop = loop;
	return result;
}

int loop_change(struct watch *watch, short events)
{
	if (!watch->loop)
		return -ENOENT;
	return poller_change(&watch->loop->poller, watch, events);
}

void loop_remove(struct watch *watch)
{
	if (!watch->loop)
		return;
	poller_remove(&watch->loop->poller, watch);
	watch->loop = NULL;
}

void loop_forget(struct watch *watch)
{
	if (!watch->loop)
		return;
	poller_forget(&watch->loop->poller, watch);
	watch->loop = NULL;
}

bool loop_is_watching(const struct watch *watch)
{
	return watch->loop != NULL;
}

int loop_timer_set(struct loop *loop, struct timer *timer, uint64_t deadline_ns)
{
	int result = timers_set(&loop->timers, timer, deadline_ns, loop->now_ns);

	if (result == 0)
		timer->loop = loop;
	return result;
}

void loop_timer_cancel(struct timer *timer)
{
	if (!timer->loop)
		return;
	timers_cancel(&timer->loop->timers, timer);
	timer->loop = NULL;
}

bool loop_timer_is_armed(const struct timer *timer)
{
	return timer->loop != NULL;
}

int loop_signals(struct loop *loop, const sigset_t *signals,
		 void (*arrived)(int signo, void *data), void *data, struct error *err)
{
	int result;

	if (loop->signals.fd != -1)
		return error_set(err, -EEXIST, "the loop already receives signals");
	result = signals_open(&loop->signals, signals, err);
	if (result < 0)
		return result;
	loop->signals.arrived = arrived;
	loop->signals.data = data;
	loop->poller.outer[POLLER_AT_SIGNALS].fd = loop->signals.fd;
	return 0;
}

int loop_keep_time(struct loop *loop)
{
	int result = loop->bell.fd == -1 ? bell_open(&loop->bell) : 0;

	if (result == 0)
		loop->poller.outer[POLLER_AT_BELL].fd = loop->bell.fd;
	return result;
}

uint64_t loop_now_ns(const struct loop *loop)
{
	return loop->now_ns;
}

int loop_run(struct loop *loop)
{
	int result = 0;

	while (!loop->stopping && result == 0)
		result = loop_turn(loop, -1);
	loop->stopping = false;
	return result;
}

int loop_turn(struct loop *loop, int timeout_ms)
{
	int result;

	poller_settle(&loop->poller);
	result = poller_wait(&loop->poller, wait_ns(loop, timeout_ms));
	loop->now_ns = clock_monotonic_ns();
	if (result < 0)
		return survive_failure(loop, result);
	loop->failures = 0;
	if (poller_bell_ready(&loop->poller))
		bell_has_rung(&loop->bell);
	if (poller_signals_ready(&loop->poller) || loop_timer_is_armed(&loop->rest))
		signals_deliver(&loop->signals);
	timers_expire(&loop->timers, loop->now_ns);
	poller_dispatch(&loop->poller);
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}

size_t loop_watch_count(const struct loop *loop)
{
	return loop->poller.count;
}

bool loop_is_nested(const struct loop *loop)
{
	return loop->poller.nested;
}
