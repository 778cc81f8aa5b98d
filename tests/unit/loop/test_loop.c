/* SPDX-License-Identifier: ISC */
/*
 * Watches: adding, changing, removing and freeing them, above all inside callbacks, in
 * the plain array and in the nested set alike, and while crossing from one to the other.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usherd/loop/loop.h"

#define FILLERS (LOOP_POLL_MAX + 1)
#define MANY    1000

/* One watched eventfd and what its callback is to do. */
struct probe {
	struct watch watch;
	unsigned calls;
	short revents;
	void (*act)(struct probe *probe);
	struct probe *other;
	struct loop *loop;
	unsigned *freed;
};

struct bench {
	struct loop *loop;
	bool nested;
	struct probe fillers[FILLERS];
};

static void probe_ready(struct watch *watch, short revents)
{
	struct probe *probe = watch->data;

	probe->calls++;
	probe->revents = revents;
	if (probe->act)
		probe->act(probe);
}

static void probe_init(struct probe *probe, bool ready)
{
	*probe = (struct probe){ .watch = { .events = POLLIN, .ready = probe_ready } };
	probe->watch.data = probe;
	probe->watch.fd = eventfd(ready, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_not_equal(probe->watch.fd, -1);
}

static void probe_open(struct loop *loop, struct probe *probe, bool ready)
{
	probe_init(probe, ready);
	probe->loop = loop;
	assert_int_equal(loop_add(loop, &probe->watch), 0);
}

static void probe_close(struct probe *probe)
{
	loop_remove(&probe->watch);
	assert_int_equal(close(probe->watch.fd), 0);
}

static void raise_it(const struct probe *probe)
{
	uint64_t one = 1;

	assert_int_equal(write(probe->watch.fd, &one, sizeof(one)), sizeof(one));
}

/* State: NULL for the plain array, anything else for the nested set. */
static struct bench *bench_open(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct error err = { 0 };

	assert_non_null(bench);
	assert_int_equal(loop_new(&bench->loop, &err), 0);
	bench->nested = *state != NULL;
	for (size_t i = 0; bench->nested && i < FILLERS; i++)
		probe_open(bench->loop, &bench->fillers[i], false);
	assert_int_equal(loop_is_nested(bench->loop), bench->nested);
	return bench;
}

static void bench_close(struct bench *bench)
{
	for (size_t i = 0; bench->nested && i < FILLERS; i++) {
		assert_int_equal(bench->fillers[i].calls, 0);
		probe_close(&bench->fillers[i]);
	}
	loop_free(bench->loop);
	free(bench);
}

static void turn(struct loop *loop)
{
	assert_int_equal(loop_turn(loop, 0), 0);
}

static void reports_what_is_ready_and_nothing_else(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe ready;
	struct probe idle;

	probe_open(bench->loop, &ready, true);
	probe_open(bench->loop, &idle, false);
	turn(bench->loop);
	assert_int_equal(ready.calls, 1);
	assert_int_equal(ready.revents, POLLIN);
	assert_int_equal(idle.calls, 0);
	turn(bench->loop);
	assert_int_equal(ready.calls, 2);
	raise_it(&idle);
	turn(bench->loop);
	assert_int_equal(idle.calls, 1);
	probe_close(&ready);
	probe_close(&idle);
	bench_close(bench);
}

static void reports_output_and_hang_up(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe probe;
	int ends[2];

	probe_init(&probe, false);
	close(probe.watch.fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	probe.watch.fd = ends[0];
	probe.watch.events = POLLIN | POLLOUT;
	assert_int_equal(loop_add(bench->loop, &probe.watch), 0);
	turn(bench->loop);
	assert_int_equal(probe.revents, POLLOUT);
	close(ends[1]);
	turn(bench->loop);
	assert_int_equal(probe.revents, POLLIN | POLLOUT | POLLHUP);
	probe_close(&probe);
	bench_close(bench);
}

static void a_watch_that_asks_for_nothing_hears_nothing(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe probe;
	int ends[2];

	probe_init(&probe, false);
	close(probe.watch.fd);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[1]);
	probe.watch.fd = ends[0];
	probe.watch.events = 0;
	assert_int_equal(loop_add(bench->loop, &probe.watch), 0);
	turn(bench->loop);
	assert_int_equal(probe.calls, 0);
	assert_int_equal(loop_change(&probe.watch, POLLIN), 0);
	turn(bench->loop);
	assert_int_equal(probe.calls, 1);
	assert_true(probe.revents & POLLHUP);
	assert_int_equal(loop_change(&probe.watch, 0), 0);
	turn(bench->loop);
	assert_int_equal(probe.calls, 1);
	assert_true(loop_is_watching(&probe.watch));
	probe_close(&probe);
	bench_close(bench);
}

static void changes_between_input_and_output(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe probe;

	probe_open(bench->loop, &probe, true);
	assert_int_equal(loop_change(&probe.watch, POLLOUT), 0);
	turn(bench->loop);
	assert_int_equal(probe.revents, POLLOUT);
	assert_int_equal(loop_change(&probe.watch, POLLOUT), 0);
	assert_int_equal(loop_change(&probe.watch, POLLIN), 0);
	turn(bench->loop);
	assert_int_equal(probe.revents, POLLIN);
	probe_close(&probe);
	bench_close(bench);
}

static void remove_both(struct probe *probe)
{
	loop_remove(&probe->watch);
	loop_remove(&probe->other->watch);
}

/* Both are ready in the same turn; whichever runs first removes the other. */
static void a_removed_watch_is_not_called_in_the_same_turn(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe a;
	struct probe b;

	probe_open(bench->loop, &a, true);
	probe_open(bench->loop, &b, true);
	a.act = b.act = remove_both;
	a.other = &b;
	b.other = &a;
	turn(bench->loop);
	turn(bench->loop);
	assert_int_equal(a.calls + b.calls, 1);
	assert_false(loop_is_watching(&a.watch));
	assert_false(loop_is_watching(&b.watch));
	probe_close(&a);
	probe_close(&b);
	bench_close(bench);
}

static void free_both(struct probe *probe)
{
	struct probe *other = probe->other;
	unsigned *freed = probe->freed;

	loop_remove(&probe->watch);
	loop_remove(&other->watch);
	close(probe->watch.fd);
	close(other->watch.fd);
	free(other);
	free(probe);
	++*freed;
}

/* Under the address sanitizer any touch of the freed memory ends the test. */
static void a_callback_may_free_itself_and_others(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe *a = malloc(sizeof(*a));
	struct probe *b = malloc(sizeof(*b));
	unsigned freed = 0;

	assert_true(a && b);
	probe_open(bench->loop, a, true);
	probe_open(bench->loop, b, true);
	a->act = b->act = free_both;
	a->other = b;
	b->other = a;
	a->freed = b->freed = &freed;
	turn(bench->loop);
	turn(bench->loop);
	assert_int_equal(freed, 1);
	bench_close(bench);
}

static void replace_other(struct probe *probe)
{
	struct probe *other = probe->other;

	probe->act = NULL;
	other->act = NULL;
	loop_remove(&other->watch);
	close(other->watch.fd);
	other->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop_add(probe->loop, &other->watch) != 0)
		abort();
}

