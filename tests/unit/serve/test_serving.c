/* SPDX-License-Identifier: ISC */
/* The books of one client: places, references, events. */
#include "duty_bench.h"
#include "usherd/serve/serving.h"

static unsigned ends;

static void note_end(struct child *child, int wait_status, uint64_t now_ns)
{
	ends++;
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
	event = bench_last(bench, EVENT_START);
	assert_string_equal(event->service, "program");
	assert_int_equal(event->pid, serving.pid);
	assert_true(addr_equal(&event->peer, &peer));
	assert_int_equal(children_programs(bench->engine.children), 1);
	UNTIL(bench, ends == 1);
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

static void reports_a_program_that_cannot_be_started(void **state)
{
	struct bench *bench = *state;
	struct service *service = bench_shell("program", "exit 0");
	struct addr peer = peer_of("192.0.2.1");
	struct serving serving;
	struct post *post;

	free(service->program.path);
	service->program.path = bench_copy("/nonexistent/program");
	post = bench_post(bench, service);
	assert_int_equal(serving_begin(&serving, post, &peer), 0);
	assert_int_equal(spawn(&serving), -ENOENT);
	assert_int_equal(bench_kind_count(bench, EVENT_START), 0);
	assert_string_equal(bench_last(bench, EVENT_FAIL)->reason, "fork");
	assert_true(addr_equal(&bench_last(bench, EVENT_FAIL)->peer, &peer));
	assert_int_equal(bench_said(bench, "'/nonexistent/program'"), 1);
	assert_int_equal(children_count(bench->engine.children), 0);
	/* The place is still the caller's to give back. */
	assert_int_equal(post->tally->active, 1);
	assert_int_equal(spawn(&serving), -ENOENT);
	assert_int_equal(bench_said(bench, "'/nonexistent/program'"), 1);
	serving_cancel(&serving);
	assert_int_equal(post->tally->active, 0);
	assert_int_equal(bench_kind_count(bench, EVENT_EXIT), 0);
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
		CASE(outlives_the_dismissal_of_its_service),
	};

	return cmocka_run_group_tests_name("serve/serving", tests, NULL, NULL);
}
