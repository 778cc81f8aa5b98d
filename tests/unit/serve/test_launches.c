/* SPDX-License-Identifier: ISC */
/* When starts under way are looked at, with real ones on a real loop. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "held_program.h"
#include "usherd/base/clock.h"
#include "usherd/serve/launches.h"

#define PATIENCE_NS (20 * CLOCK_NS_PER_SECOND)

struct fixture {
	struct loop *loop;
	struct spawner *spawner;
	struct launches launches;
};

struct start {
	struct launch launch;
	struct launches *launches;
	struct start *successor; /* begun when this one is settled */
	struct fixture *fixture;
	const char *path;
	unsigned settled;
	int code;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (fixture == NULL || loop_new(&fixture->loop, NULL) != 0 ||
	    spawner_new(&fixture->spawner, NULL) != 0)
		return -1;
	launches_init(&fixture->launches, fixture->loop);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	launches_done(&fixture->launches);
	spawner_free(fixture->spawner);
	loop_free(fixture->loop);
	free(fixture);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return 0;
}

static void begin(struct fixture *fixture, struct start *start, const char *path);

static void settled(struct launch *launch, const struct error *failure)
{
	struct start *start = launch->data;

	start->settled++;
	start->code = failure == NULL ? 0 : failure->code;
	if (start->successor != NULL)
		begin(start->fixture, start->successor, start->successor->path);
}

static void begin(struct fixture *fixture, struct start *start, const char *path)
{
	struct invocation invocation = { .fd = STDERR_FILENO, .stderr_fd = -1 };
	struct service *service = service_new();
	struct plan *plan;
	struct environment *environment;
	char *none = NULL;

	assert_non_null(service);
	service->program.path = strdup(path);
	assert_int_equal(environment_new(&none, &environment), 0);
	assert_int_equal(plan_new(service, environment, TECHNIQUE_SHARED, &plan, NULL),
			 0);
	environment_unref(environment);
	service_unref(service);
	assert_int_equal(spawn_begin(fixture->spawner, plan, &invocation,
				     &start->launch.attempt, NULL),
			 0);
	plan_unref(plan);
	start->fixture = fixture;
	start->code = 1;
	start->launch.settled = settled;
	start->launch.data = start;
	launches_add(&fixture->launches, &start->launch);
	assert_true(start->launch.under_way);
}

/* The loop turns by itself: nothing but the timer wakes it. */
static void turn_until(struct fixture *fixture, const struct start *start)
{
	uint64_t end_ns = clock_monotonic_ns() + PATIENCE_NS;

	while (start->settled == 0) {
		assert_true(loop_turn(fixture->loop, -1) >= 0);
		assert_true(clock_monotonic_ns() < end_ns);
	}
}

static void settles_by_a_timer_that_is_armed_meanwhile(void **state)
{
	struct fixture *fixture = *state;
	struct start good = { .settled = 0 };
	struct start bad = { .settled = 0 };

	assert_false(loop_timer_is_armed(&fixture->launches.timer));
	begin(fixture, &good, "/bin/true");
	begin(fixture, &bad, "/nonexistent/program");
	assert_true(loop_timer_is_armed(&fixture->launches.timer));
	assert_true(fixture->launches.timer.deadline_ns <=
		    loop_now_ns(fixture->loop) + CLOCK_NS_PER_MS);
	turn_until(fixture, &good);
	turn_until(fixture, &bad);
	assert_int_equal(good.code, 0);
	assert_int_equal(bad.code, -ENOENT);
	assert_int_equal(good.settled, 1);
	assert_int_equal(bad.settled, 1);
	assert_false(good.launch.under_way);
	assert_null(fixture->launches.first);
	assert_false(loop_timer_is_armed(&fixture->launches.timer));
}

static void looks_less_often_at_what_takes_long(void **state)
{
	struct fixture *fixture = *state;
	struct start slow = { .settled = 0 };
	struct held_program held;
	unsigned turns = 0;

	held_program_make(&held, "#!/bin/sh\n");
	begin(fixture, &slow, held.path);
	while (clock_monotonic_ns() - slow.launch.attempt.began_ns <
	       400 * CLOCK_NS_PER_MS) {
		assert_true(loop_turn(fixture->loop, -1) >= 0);
		turns++;
	}
	/* Each millisecond would be 400; a sixteenth of the age is some 60. */
	assert_true(turns < 150);
	held_program_let_go(&held);
	turn_until(fixture, &slow);
	assert_int_equal(slow.code, 0);
	held_program_done(&held);
}