/* The new tenant has the old one's memory, slot and most likely descriptor number. */
static void a_watch_added_anew_does_not_inherit_readiness(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe a;
	struct probe b;

	probe_open(bench->loop, &a, true);
	probe_open(bench->loop, &b, true);
	a.act = b.act = replace_other;
	a.other = &b;
	b.other = &a;
	turn(bench->loop);
	assert_int_equal(a.calls + b.calls, 1);
	turn(bench->loop);
	assert_int_equal(a.calls + b.calls, 2);
	probe_close(&a);
	probe_close(&b);
	bench_close(bench);
}

static void silence_other(struct probe *probe)
{
	if (loop_change(&probe->other->watch, 0) != 0)
		abort();
}

static void a_callback_may_silence_another_in_the_same_turn(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe a;
	struct probe b;

	probe_open(bench->loop, &a, true);
	probe_open(bench->loop, &b, true);
	a.act = b.act = silence_other;
	a.other = &b;
	b.other = &a;
	turn(bench->loop);
	assert_int_equal(a.calls + b.calls, 1);
	probe_close(&a);
	probe_close(&b);
	bench_close(bench);
}

static void ask_other_for_output(struct probe *probe)
{
	if (loop_change(&probe->other->watch, POLLPRI) != 0)
		abort();
}

