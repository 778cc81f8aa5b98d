/* SPDX-License-Identifier: ISC */
/* Many starts under way at the same time: each has its own environment and its own end,
 * whatever happens to the others, to the plan, or to who began them. */
#include "test.h"

#include "held_program.h"
#include "launch.h"
#include "usherd/base/clock.h"

#define OTHER_UID 54321
#define OTHER_GID 54322

/* Half of the slots: what one plan may have. */
#define MANY 32

static void name_client(struct launch *launch, struct addr *peer, unsigned number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "192.0.2.%u", number);
	assert_int_equal(addr_parse_ip(text, (uint16_t)(1000 + number), peer, NULL), 0);
	launch->invocation.peer = peer;
}

static void begin_with(struct launch *launch, struct plan *plan)
{
	assert_int_equal(spawn_begin(launch->pad.spawner, plan, &launch->invocation,
				     &launch->attempt, &launch->err),
			 0);
}

static void assert_runs(struct launch *launch)
{
	if (launch_settle(launch) != SPAWN_RUNS)
		fail_msg("%s", launch->err.text);
	launch->pid = launch->attempt.pid;
	assert_exit(launch_finish(launch), 0);
}

/* All of them read their arguments and environment when all have begun. */
static void gives_each_child_the_environment_of_its_own_client(void **state)
{
	struct launch launches[MANY];
	struct addr peers[MANY];
	struct held_program held;
	struct plan *plan;

	held_program_make(&held, "#!/bin/sh\necho $REMOTE_ADDR $REMOTE_PORT $OWN\n");
	for (unsigned i = 0; i < MANY; i++) {
		launch_init(&launches[i], state, held.path);
		name_client(&launches[i], &peers[i], i);
	}
	assert_int_equal(launch_plan(&launches[0], &plan), 0);
	for (unsigned i = 0; i < MANY; i++) {
		begin_with(&launches[i], plan);
		/* It is not needed any more. */
		peers[i].length = 0;
	}
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(spawn_look(&launches[i].attempt, NULL), SPAWN_UNDER_WAY);
	held_program_let_go(&held);
	for (unsigned i = 0; i < MANY; i++) {
		char expected[64];

		assert_runs(&launches[i]);
		(void)snprintf(expected, sizeof(expected), "192.0.2.%u %u daemon\n", i,
			       1000 + i);
		assert_string_equal(launches[i].output, expected);
	}
	for (unsigned i = 0; i < MANY; i++)
		launch_done(&launches[i]);
	plan_unref(plan);
	held_program_done(&held);
}

/* Every other one fails, in another step each time; who succeeds has nothing of that. */
static void tells_ends_apart_when_some_fail(void **state)
{
	static const char *const failures[] = { "step directory: ", "step chroot: ",
						"step exec: ", "step descriptors: " };
	struct launch launches[MANY];

	if (geteuid() != 0)
		skip();
	for (unsigned i = 0; i < MANY; i++) {
		struct launch *launch = &launches[i];
		unsigned kind = i / 2 % 4;

		launch_shell(launch, state, "echo fine");
		launch_as(launch, OTHER_UID, OTHER_GID, NULL, 0);
		if (i % 2 == 1 && kind == 0)
			launch->program->directory = strdup("/nonexistent");
		else if (i % 2 == 1 && kind == 1)
			launch->program->chroot = strdup("/nonexistent");
		else if (i % 2 == 1 && kind == 2)
			launch->program->path[1] = '-';
		else if (i % 2 == 1)
			launch->invocation.fd = -1;
		assert_int_equal(launch_begin(launch), 0);
	}
	for (unsigned i = 0; i < MANY; i++) {
		struct launch *launch = &launches[i];

		if (i % 2 == 0) {
			assert_runs(launch);
			assert_string_equal(launch->output, "fine\n");
			continue;
		}
		assert_int_equal(launch_settle(launch), SPAWN_FAILED);
		assert_non_null(strstr(launch->err.text, failures[i / 2 % 4]));
		assert_int_equal(waitpid(launch->attempt.pid, NULL, 0),
				 launch->attempt.pid);
	}
	for (unsigned i = 0; i < MANY; i++)
		launch_done(&launches[i]);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* As a reload does: nobody but the start has the plan or its service any more. */
static void goes_on_when_plan_and_service_are_given_up(void **state)
{
	struct held_program held;
	struct launch launch;

	held_program_make(&held, "#!/bin/sh\necho \"$1\" $OWN\n");
	launch_init(&launch, state, held.path);
	launch_add(&launch, "an argument");
	assert_int_equal(launch_begin(&launch), 0);
	service_unref(launch.service);
	launch.service = NULL;
	held_program_let_go(&held);
	assert_runs(&launch);
	assert_string_equal(launch.output, "an argument daemon\n");
	launch_done(&launch);
	held_program_done(&held);
}

/* The environments take turns in one slot, the larger one last. */
static void starts_with_a_huge_environment(void **state)
{
	struct launch small;
	struct launch large;

	launch_shell(&small, state, "echo $MINE");
	assert_output(&small, "\n");
	launch_shell(&large, state, "echo $V7 $V3999 $MINE");
	for (int i = 0; i < 4000; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "V%d=%d", i, i * 2);
		assert_int_equal(strings_add(&large.program->env, text), 0);
	}
	assert_output(&large, "14 7998\n");
}

