/* SPDX-License-Identifier: ISC */
/* Services on duty and their listeners, on real sockets. */
#include "duty_bench.h"
#include <poll.h>
#include <sys/stat.h>

#include "usherd/serve/admission.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/stderr_pipe.h"
#include "usherd/serve/watching.h"

static struct post *new_post(struct bench *bench, struct service *service)
{
	struct post *post;

	assert_int_equal(post_new(&bench->engine, service, &post, NULL), 0);
	service_unref(service);
	return post;
}

static struct service *shell_at(const char *id, enum transport transport, uint16_t port)
{
	struct service *service = bench_shell(id, "exit 0");

	bench_at(service, transport, "127.0.0.1", port);
	return service;
}

/* True while a client would be refused. */
static bool is_refused(uint16_t port)
{
	int fd = bench_connect(SOCK_STREAM, port);

	if (fd >= 0)
		(void)close(fd);
	return fd == -ECONNREFUSED;
}

static void has_a_plan_for_a_program(void **state)
{
	struct bench *bench = *state;
	struct post *post = new_post(bench, bench_shell("program", "exit 0"));

	assert_non_null(post->plan);
	assert_null(post->internal);
	assert_null(post->stderr_pipe);
	assert_int_equal(post->listener_count, 0);
	assert_int_equal(bench->engine.post_count, 0);
	post_unref(post);
}

static void has_no_plan_for_an_in_process_service(void **state)
{
	struct bench *bench = *state;
	struct post *post = new_post(bench, bench_internal("echo", "echo"));

	assert_null(post->plan);
	assert_ptr_equal(post->internal, internal_find("echo"));
	post_unref(post);
}

static void has_a_pipe_for_a_program_that_complains_to_the_log(void **state)
{
	struct bench *bench = *state;
	struct service *service = bench_shell("program", "exit 0");
	struct post *post;

	service->program.stderr_target = STDERR_LOG;
	post = new_post(bench, service);
	assert_non_null(post->stderr_pipe);
	assert_true(stderr_pipe_fd(post->stderr_pipe) >= 0);
	post_unref(post);
}

static void refuses_an_in_process_service_that_does_not_exist(void **state)
{
	struct bench *bench = *state;
	struct service *service = bench_internal("strange", "nonesuch");
	struct post *post = NULL;
	struct error err = { 0 };

	assert_int_equal(post_new(&bench->engine, service, &post, &err), -ENOENT);
	assert_null(post);
	assert_non_null(strstr(err.text, "'nonesuch'"));
	assert_int_equal(service->references, 1);
	service_unref(service);
}

static void holds_its_service_until_the_last_reference_is_gone(void **state)
{
	struct bench *bench = *state;
	struct service *service = bench_shell("program", "exit 0");
	struct post *post;

	assert_int_equal(post_new(&bench->engine, service, &post, NULL), 0);
	/* The test's, the post's and that of its plan. */
	assert_int_equal(service->references, 3);
	assert_ptr_equal(post_ref(post), post);
	post_unref(post);
	assert_int_equal(service->references, 3);
	post_unref(post);
	assert_int_equal(service->references, 1);
	service_unref(service);
	post_unref(NULL);
}

static void finds_posts_by_id_and_keeps_their_order(void **state)
{
	struct bench *bench = *state;
	struct post *posts[3];
	static const char *const ids[] = { "a", "b", "c" };

	assert_int_equal(engine_reserve(&bench->engine, 0), 0);
	for (int i = 0; i < 3; i++)
		posts[i] = bench_post(bench, bench_shell(ids[i], "exit 0"));
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(engine_find(&bench->engine, ids[i]), posts[i]);
	assert_null(engine_find(&bench->engine, "d"));
	engine_dismiss(&bench->engine, posts[1]);
	assert_null(engine_find(&bench->engine, "b"));
	assert_int_equal(bench->engine.post_count, 2);
	assert_ptr_equal(bench->engine.posts[0], posts[0]);
	assert_ptr_equal(bench->engine.posts[1], posts[2]);
}

static void outlives_its_dismissal_while_something_runs(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, bench_shell("program", "exit 0"));

	(void)post_ref(post);
	engine_dismiss(&bench->engine, post);
	assert_int_equal(post->references, 1);
	assert_string_equal(post->service->id, "program");
	post_unref(post);
}