static void readiness_no_longer_asked_for_is_dropped(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe a;
	struct probe b;

	probe_open(bench->loop, &a, true);
	probe_open(bench->loop, &b, true);
	a.act = b.act = ask_other_for_output;
	a.other = &b;
	b.other = &a;
	turn(bench->loop);
	assert_int_equal(a.calls + b.calls, 1);
	probe_close(&a);
	probe_close(&b);
	bench_close(bench);
}

static void add_other(struct probe *probe)
{
	probe->act = NULL;
	if (loop_add(probe->loop, &probe->other->watch) != 0)
		abort();
}

static void a_watch_added_in_a_callback_is_heard_in_the_next_turn(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe a;
	struct probe b;

	probe_open(bench->loop, &a, true);
	probe_init(&b, true);
	a.act = add_other;
	a.other = &b;
	turn(bench->loop);
	assert_int_equal(b.calls, 0);
	turn(bench->loop);
	assert_int_equal(b.calls, 1);
	probe_close(&a);
	probe_close(&b);
	bench_close(bench);
}

static void refuses_what_cannot_be_watched(void **state)
{
	struct bench *bench = bench_open(state);
	struct watch regular = { .events = POLLIN, .ready = probe_ready };
	struct watch closed = { .fd = -1, .events = POLLIN, .ready = probe_ready };
	struct watch null = { .events = POLLIN, .ready = probe_ready };
	size_t before = loop_watch_count(bench->loop);

	regular.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	null.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(regular.fd, -1);
	assert_int_equal(loop_add(bench->loop, &regular), -EPERM);
	assert_int_equal(loop_add(bench->loop, &null), -EPERM);
	assert_int_equal(loop_add(bench->loop, &closed), -EBADF);
	assert_false(loop_is_watching(&regular));
	assert_int_equal(loop_watch_count(bench->loop), before);
	close(regular.fd);
	close(null.fd);
	bench_close(bench);
}

static void refuses_a_descriptor_watched_twice(void **state)
{
	struct bench *bench = bench_open(state);
	struct watch second = { .events = POLLIN, .ready = probe_ready };
	struct probe probe;

	probe_open(bench->loop, &probe, false);
	second.fd = probe.watch.fd;
	assert_int_equal(loop_add(bench->loop, &second), -EEXIST);
	assert_int_equal(loop_add(bench->loop, &probe.watch), -EEXIST);
	assert_false(loop_is_watching(&second));
	probe_close(&probe);
	bench_close(bench);
}

static void a_change_that_fails_leaves_the_events(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe probe;

	if (!bench->nested) {
		probe_init(&probe, false);
		assert_int_equal(loop_change(&probe.watch, POLLOUT), -ENOENT);
		close(probe.watch.fd);
		bench_close(bench);
		return;
	}
	probe_open(bench->loop, &probe, false);
	close(probe.watch.fd);
	assert_int_equal(loop_change(&probe.watch, POLLOUT), -EBADF);
	assert_int_equal(probe.watch.events, POLLIN);
	loop_remove(&probe.watch);
	bench_close(bench);
}

/* A registration left behind would wake every turn of the nested set for nothing. */
static void removal_takes_out_what_was_added(void **state)
{
	struct bench *bench = bench_open(state);
	struct watch again = { .events = POLLIN, .ready = probe_ready };
	struct probe probe;
	int fd;

	probe_open(bench->loop, &probe, true);
	fd = probe.watch.fd;
	probe.watch.fd = -1;
	loop_remove(&probe.watch);
	again.fd = fd;
	again.data = &probe;
	assert_int_equal(loop_add(bench->loop, &again), 0);
	turn(bench->loop);
	assert_int_equal(probe.calls, 1);
	loop_remove(&again);
	close(fd);
	bench_close(bench);
}

static void removing_twice_does_nothing(void **state)
{
	struct bench *bench = bench_open(state);
	size_t before = loop_watch_count(bench->loop);
	struct probe probe;

	probe_open(bench->loop, &probe, true);
	loop_remove(&probe.watch);
	loop_remove(&probe.watch);
	assert_int_equal(loop_watch_count(bench->loop), before);
	turn(bench->loop);
	assert_int_equal(probe.calls, 0);
	probe_close(&probe);
	bench_close(bench);
}

