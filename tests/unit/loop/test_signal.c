/* SPDX-License-Identifier: ISC */
/* Signals as callbacks: delivered, first in the turn, while waiting, and only once set
 * up. */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "usherd/base/clock.h"
#include "usherd/loop/loop.h"

struct record {
	struct loop *loop;
	unsigned count[NSIG];
	int last;
	int order;
	int first_signal; /* order numbers */
	int timer;
	int watch;
};

static void arrived(int signo, void *data)
{
	struct record *record = data;

	record->count[signo]++;
	record->last = signo;
	if (record->first_signal == 0)
		record->first_signal = ++record->order;
	if (signo == SIGTERM)
		loop_stop(record->loop);
}

static void on_timer(struct timer *timer)
{
	struct record *record = timer->data;

	record->timer = ++record->order;
}

static void on_watch(struct watch *watch, short revents)
{
	struct record *record = watch->data;

	(void)revents;
	record->watch = ++record->order;
}

static void open_record(struct record *record)
{
	sigset_t set;

	*record = (struct record){ 0 };
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGALRM);
	sigaddset(&set, SIGRTMIN);
	assert_int_equal(loop_new(&record->loop, NULL), 0);
	assert_int_equal(loop_signals(record->loop, &set, arrived, record, NULL), 0);
}

static void delivers_each_signal_by_number(void **state)
{
	struct record record;

	(void)state;
	open_record(&record);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(raise(SIGUSR2), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_turn(record.loop, 0), 0);
	assert_int_equal(record.count[SIGUSR1], 1);
	assert_int_equal(record.count[SIGUSR2], 1);
	assert_int_equal(loop_turn(record.loop, 0), 0);
	assert_int_equal(record.count[SIGUSR1], 1);
	loop_free(record.loop);
}

static void signals_then_timers_then_descriptors(void **state)
{
	struct timer timer = { .fired = on_timer };
	struct watch watch = { .events = POLLIN, .ready = on_watch };
	struct record record;

	(void)state;
	open_record(&record);
	timer.data = watch.data = &record;
	watch.fd = eventfd(1, EFD_CLOEXEC);
	assert_int_equal(loop_add(record.loop, &watch), 0);
	assert_int_equal(loop_timer_set(record.loop, &timer, 1), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_turn(record.loop, 0), 0);
	assert_int_equal(record.first_signal, 1);
	assert_int_equal(record.timer, 2);
	assert_int_equal(record.watch, 3);
	loop_remove(&watch);
	close(watch.fd);
	loop_free(record.loop);
}

static void wakes_a_waiting_loop_also_when_nested(void **state)
{
	struct itimerval soon = { .it_value.tv_usec = 1000 };
	struct watch watches[LOOP_POLL_MAX + 1];
	struct record record;

	(void)state;
	open_record(&record);
	for (size_t i = 0; i <= LOOP_POLL_MAX; i++) {
		watches[i] = (struct watch){ .fd = eventfd(0, EFD_CLOEXEC),
					     .events = POLLIN,
					     .ready = on_watch,
					     .data = &record };
		assert_int_equal(loop_add(record.loop, &watches[i]), 0);
	}
	assert_true(loop_is_nested(record.loop));
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(loop_turn(record.loop, -1), 0);
	assert_int_equal(record.last, SIGALRM);
	assert_int_equal(record.watch, 0);
	for (size_t i = 0; i <= LOOP_POLL_MAX; i++)
		close(watches[i].fd);
	loop_free(record.loop);
}

static void resting_ones_wait_for_a_turn_of_something_else(void **state)
{
	const uint64_t hour_ns = 3600 * CLOCK_NS_PER_SECOND;
	struct record record;
	uint64_t start;

	(void)state;
	open_record(&record);
	start = clock_monotonic_ns();
	assert_int_equal(loop_rest_signals(record.loop, start + hour_ns), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_turn(record.loop, 20), 0);
	assert_true(clock_monotonic_ns() - start >= 20 * CLOCK_NS_PER_MS);
	assert_int_equal(record.count[SIGUSR1], 1);
	assert_int_equal(loop_turn(record.loop, 0), 0);
	assert_int_equal(record.count[SIGUSR1], 1);
	loop_free(record.loop);
}

