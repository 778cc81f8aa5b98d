/* SPDX-License-Identifier: ISC */
/* The books of one client: places, references, events. */
#include "duty_bench.h"
#include "held_program.h"
#include "usherd/serve/serving.h"

static unsigned ends;
static int last_status;

static void note_end(struct child *child, int wait_status, uint64_t now_ns)
{
	ends++;
	last_status = wait_status;
	serving_end((struct serving *)child, wait_status, now_ns);
}

static struct addr peer_of(const char *text)
{
	return bench_addr(text, 4000);
}

/* Start the post's program on one end of a pair of sockets; the other end is closed. */
static int spawn(struct serving *serving)
{
	struct invocation invocation = { .fd = -1,
					 .stderr_fd = -1,
					 .transport = TRANSPORT_TCP,
					 .peer = &serving->peer };
	int pair[2];
	int r;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	invocation.fd = pair[0];
	r = serving_spawn(serving, &invocation, note_end);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return r;
}

static void takes_a_place_and_gives_it_back(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, bench_shell("program", "exit 0"));
	struct addr peer = peer_of("192.0.2.1");
	struct serving first, second;

	post->service->policy.per_source = 5;
	assert_int_equal(serving_begin(&first, post, &peer), 0);
	assert_int_equal(serving_begin(&second, post, &peer), 0);
	assert_int_equal(post->tally->active, 2);
	assert_int_equal(post->references, 3);
	assert_int_equal(tally_source_active(post->tally, &post->service->policy, &peer),
			 2);
	assert_true(addr_equal(&first.peer, &peer));
	assert_int_equal(first.started_ns, loop_now_ns(bench->loop));
	serving_cancel(&first);
	assert_null(first.post);
	serving_cancel(&second);
	assert_int_equal(post->tally->active, 0);
	assert_int_equal(post->references, 1);
	assert_int_equal(tally_source_active(post->tally, &post->service->policy, &peer),
			 0);
	assert_int_equal(bench->event_count, 0);
}

static void tells_of_start_and_end_of_a_program(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, bench_shell("program", "exit 3"));
	struct addr peer = peer_of("192.0.2.1");
	struct serving serving;
	const struct event *event;

	ends = 0;
	assert_int_equal(serving_begin(&serving, post, &peer), 0);
	assert_int_equal(spawn(&serving), 0);
	/* It counts from the beginning; START is told when it is known to run. */
	assert_int_equal(children_programs(bench->engine.children), 1);
	assert_int_equal(bench->event_count, 0);
	UNTIL(bench, ends == 1);
	event = &bench->events[0];
	assert_int_equal(event->kind, EVENT_START);
	assert_string_equal(event->service, "program");
	assert_int_equal(event->pid, serving.pid);
	assert_true(addr_equal(&event->peer, &peer));
	event = bench_last(bench, EVENT_EXIT);
	assert_string_equal(event->service, "program");
	assert_int_equal(event->pid, serving.child.pid);
	assert_int_equal(WEXITSTATUS(event->wait_status), 3);
	assert_int_equal(bench->event_count, 2);
	assert_int_equal(post->tally->active, 0);
	assert_int_equal(post->references, 1);
}

static void counts_whole_seconds(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, bench_internal("echo", "echo"));
	struct addr peer = peer_of("2001:db8::1");
	struct serving serving;

	assert_int_equal(serving_begin(&serving, post, &peer), 0);
	serving_started(&serving);
	assert_int_equal(bench_last(bench, EVENT_START)->pid, getpid());
	serving_end(&serving, 0, serving.started_ns + 3 * CLOCK_NS_PER_SECOND - 1);
	assert_int_equal(bench_last(bench, EVENT_EXIT)->duration_s, 2);
}

static void writes_only_what_the_service_asks_for(void **state)
{
	struct bench *bench = *state;
	static const struct {
		unsigned fields;
		size_t starts, exits;
	} rows[] = {
		{ 0, 0, 0 },
		{ EVENT_PID, 1, 0 },
		{ EVENT_HOST, 1, 0 },
		{ EVENT_DURATION, 1, 1 },
		{ EVENT_EXIT_STATUS, 1, 1 },
	};
	struct post *post = bench_post(bench, bench_internal("echo", "echo"));
	struct addr peer = peer_of("192.0.2.1");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct serving serving;

		post->service->log_on_success = rows[i].fields;
		bench->event_count = 0;
		assert_int_equal(serving_begin(&serving, post, &peer), 0);
		serving_started(&serving);
		serving_end(&serving, 0, serving.started_ns);
		assert_int_equal(bench_kind_count(bench, EVENT_START), rows[i].starts);
		assert_int_equal(bench_kind_count(bench, EVENT_EXIT), rows[i].exits);
	}
}

static void says_nothing_of_a_program_that_was_forgotten(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, bench_internal("echo", "echo"));
	struct addr peer = peer_of("192.0.2.1");
	struct serving serving;

	assert_int_equal(serving_begin(&serving, post, &peer), 0);
	serving_end(&serving, CHILD_FORGOTTEN, 0);
	assert_int_equal(bench->event_count, 0);
	assert_int_equal(post->tally->active, 0);
}