static void freeing_the_loop_forgets_its_watches(void **state)
{
	struct loop *loop;
	struct probe probe;

	(void)state;
	assert_int_equal(loop_new(&loop, NULL), 0);
	probe_open(loop, &probe, true);
	loop_free(loop);
	loop_free(NULL);
	assert_false(loop_is_watching(&probe.watch));
	probe_close(&probe);
}

static void crosses_the_threshold_both_ways_with_live_watches(void **state)
{
	struct probe probes[LOOP_POLL_MAX + 1];
	size_t left = LOOP_POLL_MAX + 1;
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_new(&loop, NULL), 0);
	for (size_t i = 0; i < LOOP_POLL_MAX; i++)
		probe_open(loop, &probes[i], true);
	assert_false(loop_is_nested(loop));
	turn(loop);
	probe_open(loop, &probes[LOOP_POLL_MAX], true);
	assert_true(loop_is_nested(loop));
	turn(loop);
	for (size_t i = 0; i < LOOP_POLL_MAX; i++)
		assert_int_equal(probes[i].calls, 2);
	assert_int_equal(probes[LOOP_POLL_MAX].calls, 1);
	/* Not back at once: half of them have to go first. From the front, so that the
	 * rest has to move. */
	for (size_t i = 0; left > LOOP_POLL_MAX / 2; i++, left--) {
		assert_true(loop_is_nested(loop));
		probe_close(&probes[i]);
		turn(loop);
	}
	assert_false(loop_is_nested(loop));
	assert_int_equal(loop_watch_count(loop), left);
	for (size_t i = LOOP_POLL_MAX + 1 - left; i <= LOOP_POLL_MAX; i++) {
		unsigned before = probes[i].calls;

		turn(loop);
		assert_int_equal(probes[i].calls, before + 1);
		probe_close(&probes[i]);
	}
	loop_free(loop);
}

static struct probe extra[LOOP_POLL_MAX + 1];

static void add_extra(struct probe *probe)
{
	probe->act = NULL;
	for (size_t i = 0; i <= LOOP_POLL_MAX; i++) {
		if (loop_add(probe->loop, &extra[i].watch) != 0)
			abort();
	}
}

/* Readiness collected in the array is still delivered, and only once. */
static void moves_to_the_nested_set_inside_a_callback(void **state)
{
	struct probe probes[3];
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_new(&loop, NULL), 0);
	for (size_t i = 0; i < 3; i++)
		probe_open(loop, &probes[i], true);
	for (size_t i = 0; i <= LOOP_POLL_MAX; i++)
		probe_init(&extra[i], true);
	probes[0].act = add_extra;
	turn(loop);
	assert_true(loop_is_nested(loop));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(probes[i].calls, 1);
	turn(loop);
	for (size_t i = 0; i <= LOOP_POLL_MAX; i++) {
		assert_int_equal(extra[i].calls, 1);
		probe_close(&extra[i]);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(probes[i].calls, 2);
		probe_close(&probes[i]);
	}
	loop_free(loop);
}

/* A watch whose descriptor was closed behind the loop's back keeps it from moving. */
static void a_move_that_fails_leaves_everything_as_it_was(void **state)
{
	struct probe probes[LOOP_POLL_MAX + 1];
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_new(&loop, NULL), 0);
	for (size_t i = 0; i < LOOP_POLL_MAX; i++)
		probe_open(loop, &probes[i], true);
	probe_init(&probes[LOOP_POLL_MAX], true);
	close(probes[LOOP_POLL_MAX - 1].watch.fd);
	assert_int_equal(loop_add(loop, &probes[LOOP_POLL_MAX].watch), -EBADF);
	assert_false(loop_is_nested(loop));
	assert_int_equal(loop_watch_count(loop), LOOP_POLL_MAX);
	loop_remove(&probes[LOOP_POLL_MAX - 1].watch);
	assert_int_equal(loop_add(loop, &probes[LOOP_POLL_MAX].watch), 0);
	turn(loop);
	assert_int_equal(probes[0].calls, 1);
	assert_int_equal(probes[LOOP_POLL_MAX].calls, 1);
	for (size_t i = 0; i < LOOP_POLL_MAX - 1; i++)
		probe_close(&probes[i]);
	probe_close(&probes[LOOP_POLL_MAX]);
	loop_free(loop);
}

