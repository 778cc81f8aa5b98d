/* SPDX-License-Identifier: ISC */
/* Full services and the crowds that come to them. */
#include "duty_bench.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/door.h"
#include "usherd/serve/listening.h"

#define CROWD  (CROWD_CLIENTS + 40)
#define MINUTE (60 * CLOCK_NS_PER_SECOND)

static struct post *post_with(struct bench *bench, uint64_t instances, uint16_t *ret_port)
{
	struct service *service = bench_shell("full", "read line");

	*ret_port = bench_port();
	service->policy.instances = instances;
	bench_at(service, TRANSPORT_TCP, "127.0.0.1", *ret_port);
	service->endpoints[0].backlog = CROWD;
	return bench_post(bench, service);
}

static bool is_refused(uint16_t port)
{
	int fd = bench_connect(SOCK_STREAM, port);

	if (fd >= 0)
		(void)close(fd);
	return fd == -ECONNREFUSED;
}

static uint64_t refused(const struct post *post)
{
	return post->tally->counts.refused[REASON_INSTANCES];
}

/* @count clients that come at once, dealt with. */
static void come(struct bench *bench, struct post *post, unsigned count)
{
	uint64_t before = refused(post);
	int fds[CROWD];

	for (unsigned i = 0; i < count; i++)
		fds[i] = bench_client(SOCK_STREAM, addr_port(&post->listeners[0]->local));
	UNTIL(bench, post->listeners[0]->closed || refused(post) == before + count);
	for (unsigned i = 0; i < count; i++)
		(void)close(fds[i]);
}

/* As many as it takes: how fast they are turned away is a matter of the machine. */
static void crowd_comes(struct bench *bench, struct post *post)
{
	while (!post->listeners[0]->closed)
		come(bench, post, CROWD);
}

static void close_door(struct post *post)
{
	struct listener *listener = post->listeners[0];

	assert_int_equal(listener_hold(listener), 0);
	assert_int_equal(listener_close_door(listener, MINUTE), 0);
	listener_release(listener);
	post->doors_closed = true;
}

static void closes_its_door_to_a_crowd_for_a_moment(void **state)
{
	struct bench *bench = *state;
	uint16_t port;
	struct post *post = post_with(bench, 0, &port);
	struct listener *listener = post->listeners[0];

	crowd_comes(bench, post);
	assert_true(is_refused(port));
	assert_false(loop_is_watching(&listener->watch));
	assert_int_equal(bench_said(bench, "service 'full' is full, and a crowd comes"),
			 1);
	UNTIL(bench, !listener->closed);
	assert_true(loop_is_watching(&listener->watch));
	assert_false(is_refused(port));
	crowd_comes(bench, post);
	assert_int_equal(bench_said(bench, "a crowd comes"), 1);
}

static void turns_a_few_away_one_by_one(void **state)
{
	struct bench *bench = *state;
	uint16_t port;
	struct post *post = post_with(bench, 0, &port);

	come(bench, post, CROWD_CLIENTS / 2);
	assert_int_equal(refused(post), CROWD_CLIENTS / 2);
	assert_false(is_refused(port));
}

static void opens_its_door_when_a_place_is_free(void **state)
{
	struct bench *bench = *state;
	uint16_t port;
	struct post *post = post_with(bench, 1, &port);
	int fd = bench_client(SOCK_STREAM, port);

	UNTIL(bench, bench_kind_count(bench, EVENT_START) == 1);
	close_door(post);
	assert_true(is_refused(port));
	bench_send(fd, "end\n");
	UNTIL(bench, bench_kind_count(bench, EVENT_EXIT) == 1);
	assert_false(loop_timer_is_armed(&post->listeners[0]->timer));
	(void)close(fd);
	fd = bench_client(SOCK_STREAM, port);
	UNTIL(bench, bench_kind_count(bench, EVENT_START) == 2);
	(void)close(fd);
}

static void keeps_its_door_closed_while_cps_rests_the_service(void **state)
{
	struct bench *bench = *state;
	uint16_t port;
	struct post *post = post_with(bench, 1, &port);

	close_door(post);
	pause_begin(post, loop_now_ns(bench->loop) + CLOCK_NS_PER_SECOND / 10);
	post_open_doors(post);
	assert_true(is_refused(port));
	UNTIL(bench, !loop_timer_is_armed(&post->pause));
	assert_false(is_refused(port));
	assert_true(loop_is_watching(&post->listeners[0]->watch));
}

static void does_not_close_a_door_that_others_watch(void **state)
{
	struct bench *bench = *state;
	uint16_t port;
	struct post *post = post_with(bench, 0, &port);

	bench->engine.shares = true;
	assert_false(door_turned_away(post->listeners[0], CROWD));
	bench->engine.shares = false;
	assert_int_equal(listener_hold(post->listeners[0]), 0);
	assert_true(door_turned_away(post->listeners[0], CROWD));
	listener_release(post->listeners[0]);
}

static void does_not_close_the_door_of_a_service_with_places(void **state)
{
	struct bench *bench = *state;
	uint16_t port;
	struct post *post = post_with(bench, 1, &port);

	assert_false(door_turned_away(post->listeners[0], CROWD));
	assert_false(is_refused(port));
}

static void does_not_close_the_door_of_a_unix_socket(void **state)
{
	struct bench *bench = *state;
	struct service *service = bench_shell("full", "exit 0");
	char name[64];
	struct post *post;

	(void)snprintf(name, sizeof(name), "@usherd-test-door-%d", (int)getpid());
	service->policy.instances = 0;
	bench_at(service, TRANSPORT_UNIX_STREAM, name, 0);
	post = bench_post(bench, service);
	assert_false(door_turned_away(post->listeners[0], CROWD));
	assert_true(loop_is_watching(&post->listeners[0]->watch));
}

static void forgets_a_closed_door_with_its_listener(void **state)
{
	struct bench *bench = *state;
	struct listener *detached[1];
	uint16_t port;
	struct post *post = post_with(bench, 1, &port);

	close_door(post);
	assert_int_equal(post_detach_all(post, detached), 1);
	assert_false(detached[0]->closed);
	post_open_doors(post);
	listener_free(detached[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(closes_its_door_to_a_crowd_for_a_moment),
		CASE(turns_a_few_away_one_by_one),
		CASE(opens_its_door_when_a_place_is_free),
		CASE(keeps_its_door_closed_while_cps_rests_the_service),
		CASE(does_not_close_a_door_that_others_watch),
		CASE(does_not_close_the_door_of_a_service_with_places),
		CASE(does_not_close_the_door_of_a_unix_socket),
		CASE(forgets_a_closed_door_with_its_listener),
	};

	return cmocka_run_group_tests_name("serve/door", tests, NULL, NULL);
}