static void serves_what_it_was_replaced_by(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, bench_shell("program", "exit 0"));
	struct service *old = service_ref(post->service);
	struct post *fresh = new_post(bench, bench_internal("program", "echo"));
	struct service *service = fresh->service;

	post->tally->active = 3;
	post_replace(post, fresh);
	assert_ptr_equal(post->service, service);
	assert_null(post->plan);
	assert_ptr_equal(post->internal, internal_find("echo"));
	assert_int_equal(post->tally->active, 3);
	assert_int_equal(post->references, 1);
	assert_int_equal(old->references, 1);
	service_unref(old);
	post->tally->active = 0;
}

static struct service *complaining(const char *id)
{
	struct service *service = bench_shell(id, "exit 0");

	service->program.stderr_target = STDERR_LOG;
	return service;
}

static void takes_the_pipe_of_its_replacement_over(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, bench_shell("program", "exit 0"));
	struct post *fresh = new_post(bench, complaining("program"));
	struct stderr_pipe *pipe = fresh->stderr_pipe;

	post_replace(post, fresh);
	assert_ptr_equal(post->stderr_pipe, pipe);
	assert_int_equal(write(stderr_pipe_fd(pipe), "hear me\n", 8), 8);
	UNTIL(bench, bench_said(bench, "service 'program': hear me") == 1);
}

/* Running programs still write to the pipe they were given. */
static void keeps_the_pipe_it_has(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, complaining("program"));
	struct stderr_pipe *pipe = post->stderr_pipe;

	post_replace(post, new_post(bench, complaining("program")));
	assert_ptr_equal(post->stderr_pipe, pipe);
	post_replace(post, new_post(bench, bench_shell("program", "exit 0")));
	assert_ptr_equal(post->stderr_pipe, pipe);
	assert_int_equal(write(stderr_pipe_fd(pipe), "still here\n", 11), 11);
	UNTIL(bench, bench_said(bench, "service 'program': still here") == 1);
}

static void binds_and_watches_a_listener(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct post *post = bench_post(bench, shell_at("program", TRANSPORT_TCP, port));
	struct listener *listener = post->listeners[0];

	assert_int_not_equal(listener->fd, -1);
	assert_true(loop_is_watching(&listener->watch));
	assert_int_equal(addr_port(&listener->local), port);
	assert_false(is_refused(port));
	assert_int_equal(bench_said(bench, "is bound"), 1);
	assert_int_equal(bench->internal_changes, 0);
	bench_dismiss(bench, post);
	assert_true(is_refused(port));
}

static struct post *internal_post(struct bench *bench)
{
	struct service *service = bench_internal("echo", "echo");

	bench_at(service, TRANSPORT_TCP, "127.0.0.1", bench_port());
	return bench_post(bench, service);
}

static void does_not_watch_in_process_services_in_the_supervisor(void **state)
{
	struct bench *bench = *state;
	struct post *post = internal_post(bench);

	assert_int_not_equal(post->listeners[0]->fd, -1);
	assert_false(loop_is_watching(&post->listeners[0]->watch));
	assert_int_equal(bench->internal_changes, 1);
}

static void watches_in_process_services_in_a_worker(void **state)
{
	struct post *post = internal_post(*state);

	assert_true(loop_is_watching(&post->listeners[0]->watch));
}

static void gives_every_socket_a_number_of_its_own(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, shell_at("a", TRANSPORT_TCP, bench_port()));
	struct post *other =
		bench_post(bench, shell_at("b", TRANSPORT_UDP, bench_port()));

	assert_true(post->listeners[0]->serial != other->listeners[0]->serial);
	assert_true(post->listeners[0]->serial != 0);
}

static void looks_away_while_it_rests(void **state)
{
	struct bench *bench = *state;
	struct post *post =
		bench_post(bench, shell_at("program", TRANSPORT_TCP, bench_port()));
	struct listener *listener = post->listeners[0];

	listener_rest(listener, 60 * CLOCK_NS_PER_SECOND);
	assert_false(loop_is_watching(&listener->watch));
	listener_update(listener);
	assert_false(loop_is_watching(&listener->watch));
	listener_rest(listener, 1);
	UNTIL(bench, loop_is_watching(&listener->watch));
}