/* What is closed leaves the set by itself; its number may come back at once. */
static void forgets_a_watch_that_is_closed(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe first, second;
	int number;

	probe_open(bench->loop, &first, true);
	number = first.watch.fd;
	loop_forget(&first.watch);
	assert_false(loop_is_watching(&first.watch));
	loop_forget(&first.watch);
	assert_int_equal(close(number), 0);
	assert_int_equal(loop_turn(bench->loop, 0), 0);
	assert_int_equal(first.calls, 0);
	probe_open(bench->loop, &second, true);
	assert_int_equal(second.watch.fd, number);
	assert_int_equal(loop_turn(bench->loop, 0), 0);
	assert_int_equal(second.calls, 1);
	assert_int_equal(first.calls, 0);
	probe_close(&second);
	bench_close(bench);
}

/* A descriptor that is only there while its watch is added and removed. */
static void watches_what_is_elsewhere(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe probe;
	int other;

	probe_init(&probe, true);
	probe.watch.away = true;
	other = fcntl(probe.watch.fd, F_DUPFD_CLOEXEC, 0);
	assert_int_equal(loop_add(bench->loop, &probe.watch), 0);
	assert_int_equal(close(probe.watch.fd), 0);
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(loop_turn(bench->loop, 0), 0);
		assert_int_equal(probe.calls, i);
	}
	assert_int_equal(dup2(other, probe.watch.fd), probe.watch.fd);
	loop_remove(&probe.watch);
	assert_int_equal(loop_turn(bench->loop, 0), 0);
	assert_int_equal(probe.calls, 3);
	assert_int_equal(close(other), 0);
	assert_int_equal(close(probe.watch.fd), 0);
	bench_close(bench);
}

static void serves_a_thousand_descriptors(void **state)
{
	static struct probe probes[MANY];
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_new(&loop, NULL), 0);
	for (size_t i = 0; i < MANY; i++)
		probe_open(loop, &probes[i], true);
	/* More than one turn hands out: a few turns reach every one. */
	for (size_t i = 0; i < 2 * MANY / 100; i++)
		turn(loop);
	for (size_t i = 0; i < MANY; i++)
		assert_in_range(probes[i].calls, 1, 4);
	for (size_t i = 0; i < MANY; i++)
		probe_close(&probes[(i * 7) % MANY]);
	assert_int_equal(loop_watch_count(loop), 0);
	turn(loop);
	assert_false(loop_is_nested(loop));
	loop_free(loop);
}

/* Random adding, removing, silencing; after each turn exactly those that ask and are
 * ready have been called. */
static void agrees_with_a_naive_model(void **state)
{
	struct probe probes[3 * LOOP_POLL_MAX];
	const size_t count = sizeof(probes) / sizeof(probes[0]);
	struct loop *loop;

	(void)state;
	srandom(7);
	assert_int_equal(loop_new(&loop, NULL), 0);
	for (size_t i = 0; i < count; i++)
		probe_init(&probes[i], i % 2);
	for (int round = 0; round < 5000; round++) {
		size_t size = (size_t)(round / 100) % 3 ? count : LOOP_POLL_MAX / 2;

		for (size_t i = 0; i < count; i++) {
			struct watch *watch = &probes[i].watch;

			probes[i].calls = 0;
			if (i >= size || random() % 8 == 0)
				loop_remove(watch);
			else if (!loop_is_watching(watch))
				assert_int_equal(loop_add(loop, watch), 0);
			else if (random() % 4 == 0)
				assert_int_equal(
					loop_change(watch, random() % 2 ? POLLIN : 0), 0);
		}
		turn(loop);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(probes[i].calls,
					 i % 2 && loop_is_watching(&probes[i].watch) &&
						 probes[i].watch.events == POLLIN);
	}
	for (size_t i = 0; i < count; i++)
		probe_close(&probes[i]);
	loop_free(loop);
}

static void stop_loop(struct probe *probe)
{
	if (probe->calls == 3)
		loop_stop(probe->loop);
}