static struct service *program_at(const char *id, const char *path)
{
	struct service *service = bench_shell(id, "exit 0");

	free(service->program.path);
	service->program.path = bench_copy(path);
	return service;
}

static struct service *missing_program(void)
{
	return program_at("program", "/nonexistent/program");
}

/* What must be the same whoever finds out. */
static void assert_failure_was_told(const struct bench *bench, const struct post *post,
				    const struct addr *peer)
{
	assert_int_equal(ends, 1);
	assert_int_equal(last_status, CHILD_NOT_STARTED);
	assert_int_equal(bench->event_count, 1);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "fork");
	assert_true(addr_equal(&bench_last(bench, EVENT_FAIL)->peer, peer));
	assert_int_equal(bench_said(bench, "'/nonexistent/program': step exec: "), 1);
	assert_int_equal(children_count(bench->engine.children), 0);
	assert_int_equal(post->tally->active, 0);
	assert_null(bench->engine.launches.first);
	assert_false(loop_timer_is_armed(&bench->engine.launches.timer));
}

static void await_end(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void reports_a_program_that_cannot_be_started(void **state)
{
	struct bench *bench = *state;
	struct addr peer = peer_of("192.0.2.1");
	struct post *post = bench_post(bench, missing_program());
	struct serving serving;

	ends = 0;
	assert_int_equal(serving_begin(&serving, post, &peer), 0);
	assert_int_equal(spawn(&serving), 0);
	assert_int_equal(post->tally->active, 1);
	await_end(serving.pid);
	launches_look(&bench->engine.launches);
	assert_failure_was_told(bench, post, &peer);
	/* Then its process, which nobody knows any more, is reaped. */
	children_reap(bench->engine.children, loop_now_ns(bench->loop));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_failure_was_told(bench, post, &peer);
}

static void hears_of_a_start_that_failed_from_who_reaps_it(void **state)
{
	struct bench *bench = *state;
	struct addr peer = peer_of("192.0.2.1");
	struct post *post = bench_post(bench, missing_program());
	struct serving serving;

	ends = 0;
	assert_int_equal(serving_begin(&serving, post, &peer), 0);
	assert_int_equal(spawn(&serving), 0);
	await_end(serving.pid);
	children_reap(bench->engine.children, loop_now_ns(bench->loop));
	assert_failure_was_told(bench, post, &peer);
	launches_look(&bench->engine.launches);
	assert_failure_was_told(bench, post, &peer);
}

/* Both are known at once: START goes first all the same. */
static void tells_of_the_start_before_the_end_however_late(void **state)
{
	struct bench *bench = *state;
	struct addr peer = peer_of("192.0.2.1");
	struct post *post = bench_post(bench, bench_shell("program", "exit 5"));
	struct serving serving;

	ends = 0;
	assert_int_equal(serving_begin(&serving, post, &peer), 0);
	assert_int_equal(spawn(&serving), 0);
	await_end(serving.pid);
	children_reap(bench->engine.children, loop_now_ns(bench->loop));
	assert_int_equal(ends, 1);
	assert_int_equal(bench->event_count, 2);
	assert_int_equal(bench->events[0].kind, EVENT_START);
	assert_int_equal(bench->events[1].kind, EVENT_EXIT);
	assert_int_equal(WEXITSTATUS(bench->events[1].wait_status), 5);
}

static void reports_that_no_process_could_be_made(void **state)
{
	struct bench *bench = *state;
	struct addr peer = peer_of("192.0.2.1");
	struct held_program held;
	struct serving servings[40];
	unsigned started = 0;
	struct post *post;

	/* More than one service may have under way at once. */
	held_program_make(&held, "#!/bin/sh\nread line\n");
	post = bench_post(bench, program_at("program", held.path));
	ends = 0;
	for (int r = 0; r == 0 && started < 40; started++) {
		assert_int_equal(serving_begin(&servings[started], post, &peer), 0);
		r = spawn(&servings[started]);
		assert_true(r == 0 || r == -EAGAIN);
	}
	assert_true(started < 40);
	assert_int_equal(bench->event_count, 1);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "fork");
	assert_int_equal(bench_said(bench, "step clone: "), 1);
	/* The place is still the caller's to give back. */
	assert_int_equal(post->tally->active, started);
	serving_cancel(&servings[started - 1]);
	assert_int_equal(post->tally->active, started - 1);
	held_program_let_go(&held);
	UNTIL(bench, ends == started - 1);
	assert_int_equal(bench_kind_count(bench, EVENT_START), started - 1);
	assert_int_equal(bench_kind_count(bench, EVENT_EXIT), started - 1);
	assert_int_equal(post->tally->active, 0);
	held_program_done(&held);
}

