/* SPDX-License-Identifier: ISC */
/* Timers: order, moving, cancelling, many of them, and what callbacks may do. */
#include "test.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "usherd/base/clock.h"
#include "usherd/loop/loop.h"

#define MANY   5000
#define FAR_NS (UINT64_C(3600) * CLOCK_NS_PER_SECOND)

struct alarm {
	struct timer timer;
	struct loop *loop;
	struct alarm *other;
	int *order; /* next number to take */
	int number; /* taken when fired, -1 before */
	unsigned calls;
	void (*act)(struct alarm *alarm);
};

static void alarm_fired(struct timer *timer)
{
	struct alarm *alarm = timer->data;

	alarm->calls++;
	alarm->number = (*alarm->order)++;
	if (alarm->act)
		alarm->act(alarm);
}

static void alarm_init(struct alarm *alarm, struct loop *loop, int *order)
{
	*alarm = (struct alarm){ .loop = loop, .order = order, .number = -1 };
	alarm->timer = (struct timer){ .fired = alarm_fired, .data = alarm };
}

static struct loop *loop_open(void)
{
	struct loop *loop;

	assert_int_equal(loop_new(&loop, NULL), 0);
	return loop;
}

static void turn(struct loop *loop)
{
	assert_int_equal(loop_turn(loop, 0), 0);
}

static void fires_by_deadline_then_by_order_of_arming(void **state)
{
	static const uint64_t deadlines[] = { 50, 20, 90, 20, 0, 20 };
	static const int expected[] = { 4, 1, 5, 2, 0, 3 };
	struct loop *loop = loop_open();
	struct alarm alarms[6];
	int order = 0;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		alarm_init(&alarms[i], loop, &order);
		assert_int_equal(loop_timer_set(loop, &alarms[i].timer, deadlines[i]), 0);
		assert_int_equal(alarms[i].timer.deadline_ns, deadlines[i]);
	}
	turn(loop);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(alarms[i].number, expected[i]);
		assert_false(loop_timer_is_armed(&alarms[i].timer));
	}
	loop_free(loop);
}

static void waits_as_long_as_the_deadline_and_not_longer(void **state)
{
	struct loop *loop = loop_open();
	uint64_t start = clock_monotonic_ns();
	struct alarm alarm;
	int order = 0;

	(void)state;
	alarm_init(&alarm, loop, &order);
	assert_int_equal(loop_timer_set(loop, &alarm.timer, start + 20 * CLOCK_NS_PER_MS),
			 0);
	turn(loop);
	assert_int_equal(alarm.calls, 0);
	assert_int_equal(loop_turn(loop, -1), 0);
	assert_int_equal(alarm.calls, 1);
	assert_true(clock_monotonic_ns() - start >= 20 * CLOCK_NS_PER_MS);
	assert_true(loop_now_ns(loop) >= start + 20 * CLOCK_NS_PER_MS);
	loop_free(loop);
}

static void the_shorter_of_deadline_and_time_out_counts(void **state)
{
	struct loop *loop = loop_open();
	struct alarm alarm;
	int order = 0;

	(void)state;
	alarm_init(&alarm, loop, &order);
	assert_int_equal(loop_timer_set(loop, &alarm.timer, UINT64_MAX), 0);
	assert_int_equal(loop_turn(loop, 1), 0);
	assert_int_equal(alarm.calls, 0);
	loop_timer_cancel(&alarm.timer);
	assert_int_equal(loop_timer_set(loop, &alarm.timer, 1), 0);
	assert_int_equal(loop_turn(loop, 60000), 0);
	assert_int_equal(alarm.calls, 1);
	loop_free(loop);
}

static void moves_a_timer_both_ways(void **state)
{
	struct loop *loop = loop_open();
	struct alarm a;
	struct alarm b;
	int order = 0;

	(void)state;
	alarm_init(&a, loop, &order);
	alarm_init(&b, loop, &order);
	assert_int_equal(loop_timer_set(loop, &a.timer, 10), 0);
	assert_int_equal(loop_timer_set(loop, &b.timer, loop_now_ns(loop) + FAR_NS), 0);
	assert_int_equal(loop_timer_set(loop, &a.timer, loop_now_ns(loop) + FAR_NS), 0);
	turn(loop);
	assert_int_equal(a.calls + b.calls, 0);
	assert_int_equal(loop_timer_set(loop, &b.timer, 5), 0);
	turn(loop);
	assert_int_equal(a.calls, 0);
	assert_int_equal(b.calls, 1);
	assert_true(loop_timer_is_armed(&a.timer));
	loop_free(loop);
	assert_false(loop_timer_is_armed(&a.timer));
}

static void cancelling_twice_does_nothing(void **state)
{
	struct loop *loop = loop_open();
	struct alarm alarm;
	int order = 0;

	(void)state;
	alarm_init(&alarm, loop, &order);
	loop_timer_cancel(&alarm.timer);
	assert_int_equal(loop_timer_set(loop, &alarm.timer, 1), 0);
	loop_timer_cancel(&alarm.timer);
	loop_timer_cancel(&alarm.timer);
	turn(loop);
	assert_int_equal(alarm.calls, 0);
	loop_free(loop);
}

static void cancel_other(struct alarm *alarm)
{
	loop_timer_cancel(&alarm->other->timer);
}