static void runs_until_it_is_stopped(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe probe;

	probe_open(bench->loop, &probe, true);
	probe.act = stop_loop;
	assert_int_equal(loop_run(bench->loop), 0);
	assert_int_equal(probe.calls, 3);
	loop_stop(bench->loop);
	assert_int_equal(loop_run(bench->loop), 0);
	assert_int_equal(probe.calls, 3);
	probe_close(&probe);
	bench_close(bench);
}

/* poll(2): EINVAL when nfds exceeds RLIMIT_NOFILE, and that does not pass. */
static void gives_up_when_poll_fails_for_good(void **state)
{
	int status;
	pid_t child;

	(void)state;
	child = fork();
	assert_int_not_equal(child, -1);
	if (child == 0) {
		struct rlimit none = { 0 };
		struct loop *loop;

		if (loop_new(&loop, NULL) != 0 || setrlimit(RLIMIT_NOFILE, &none) == -1)
			_exit(1);
		_exit(loop_run(loop) == -EINVAL ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void says_when_there_is_no_descriptor_for_it(void **state)
{
	struct rlimit saved;
	struct rlimit none;
	struct loop *loop = NULL;
	struct error err = { 0 };
	int result;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	none = saved;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	result = loop_new(&loop, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
	assert_int_equal(result, -EMFILE);
	assert_null(loop);
	assert_int_equal(err.code, -EMFILE);
}

/* A child has copies of the watches and shares the nested set: freeing its loop must not
 * take the parent's watches out of it. */
static void a_child_frees_its_copy_without_harm_to_the_parent(void **state)
{
	struct bench *bench = bench_open(state);
	struct probe probe;
	int status;
	pid_t child;

	probe_open(bench->loop, &probe, true);
	child = fork();
	assert_int_not_equal(child, -1);
	if (child == 0) {
		loop_free(bench->loop);
		_exit(loop_is_watching(&probe.watch));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	turn(bench->loop);
	assert_int_equal(probe.calls, 1);
	probe_close(&probe);
	bench_close(bench);
}

#define IN_BOTH_MODES(test)                                                              \
	{ #test, test, NULL, NULL, NULL },                                               \
	{                                                                                \
#test "_nested", test, NULL, NULL, &extra                                \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH_MODES(reports_what_is_ready_and_nothing_else),
		IN_BOTH_MODES(reports_output_and_hang_up),
		IN_BOTH_MODES(a_watch_that_asks_for_nothing_hears_nothing),
		IN_BOTH_MODES(changes_between_input_and_output),
		IN_BOTH_MODES(a_removed_watch_is_not_called_in_the_same_turn),
		IN_BOTH_MODES(a_callback_may_free_itself_and_others),
		IN_BOTH_MODES(a_watch_added_anew_does_not_inherit_readiness),
		IN_BOTH_MODES(a_callback_may_silence_another_in_the_same_turn),
		IN_BOTH_MODES(readiness_no_longer_asked_for_is_dropped),
		IN_BOTH_MODES(a_watch_added_in_a_callback_is_heard_in_the_next_turn),
		IN_BOTH_MODES(refuses_what_cannot_be_watched),
		IN_BOTH_MODES(refuses_a_descriptor_watched_twice),
		IN_BOTH_MODES(a_change_that_fails_leaves_the_events),
		IN_BOTH_MODES(removal_takes_out_what_was_added),
		IN_BOTH_MODES(removing_twice_does_nothing),
		cmocka_unit_test(freeing_the_loop_forgets_its_watches),
		cmocka_unit_test(crosses_the_threshold_both_ways_with_live_watches),
		cmocka_unit_test(moves_to_the_nested_set_inside_a_callback),
		cmocka_unit_test(a_move_that_fails_leaves_everything_as_it_was),
		IN_BOTH_MODES(forgets_a_watch_that_is_closed),
		IN_BOTH_MODES(watches_what_is_elsewhere),
		cmocka_unit_test(serves_a_thousand_descriptors),
		cmocka_unit_test(agrees_with_a_naive_model),
		IN_BOTH_MODES(runs_until_it_is_stopped),
		cmocka_unit_test(gives_up_when_poll_fails_for_good),
		cmocka_unit_test(says_when_there_is_no_descriptor_for_it),
		IN_BOTH_MODES(a_child_frees_its_copy_without_harm_to_the_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