static void does_not_make_others_wait_for_a_start_that_is_held_up(void **state)
{
	struct bench *bench = *state;
	struct addr peer = peer_of("192.0.2.1");
	struct held_program held;
	struct serving slow, quick;
	struct post *post;

	held_program_make(&held, "#!/bin/sh\nexit 3\n");
	post = bench_post(bench, program_at("slow", held.path));
	ends = 0;
	assert_int_equal(serving_begin(&slow, post, &peer), 0);
	assert_int_equal(spawn(&slow), 0);
	post = bench_post(bench, bench_shell("quick", "exit 4"));
	assert_int_equal(serving_begin(&quick, post, &peer), 0);
	assert_int_equal(spawn(&quick), 0);
	UNTIL(bench, ends == 1);
	assert_string_equal(bench->events[0].service, "quick");
	assert_string_equal(bench->events[1].service, "quick");
	assert_true(loop_timer_is_armed(&bench->engine.launches.timer));
	held_program_let_go(&held);
	UNTIL(bench, ends == 2);
	assert_string_equal(bench->events[2].service, "slow");
	assert_int_equal(bench->events[2].kind, EVENT_START);
	assert_int_equal(WEXITSTATUS(bench->events[3].wait_status), 3);
	held_program_done(&held);
}

static void gives_up_a_start_past_its_deadline(void **state)
{
	struct bench *bench = *state;
	struct addr peer = peer_of("192.0.2.1");
	struct held_program held;
	struct serving serving;
	struct post *post;

	held_program_make(&held, "#!/bin/sh\nexit 3\n");
	post = bench_post(bench, program_at("slow", held.path));
	ends = 0;
	assert_int_equal(serving_begin(&serving, post, &peer), 0);
	assert_int_equal(spawn(&serving), 0);
	UNTIL(bench, ends == 1);
	assert_int_equal(last_status, CHILD_NOT_STARTED);
	assert_int_equal(bench->event_count, 1);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "fork");
	assert_int_equal(bench_said(bench, "step exec: not done within 2000 ms"), 1);
	assert_int_equal(post->tally->active, 0);
	held_program_done(&held);
}

/* The name in the message is that of the program that was tried. */
static void uses_the_plan_it_began_with_through_a_reload(void **state)
{
	struct bench *bench = *state;
	struct addr peer = peer_of("192.0.2.1");
	struct post *post = bench_post(bench, missing_program());
	struct service *service = bench_shell("program", "exit 0");
	struct serving serving;
	struct post *fresh;

	ends = 0;
	assert_int_equal(serving_begin(&serving, post, &peer), 0);
	assert_int_equal(spawn(&serving), 0);
	assert_int_equal(post_new(&bench->engine, service, &fresh, NULL), 0);
	service_unref(service);
	post_replace(post, fresh);
	UNTIL(bench, ends == 1);
	assert_failure_was_told(bench, post, &peer);
}

static void forgets_starts_under_way_when_the_engine_ends(void **state)
{
	struct bench *bench = *state;
	struct addr peer = peer_of("192.0.2.1");
	struct held_program program;
	struct serving quick, held;
	struct post *post;

	held_program_make(&program, "#!/bin/sh\nexit 0\n");
	post = bench_post(bench, program_at("held", program.path));
	ends = 0;
	assert_int_equal(serving_begin(&held, post, &peer), 0);
	assert_int_equal(spawn(&held), 0);
	post = bench_post(bench, bench_shell("quick", "exit 0"));
	assert_int_equal(serving_begin(&quick, post, &peer), 0);
	assert_int_equal(spawn(&quick), 0);
	engine_done(&bench->engine);
	/* The one has become known to run, the other never will. */
	assert_int_equal(bench->event_count, 1);
	assert_int_equal(bench->events[0].kind, EVENT_START);
	assert_string_equal(bench->events[0].service, "quick");
	assert_int_equal(ends, 2);
	assert_int_equal(last_status, CHILD_FORGOTTEN);
	/* And goes on all the same. */
	held_program_let_go(&program);
	await_end(held.pid);
	await_end(quick.pid);
	held_program_done(&program);
}

static void outlives_the_dismissal_of_its_service(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, bench_shell("program", "read line"));
	struct addr peer = peer_of("192.0.2.1");
	struct serving serving;

	ends = 0;
	assert_int_equal(serving_begin(&serving, post, &peer), 0);
	assert_int_equal(spawn(&serving), 0);
	bench_dismiss(bench, post);
	UNTIL(bench, ends == 1);
	assert_string_equal(bench_last(bench, EVENT_EXIT)->service, "program");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(takes_a_place_and_gives_it_back),
		CASE(tells_of_start_and_end_of_a_program),
		CASE(counts_whole_seconds),
		CASE(writes_only_what_the_service_asks_for),
		CASE(says_nothing_of_a_program_that_was_forgotten),
		CASE(reports_a_program_that_cannot_be_started),
		CASE(hears_of_a_start_that_failed_from_who_reaps_it),
		CASE(tells_of_the_start_before_the_end_however_late),
		CASE(reports_that_no_process_could_be_made),
		CASE(does_not_make_others_wait_for_a_start_that_is_held_up),
		CASE(gives_up_a_start_past_its_deadline),
		CASE(uses_the_plan_it_began_with_through_a_reload),
		CASE(forgets_starts_under_way_when_the_engine_ends),
		CASE(outlives_the_dismissal_of_its_service),
	};

	return cmocka_run_group_tests_name("serve/serving", tests, NULL, NULL);
}