static void settles_what_can_be_and_leaves_the_rest(void **state)
{
	struct fixture *fixture = *state;
	struct start slow = { .settled = 0 };
	struct start quick = { .settled = 0 };
	struct held_program held;

	held_program_make(&held, "#!/bin/sh\n");
	begin(fixture, &slow, held.path);
	begin(fixture, &quick, "/bin/true");
	turn_until(fixture, &quick);
	assert_int_equal(slow.settled, 0);
	assert_true(slow.launch.under_way);
	assert_true(loop_timer_is_armed(&fixture->launches.timer));
	held_program_let_go(&held);
	turn_until(fixture, &slow);
	held_program_done(&held);
}

static void lets_one_that_is_settled_begin_another(void **state)
{
	struct fixture *fixture = *state;
	struct start last = { .path = "/bin/true" };
	struct start middle = { .successor = &last, .path = "/nonexistent" };
	struct start first = { .successor = &middle };

	begin(fixture, &first, "/bin/true");
	turn_until(fixture, &last);
	assert_int_equal(first.settled, 1);
	assert_int_equal(middle.settled, 1);
	assert_int_equal(last.settled, 1);
	assert_int_equal(middle.code, -ENOENT);
	assert_false(loop_timer_is_armed(&fixture->launches.timer));
}

static void takes_the_word_of_who_has_reaped(void **state)
{
	struct fixture *fixture = *state;
	struct start good = { .settled = 0 };
	struct start bad = { .settled = 0 };
	struct error err = { 0 };
	int status;

	begin(fixture, &good, "/bin/true");
	begin(fixture, &bad, "/nonexistent/program");
	assert_int_equal(waitpid(good.launch.attempt.pid, &status, 0),
			 good.launch.attempt.pid);
	assert_int_equal(launches_reaped(&fixture->launches, &good.launch, status, &err),
			 0);
	assert_int_equal(waitpid(bad.launch.attempt.pid, &status, 0),
			 bad.launch.attempt.pid);
	assert_int_equal(launches_reaped(&fixture->launches, &bad.launch, status, &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, "step exec: "));
	/* Once is enough, and the caller knows. */
	assert_int_equal(launches_reaped(&fixture->launches, &bad.launch, status, &err),
			 0);
	launches_look(&fixture->launches);
	assert_int_equal(good.settled, 0);
	assert_int_equal(bad.settled, 0);
	assert_false(loop_timer_is_armed(&fixture->launches.timer));
}

static void abandons_what_is_under_way_in_the_end(void **state)
{
	struct fixture *fixture = *state;
	struct start slow = { .settled = 0 };
	struct start quick = { .settled = 0 };
	struct held_program held;

	held_program_make(&held, "#!/bin/sh\n");
	begin(fixture, &slow, held.path);
	begin(fixture, &quick, "/bin/true");
	assert_int_equal(waitid(P_PID, (id_t)quick.launch.attempt.pid, &(siginfo_t){ 0 },
				WEXITED | WNOWAIT),
			 0);
	launches_done(&fixture->launches);
	assert_int_equal(quick.settled, 1);
	assert_int_equal(slow.settled, 0);
	assert_false(slow.launch.under_way);
	assert_null(fixture->launches.first);
	held_program_let_go(&held);
	spawner_drain(fixture->spawner, 10000);
	held_program_done(&held);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(settles_by_a_timer_that_is_armed_meanwhile),
		CASE(looks_less_often_at_what_takes_long),
		CASE(settles_what_can_be_and_leaves_the_rest),
		CASE(lets_one_that_is_settled_begin_another),
		CASE(takes_the_word_of_who_has_reaped),
		CASE(abandons_what_is_under_way_in_the_end),
	};

	return cmocka_run_group_tests_name("launches", tests, NULL, NULL);
}