static void binds_later_what_is_in_use_now(void **state)
{
	struct bench *bench = *state;
	struct service *service = shell_at("late", TRANSPORT_TCP, bench_port());
	struct addr addr = service->endpoints[0].addr;
	int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct listener *listener;

	assert_int_equal(bind(taken, &addr.u.any, addr.length), 0);
	assert_int_equal(listen(taken, 1), 0);
	listener = bench_post(bench, service)->listeners[0];
	assert_int_equal(listener->fd, -1);
	assert_int_equal(listener->failures, 1);
	assert_true(loop_timer_is_armed(&listener->timer));
	assert_int_equal(bench_said(bench, "service 'late'"), 1);
	assert_int_equal(bench_said(bench, "; trying again"), 1);
	assert_int_equal(bench->messages[0].level, LOG_LEVEL_ERROR);
	UNTIL(bench, listener->failures == 2);
	(void)close(taken);
	UNTIL(bench, listener->fd != -1);
	assert_int_equal(listener->failures, 0);
	assert_true(loop_is_watching(&listener->watch));
	assert_int_equal(bench_said(bench, "is bound now"), 1);
	assert_false(is_refused(addr_port(&addr)));
}

static void gives_up_what_can_never_be_bound(void **state)
{
	struct bench *bench = *state;
	struct service *service = bench_shell("never", "exit 0");
	struct listener *listener;

	/* A path that goes through what is no directory. */
	bench_at(service, TRANSPORT_UNIX_STREAM, "/dev/null/socket", 0);
	listener = bench_post(bench, service)->listeners[0];
	assert_int_equal(listener->fd, -1);
	assert_false(loop_timer_is_armed(&listener->timer));
	assert_int_equal(bench_said(bench, "service 'never'"), 1);
	assert_int_equal(bench_said(bench, "trying again"), 0);
}

static void removes_the_node_of_a_path_unless_adopted(void **state)
{
	struct bench *bench = *state;
	char folder[] = "/tmp/usherd-post-XXXXXX";
	char path[64];

	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/socket", folder);
	for (int adopted = 0; adopted < 2; adopted++) {
		struct service *service = bench_shell("path", "exit 0");
		struct post *post;

		bench_at(service, TRANSPORT_UNIX_STREAM, path, 0);
		post = bench_post(bench, service);
		assert_int_not_equal(post->listeners[0]->fd, -1);
		assert_int_equal(access(path, F_OK), 0);
		post->listeners[0]->adopted = adopted != 0;
		bench_dismiss(bench, post);
		assert_int_equal(access(path, F_OK), adopted != 0 ? 0 : -1);
	}
	(void)unlink(path);
	(void)rmdir(folder);
	listener_free(NULL);
}

static void gives_its_listeners_away_idle(void **state)
{
	struct bench *bench = *state;
	struct service *service = shell_at("program", TRANSPORT_TCP, bench_port());
	struct listener *detached[2] = { NULL, NULL };
	struct post *post;

	bench_at(service, TRANSPORT_UDP, "127.0.0.1", bench_port());
	post = bench_post(bench, service);
	listener_rest(post->listeners[1], CLOCK_NS_PER_SECOND);
	assert_int_equal(post_detach_all(post, detached), 2);
	assert_int_equal(post->listener_count, 0);
	for (int i = 0; i < 2; i++) {
		assert_null(detached[i]->post);
		assert_int_not_equal(detached[i]->fd, -1);
		assert_false(loop_is_watching(&detached[i]->watch));
		assert_false(loop_timer_is_armed(&detached[i]->timer));
		listener_free(detached[i]);
	}
}

/* Room is made before the listeners of old are taken away. */
static void loses_no_listener_when_room_for_fewer_is_made(void **state)
{
	struct bench *bench = *state;
	struct service *service = bench_shell("many", "exit 0");
	struct post *post;

	for (int i = 0; i < 40; i++)
		bench_at(service, TRANSPORT_UDP, "127.0.0.1", bench_port());
	post = bench_post(bench, service);
	assert_int_equal(post_reserve(post, 0), 0);
	assert_int_equal(post_reserve(post, 1), 0);
	assert_int_equal(post->listener_count, 40);
	for (size_t i = 0; i < 40; i++)
		assert_ptr_equal(post->listeners[i]->post, post);
	assert_int_equal(post_reserve(post, 50), 0);
	for (size_t i = 0; i < 40; i++)
		assert_ptr_equal(post->listeners[i]->post, post);
}

