/* SPDX-License-Identifier: ISC */
/* When log_flush() is called. What it does then is the log's. */
#include "usherd/serve/log_pump.h"

#include <poll.h>

#include "usherd/base/clock.h"

/* So long START and EXIT lines may wait for others to be written with. */
#define HOLD_NS (5 * CLOCK_NS_PER_MS)

static void writable(struct watch *watch, short revents)
{
	struct log_pump *pump = watch->data;

	(void)revents;
	log_flush(pump->log);
}

/* Waiting has begun or ended, or the descriptor is another one now. */
static void waiting_changed(void *data)
{
	struct log_pump *pump = data;

	loop_remove(&pump->watch);
	loop_timer_cancel(&pump->second);
	if (!log_is_waiting(pump->log))
		return;
	pump->watch.fd = log_waiting_fd(pump->log);
	pump->watch.events = POLLOUT;
	if (pump->watch.fd == -1 || loop_add(pump->loop, &pump->watch) < 0)
		(void)loop_timer_set(pump->loop, &pump->second,
				     loop_now_ns(pump->loop) + CLOCK_NS_PER_SECOND);
}

static void second_passed(struct timer *timer)
{
	struct log_pump *pump = timer->data;

	log_flush(pump->log);
	if (log_is_waiting(pump->log) && !loop_is_watching(&pump->watch))
		waiting_changed(pump);
}

static void hold_is_over(struct timer *timer)
{
	struct log_pump *pump = timer->data;

	log_flush(pump->log);
}

static void holds_events(void *data)
{
	struct log_pump *pump = data;

	if (loop_timer_set(pump->loop, &pump->hold, loop_now_ns(pump->loop) + HOLD_NS) <
	    0)
		log_flush(pump->log);
}

void log_pump_start(struct log_pump *pump, struct loop *loop, struct log *log)
{
	*pump = (struct log_pump){ .loop = loop, .log = log };
	pump->watch.ready = writable;
	pump->watch.data = pump;
	pump->second.fired = second_passed;
	pump->second.data = pump;
	pump->hold.fired = hold_is_over;
	pump->hold.data = pump;
	log_on_waiting(log, waiting_changed, pump);
	log_hold_events(log, holds_events, pump);
}

void log_pump_stop(struct log_pump *pump)
{
	if (pump->log == NULL)
		return;
	log_on_waiting(pump->log, NULL, NULL);
	log_hold_events(pump->log, NULL, NULL);
	loop_remove(&pump->watch);
	loop_timer_cancel(&pump->second);
	loop_timer_cancel(&pump->hold);
	*pump = (struct log_pump){ .loop = NULL };
}