/* Children that share our memory have no errno of their own, and must not use ours. */
static void keeps_errno_while_children_fail(void **state)
{
	struct launch launch;

	for (int i = 0; i < 50; i++) {
		launch_init(&launch, state, "/bin/missing");
		assert_int_equal(launch_begin(&launch), 0);
		errno = ENOTTY;
		while (waitid(P_PID, (id_t)launch.attempt.pid, &(siginfo_t){ 0 },
			      WEXITED | WNOWAIT) == -1)
			assert_int_equal(errno, EINTR);
		assert_int_equal(errno, ENOTTY);
		assert_int_equal(spawn_look(&launch.attempt, &launch.err), SPAWN_FAILED);
		assert_int_equal(waitpid(launch.attempt.pid, NULL, 0),
				 launch.attempt.pid);
		launch_done(&launch);
	}
}

/* Here it can be seen that spawn_begin() waits for nobody. */
static void begins_at_once_and_tells_the_end_later(void **state)
{
	struct held_program held;
	struct launch launch;
	struct error err = { 0 };

	held_program_make(&held, "#!/bin/sh\nexit 0\n");
	launch_init(&launch, state, held.path);
	assert_int_equal(launch_begin(&launch), 0);
	assert_true(launch.attempt.pid > 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(spawn_look(&launch.attempt, &err), SPAWN_UNDER_WAY);
	held_program_let_go(&held);
	assert_runs(&launch);
	assert_int_equal(err.code, 0);
	launch_done(&launch);
	held_program_done(&held);
}

/* Its end can be known from its reaper before anybody has looked, and again of one that
 * was looked at in vain. */
static void believes_who_has_reaped_the_child(void **state)
{
	struct launch launch;
	int status;

	launch_shell(&launch, state, "exit 3");
	assert_int_equal(launch_begin(&launch), 0);
	assert_int_equal(waitpid(launch.attempt.pid, &status, 0), launch.attempt.pid);
	assert_int_equal(spawn_reaped(&launch.attempt, status, NULL), SPAWN_RUNS);
	assert_exit(status, 3);
	launch_done(&launch);
	launch_init(&launch, state, "/bin/missing");
	assert_int_equal(launch_begin(&launch), 0);
	assert_int_equal(waitpid(launch.attempt.pid, &status, 0), launch.attempt.pid);
	assert_int_equal(spawn_reaped(&launch.attempt, status, &launch.err),
			 SPAWN_FAILED);
	assert_int_equal(launch.err.code, -ENOENT);
	launch_done(&launch);
}

/* One after the other is given up; the starts go on, their slots come back. */
static void can_be_abandoned_at_any_time(void **state)
{
	struct held_program held;

	held_program_make(&held, "#!/bin/sh\nexit 0\n");
	for (int round = 0; round < 3; round++) {
		struct launch launches[MANY];

		for (int i = 0; i < MANY; i++) {
			launch_init(&launches[i], state, held.path);
			assert_int_equal(launch_begin(&launches[i]), 0);
			spawn_abandon(&launches[i].attempt);
			spawn_abandon(&launches[i].attempt);
			launch_done(&launches[i]);
		}
		if (round == 0)
			held_program_let_go(&held);
		for (int i = 0; i < MANY; i++) {
			int status;

			assert_true(waitpid(-1, &status, 0) > 0);
			assert_exit(status, 0);
		}
	}
	held_program_done(&held);
}

static void frees_a_spawner_with_starts_under_way(void **state)
{
	struct held_program held;
	struct launch launch;
	void *own = NULL;
	int status;

	held_program_make(&held, "#!/bin/sh\necho \"$0\" $OWN\n");
	assert_int_equal(set_up(&own, ((struct pad *)*state)->technique), 0);
	launch_init(&launch, &own, held.path);
	assert_int_equal(launch_begin(&launch), 0);
	spawner_drain(launch.pad.spawner, 1);
	spawn_abandon(&launch.attempt);
	assert_int_equal(tear_down(&own), 0);
	held_program_let_go(&held);
	assert_int_equal(waitpid(launch.attempt.pid, &status, 0), launch.attempt.pid);
	assert_exit(status, 0);
	launch_done(&launch);
	held_program_done(&held);
	(void)signal(SIGXFSZ, SIG_IGN);
}

/* Ids of services one after the other and at the same time: ours stay what they are, and
 * nobody of theirs may look into our memory meanwhile. */
static void is_never_open_to_others_while_children_change_ids(void **state)
{
	struct launch launches[MANY];

	if (geteuid() != 0 || !pad_shares(state))
		skip();
	for (int round = 0; round < 10; round++) {
		for (unsigned i = 0; i < MANY; i++) {
			launch_init(&launches[i], state, "/bin/true");
			launch_as(&launches[i], OTHER_UID + i % 3, OTHER_GID, NULL, 0);
			assert_int_equal(launch_begin(&launches[i]), 0);
			assert_int_not_equal(prctl(PR_GET_DUMPABLE), 1);
		}
		for (unsigned i = 0; i < MANY; i++) {
			assert_runs(&launches[i]);
			assert_int_not_equal(prctl(PR_GET_DUMPABLE), 1);
			launch_done(&launches[i]);
		}
	}
	assert_int_equal(geteuid(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_child_the_environment_of_its_own_client),
		cmocka_unit_test(tells_ends_apart_when_some_fail),
		cmocka_unit_test(goes_on_when_plan_and_service_are_given_up),
		cmocka_unit_test(starts_with_a_huge_environment),
		cmocka_unit_test(keeps_errno_while_children_fail),
		cmocka_unit_test(begins_at_once_and_tells_the_end_later),
		cmocka_unit_test(believes_who_has_reaped_the_child),
		cmocka_unit_test(can_be_abandoned_at_any_time),
		cmocka_unit_test(frees_a_spawner_with_starts_under_way),
		cmocka_unit_test(is_never_open_to_others_while_children_change_ids),
	};
	int failed =
		cmocka_run_group_tests_name("shared", tests, set_up_shared, tear_down);

	return failed +
	       cmocka_run_group_tests_name("forking", tests, set_up_forking, tear_down);
}