static void a_cancelled_timer_does_not_fire_though_due(void **state)
{
	struct loop *loop = loop_open();
	struct alarm a;
	struct alarm b;
	int order = 0;

	(void)state;
	alarm_init(&a, loop, &order);
	alarm_init(&b, loop, &order);
	a.act = cancel_other;
	a.other = &b;
	assert_int_equal(loop_timer_set(loop, &b.timer, 2), 0);
	assert_int_equal(loop_timer_set(loop, &a.timer, 1), 0);
	turn(loop);
	assert_int_equal(a.calls, 1);
	assert_int_equal(b.calls, 0);
	loop_free(loop);
}

static void free_self(struct alarm *alarm)
{
	free(alarm);
}

static void a_timer_may_free_itself(void **state)
{
	struct loop *loop = loop_open();
	struct alarm *alarm = malloc(sizeof(*alarm));
	int order = 0;

	(void)state;
	assert_non_null(alarm);
	alarm_init(alarm, loop, &order);
	alarm->act = free_self;
	assert_int_equal(loop_timer_set(loop, &alarm->timer, 1), 0);
	turn(loop);
	assert_int_equal(order, 1);
	turn(loop);
	loop_free(loop);
}

static void arm_again_for_the_past(struct alarm *alarm)
{
	if (loop_timer_set(alarm->loop, &alarm->timer, 0) != 0)
		abort();
}

/* Nor does it keep others from firing, though its deadline is the earliest each time. */
static void a_timer_armed_for_the_past_does_not_hold_up_the_turn(void **state)
{
	struct loop *loop = loop_open();
	struct alarm greedy;
	struct alarm other;
	int order = 0;

	(void)state;
	alarm_init(&greedy, loop, &order);
	alarm_init(&other, loop, &order);
	greedy.act = arm_again_for_the_past;
	assert_int_equal(loop_timer_set(loop, &greedy.timer, 0), 0);
	assert_int_equal(loop_timer_set(loop, &other.timer, 1), 0);
	turn(loop);
	assert_int_equal(greedy.calls, 1);
	assert_int_equal(other.calls, 1);
	turn(loop);
	assert_int_equal(greedy.calls, 2);
	loop_free(loop);
}

static void thousands_fire_in_order_after_moves_and_cancels(void **state)
{
	static struct alarm alarms[MANY];
	struct loop *loop = loop_open();
	uint64_t last = 0;
	int order = 0;
	int fired = 0;
	static struct alarm *by_order[MANY];

	(void)state;
	srandom(11);
	for (size_t i = 0; i < MANY; i++) {
		alarm_init(&alarms[i], loop, &order);
		assert_int_equal(loop_timer_set(loop, &alarms[i].timer,
						(uint64_t)random() % 100000),
				 0);
	}
	for (size_t i = 0; i < MANY; i++) {
		if (i % 3 == 0)
			loop_timer_cancel(&alarms[i].timer);
		else if (i % 3 == 1)
			assert_int_equal(loop_timer_set(loop, &alarms[i].timer,
							(uint64_t)random() % 100000),
					 0);
	}
	turn(loop);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(alarms[i].calls, i % 3 != 0);
		if (alarms[i].calls) {
			by_order[alarms[i].number] = &alarms[i];
			fired++;
		}
	}
	assert_int_equal(order, fired);
	for (int i = 0; i < fired; i++) {
		assert_true(by_order[i]->timer.deadline_ns >= last);
		last = by_order[i]->timer.deadline_ns;
	}
	loop_free(loop);
}

static struct watch ready_watch;
static int watch_saw_order = -1;

static void watch_ready(struct watch *watch, short revents)
{
	(void)revents;
	watch_saw_order = *(int *)watch->data;
}

static void remove_ready_watch(struct alarm *alarm)
{
	(void)alarm;
	loop_remove(&ready_watch);
}

static void timers_come_before_descriptors_and_may_remove_them(void **state)
{
	struct loop *loop = loop_open();
	struct alarm alarm;
	int order = 0;

	(void)state;
	ready_watch = (struct watch){ .fd = eventfd(1, EFD_CLOEXEC),
				      .events = POLLIN,
				      .ready = watch_ready,
				      .data = &order };
	watch_saw_order = -1;
	assert_int_equal(loop_add(loop, &ready_watch), 0);
	alarm_init(&alarm, loop, &order);
	assert_int_equal(loop_timer_set(loop, &alarm.timer, 1), 0);
	turn(loop);
	assert_int_equal(watch_saw_order, 1);
	watch_saw_order = -1;
	alarm.act = remove_ready_watch;
	assert_int_equal(loop_timer_set(loop, &alarm.timer, 1), 0);
	turn(loop);
	assert_int_equal(watch_saw_order, -1);
	close(ready_watch.fd);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_by_deadline_then_by_order_of_arming),
		cmocka_unit_test(waits_as_long_as_the_deadline_and_not_longer),
		cmocka_unit_test(the_shorter_of_deadline_and_time_out_counts),
		cmocka_unit_test(moves_a_timer_both_ways),
		cmocka_unit_test(cancelling_twice_does_nothing),
		cmocka_unit_test(a_cancelled_timer_does_not_fire_though_due),
		cmocka_unit_test(a_timer_may_free_itself),
		cmocka_unit_test(a_timer_armed_for_the_past_does_not_hold_up_the_turn),
		cmocka_unit_test(thousands_fire_in_order_after_moves_and_cancels),
		cmocka_unit_test(timers_come_before_descriptors_and_may_remove_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