static void they_wake_again_after_the_rest(void **state)
{
	struct record record;

	(void)state;
	open_record(&record);
	assert_int_equal(loop_rest_signals(record.loop, loop_now_ns(record.loop) + 1), 0);
	assert_int_equal(loop_turn(record.loop, -1), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_turn(record.loop, -1), 0);
	assert_int_equal(record.count[SIGUSR1], 1);
	loop_free(record.loop);
}

static void a_signal_may_stop_the_loop(void **state)
{
	struct record record;

	(void)state;
	open_record(&record);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(loop_run(record.loop), 0);
	assert_int_equal(record.count[SIGTERM], 1);
	loop_free(record.loop);
}

static void many_queued_signals_are_spread_over_turns(void **state)
{
	struct record record;

	(void)state;
	open_record(&record);
	for (int i = 0; i < 100; i++)
		assert_int_equal(raise(SIGRTMIN), 0);
	assert_int_equal(loop_turn(record.loop, 0), 0);
	assert_in_range(record.count[SIGRTMIN], 1, 99);
	for (int i = 0; i < 100; i++)
		assert_int_equal(loop_turn(record.loop, 0), 0);
	assert_int_equal(record.count[SIGRTMIN], 100);
	loop_free(record.loop);
}

static void ignore_it(int signo)
{
	(void)signo;
}

/* A signal that is not the loop's interrupts poll(2): the turn ends empty. */
static void survives_an_interrupted_wait(void **state)
{
	struct sigaction action = { .sa_handler = ignore_it };
	struct itimerval soon = { .it_value.tv_usec = 1000 };
	struct itimerval never = { 0 };
	struct watch watch = { .events = POLLIN, .ready = on_watch };
	struct record record = { 0 };
	uint64_t start = clock_monotonic_ns();
	sigset_t alarm_only;

	(void)state;
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	assert_int_equal(sigprocmask(SIG_UNBLOCK, &alarm_only, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(loop_new(&record.loop, NULL), 0);
	watch.fd = eventfd(0, EFD_CLOEXEC);
	watch.data = &record;
	assert_int_equal(loop_add(record.loop, &watch), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(loop_turn(record.loop, 10000), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_true(clock_monotonic_ns() - start < 5 * CLOCK_NS_PER_SECOND);
	assert_int_equal(record.watch, 0);
	loop_remove(&watch);
	close(watch.fd);
	loop_free(record.loop);
}

static void refuses_to_be_set_up_twice(void **state)
{
	struct error err = { 0 };
	struct record record;
	sigset_t set;

	(void)state;
	open_record(&record);
	sigemptyset(&set);
	assert_int_equal(loop_signals(record.loop, &set, arrived, &record, &err),
			 -EEXIST);
	assert_int_equal(err.code, -EEXIST);
	loop_free(record.loop);
}

static void says_when_no_descriptor_is_left(void **state)
{
	struct error err = { 0 };
	struct rlimit saved;
	struct rlimit none;
	struct loop *loop;
	sigset_t set;
	int result;

	(void)state;
	sigemptyset(&set);
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	none = saved;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	result = loop_signals(loop, &set, arrived, NULL, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
	assert_int_equal(result, -EMFILE);
	assert_int_equal(err.code, -EMFILE);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivers_each_signal_by_number),
		cmocka_unit_test(signals_then_timers_then_descriptors),
		cmocka_unit_test(wakes_a_waiting_loop_also_when_nested),
		cmocka_unit_test(a_signal_may_stop_the_loop),
		cmocka_unit_test(resting_ones_wait_for_a_turn_of_something_else),
		cmocka_unit_test(they_wake_again_after_the_rest),
		cmocka_unit_test(many_queued_signals_are_spread_over_turns),
		cmocka_unit_test(survives_an_interrupted_wait),
		cmocka_unit_test(refuses_to_be_set_up_twice),
		cmocka_unit_test(says_when_no_descriptor_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
