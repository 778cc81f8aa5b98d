/* SPDX-License-Identifier: ISC */
/* A loop that keeps the time itself: every deadline on time, and no wake-up in circles.
 */
#include "test.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../../src/loop/loop_internal.h"
#include "usherd/base/clock.h"

struct alarm {
	struct timer timer;
	unsigned calls;
};

static void alarm_fired(struct timer *timer)
{
	struct alarm *alarm = timer->data;

	alarm->calls++;
}

static void alarm_set(struct alarm *alarm, struct loop *loop, uint64_t deadline_ns)
{
	*alarm = (struct alarm){ .timer = { .fired = alarm_fired, .data = alarm } };
	assert_int_equal(loop_timer_set(loop, &alarm->timer, deadline_ns), 0);
}

static struct loop *loop_open(void)
{
	struct loop *loop;

	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(loop_keep_time(loop), 0);
	assert_int_equal(loop_keep_time(loop), 0);
	return loop;
}

/* One turn may go to a bell that was set before. */
static void expect(struct loop *loop, const struct alarm *alarm)
{
	assert_int_equal(loop_turn(loop, -1), 0);
	if (alarm->calls == 0)
		assert_int_equal(loop_turn(loop, -1), 0);
	assert_int_equal(alarm->calls, 1);
	assert_true(loop_now_ns(loop) >= alarm->timer.deadline_ns);
}

static void rings_for_each_deadline(void **state)
{
	static const uint64_t parts_ms[] = { 5, 0, 10, 2 };
	struct loop *loop = loop_open();

	(void)state;
	for (size_t i = 0; i < sizeof(parts_ms) / sizeof(parts_ms[0]); i++) {
		uint64_t now_ns = clock_monotonic_ns();
		struct alarm alarm;

		alarm_set(&alarm, loop, now_ns + parts_ms[i] * CLOCK_NS_PER_MS);
		expect(loop, &alarm);
	}
	loop_free(loop);
}

static void rings_for_what_has_become_due_earlier(void **state)
{
	static const uint64_t deadlines_ns[] = { 1, 0 };
	struct loop *loop = loop_open();
	struct alarm late;

	(void)state;
	alarm_set(&late, loop, UINT64_MAX - 1);
	for (size_t i = 0; i < 2; i++) {
		struct alarm early;

		alarm_set(&early, loop, deadlines_ns[i]);
		expect(loop, &early);
	}
	assert_int_equal(late.calls, 0);
	loop_free(loop);
}

static void nothing_is_called_for_a_timer_that_is_gone(void **state)
{
	struct loop *loop = loop_open();
	uint64_t now_ns = clock_monotonic_ns();
	struct alarm gone;
	struct alarm alarm;

	(void)state;
	alarm_set(&alarm, loop, now_ns + 10 * CLOCK_NS_PER_MS);
	alarm_set(&gone, loop, 1);
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(gone.calls, 1);
	alarm_set(&gone, loop, now_ns + 5 * CLOCK_NS_PER_MS);
	loop_timer_cancel(&gone.timer);
	expect(loop, &alarm);
	assert_int_equal(gone.calls, 0);
	loop_free(loop);
}

static bool is_readable(const struct bell *bell, int timeout_ms)
{
	struct pollfd entry = { .fd = bell->fd, .events = POLLIN };

	return poll(&entry, 1, timeout_ms) == 1;
}

static void is_set_only_when_it_must_be(void **state)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t far_ns = now_ns + 3600 * CLOCK_NS_PER_SECOND;
	struct bell bell;

	(void)state;
	assert_int_equal(bell_open(&bell), 0);
	assert_true(bell_covers(&bell, BELL_SILENT));
	assert_true(bell_covers(&bell, far_ns));
	assert_int_equal(bell.at_ns, far_ns);
	assert_true(bell_covers(&bell, far_ns + 1));
	assert_true(bell_covers(&bell, BELL_SILENT));
	assert_int_equal(bell.at_ns, far_ns);
	assert_false(is_readable(&bell, 0));
	assert_true(bell_covers(&bell, now_ns));
	assert_int_equal(bell.at_ns, now_ns);
	assert_true(is_readable(&bell, -1));
	bell_close(&bell);
}

static void is_silent_after_it_has_rung(void **state)
{
	static const uint64_t next_ns[] = { BELL_SILENT, UINT64_MAX - 1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bell bell;

		assert_int_equal(bell_open(&bell), 0);
		assert_true(bell_covers(&bell, 0));
		assert_true(is_readable(&bell, -1));
		bell_has_rung(&bell);
		assert_true(bell_covers(&bell, next_ns[i]));
		assert_int_equal(bell.at_ns, next_ns[i]);
		assert_false(is_readable(&bell, 0));
		bell_close(&bell);
	}
}

/* Then a time-out of poll(2) does it. */
static void a_bell_that_cannot_be_set_is_not_relied_on(void **state)
{
	struct bell bell = { .fd = eventfd(0, EFD_CLOEXEC), .at_ns = BELL_SILENT };

	(void)state;
	assert_false(bell_covers(&bell, clock_monotonic_ns()));
	assert_int_equal(bell.at_ns, BELL_SILENT);
	bell_close(&bell);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rings_for_each_deadline),
		cmocka_unit_test(rings_for_what_has_become_due_earlier),
		cmocka_unit_test(nothing_is_called_for_a_timer_that_is_gone),
		cmocka_unit_test(is_set_only_when_it_must_be),
		cmocka_unit_test(is_silent_after_it_has_rung),
		cmocka_unit_test(a_bell_that_cannot_be_set_is_not_relied_on),
	};

	return cmocka_run_group_tests_name("loop/bell", tests, NULL, NULL);
}