static void refuses_clients_while_it_is_paused(void **state)
{
	struct bench *bench = *state;
	uint16_t port = bench_port();
	struct service *service = shell_at("busy", TRANSPORT_TCP, port);
	struct post *post;
	uint64_t now_ns;

	service->policy.cps_rate = 5;
	service->policy.cps_pause_ns = 3 * CLOCK_NS_PER_SECOND;
	bench_at(service, TRANSPORT_UDP, "127.0.0.1", bench_port());
	post = bench_post(bench, service);
	bench_settle(bench);
	now_ns = loop_now_ns(bench->loop);
	pause_begin(post, now_ns + CLOCK_NS_PER_SECOND / 10);
	assert_true(is_refused(port));
	assert_false(loop_is_watching(&post->listeners[0]->watch));
	assert_false(loop_is_watching(&post->listeners[1]->watch));
	assert_int_equal(bench_said(bench, "service 'busy' rests for 3 seconds: more "
					   "than 5 connections per second"),
			 1);
	pause_begin(post, now_ns + 60 * CLOCK_NS_PER_SECOND);
	assert_int_equal(bench_said(bench, "rests for"), 1);
	UNTIL(bench, !loop_timer_is_armed(&post->pause));
	assert_true(loop_is_watching(&post->listeners[0]->watch));
	assert_true(loop_is_watching(&post->listeners[1]->watch));
	assert_int_equal(bench_said(bench, "accepts connections again"), 1);
	assert_false(is_refused(port));
}

static void ends_its_pause_when_replaced(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, bench_shell("program", "exit 0"));
	uint64_t until_ns = loop_now_ns(bench->loop) + 60 * CLOCK_NS_PER_SECOND;

	pause_begin(post, until_ns);
	assert_true(loop_timer_is_armed(&post->pause));
	assert_int_equal(post->tally->arrivals.paused_until_ns, until_ns);
	post_replace(post, new_post(bench, bench_shell("program", "exit 1")));
	assert_false(loop_timer_is_armed(&post->pause));
	assert_true(post->tally->arrivals.paused_until_ns < until_ns);
}

static void forgets_its_pause_when_dismissed(void **state)
{
	struct bench *bench = *state;
	struct post *post = bench_post(bench, bench_shell("program", "exit 0"));

	pause_begin(post, loop_now_ns(bench->loop) + 1);
	(void)post_ref(post);
	engine_dismiss(&bench->engine, post);
	assert_false(loop_timer_is_armed(&post->pause));
	bench_settle(bench);
	assert_int_equal(bench_said(bench, "again"), 0);
	post_unref(post);
}

static void knows_how_many_programs_run(void **state)
{
	struct bench *bench = *state;
	struct surroundings around = admission_surroundings(&bench->engine);

	assert_int_equal(around.children, 0);
	assert_int_equal(around.now_ns, loop_now_ns(bench->loop));
	assert_true(around.max_children == bench->engine.max_children);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(has_a_plan_for_a_program),
		CASE(has_no_plan_for_an_in_process_service),
		CASE(has_a_pipe_for_a_program_that_complains_to_the_log),
		CASE(refuses_an_in_process_service_that_does_not_exist),
		CASE(holds_its_service_until_the_last_reference_is_gone),
		CASE(finds_posts_by_id_and_keeps_their_order),
		CASE(outlives_its_dismissal_while_something_runs),
		CASE(serves_what_it_was_replaced_by),
		CASE(takes_the_pipe_of_its_replacement_over),
		CASE(keeps_the_pipe_it_has),
		CASE(binds_and_watches_a_listener),
		CASE(does_not_watch_in_process_services_in_the_supervisor),
		WORKER_CASE(watches_in_process_services_in_a_worker),
		CASE(gives_every_socket_a_number_of_its_own),
		CASE(looks_away_while_it_rests),
		CASE(binds_later_what_is_in_use_now),
		CASE(gives_up_what_can_never_be_bound),
		CASE(removes_the_node_of_a_path_unless_adopted),
		CASE(gives_its_listeners_away_idle),
		CASE(loses_no_listener_when_room_for_fewer_is_made),
		CASE(refuses_clients_while_it_is_paused),
		CASE(ends_its_pause_when_replaced),
		CASE(forgets_its_pause_when_dismissed),
		CASE(knows_how_many_programs_run),
	};

	return cmocka_run_group_tests_name("serve/post", tests, NULL, NULL);
}
