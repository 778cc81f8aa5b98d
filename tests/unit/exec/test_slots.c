/* SPDX-License-Identifier: ISC */
/* The memory of starts under way, with children that are only pretended: a slot is left
 * when its word is zero. */
#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "../../../src/exec/exec_internal.h"
#include "exec_test.h"
#include "usherd/base/clock.h"

#define LONG_NS (10 * CLOCK_NS_PER_SECOND)

struct scene {
	struct slots slots;
	struct service *service;
	struct plan *plans[3];
	struct attempt attempts[SLOT_COUNT + 1];
	struct slot *taken[SLOT_COUNT + 1];
};

static struct plan *plan_for(struct service *service)
{
	struct environment *environment;
	char *none = NULL;
	struct plan *plan;

	assert_int_equal(environment_new(&none, &environment), 0);
	assert_int_equal(plan_new(service, environment, TECHNIQUE_SHARED, &plan, NULL),
			 0);
	environment_unref(environment);
	return plan;
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	if (scene == NULL || (scene->service = service_new()) == NULL)
		return -1;
	slots_init(&scene->slots);
	for (size_t i = 0; i < 3; i++)
		scene->plans[i] = plan_for(scene->service);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	for (size_t i = 0; i < SLOT_COUNT; i++)
		if (scene->slots.items[i].plan != NULL)
			atomic_store(&scene->slots.items[i].progress->busy, 0);
	slots_done(&scene->slots);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(scene->plans[i]->references, 1);
		assert_int_equal(scene->plans[i]->starts, 0);
		plan_unref(scene->plans[i]);
	}
	service_unref(scene->service);
	free(scene);
	return 0;
}

/* A slot as if a child were in it; of a process that is none of our children, and so
 * gone for those who ask: see occupy(). */
static int take(struct scene *scene, size_t index, struct plan *plan)
{
	int r = slots_take(&scene->slots, plan, &scene->attempts[index],
			   &scene->taken[index]);

	if (r == 0) {
		scene->taken[index]->pid = 1;
		atomic_store(&scene->taken[index]->progress->busy, 1);
	}
	return r;
}

static void leave(struct slot *slot)
{
	atomic_store(&slot->progress->step, 3);
	atomic_store(&slot->progress->error, -ENOENT);
	atomic_store(&slot->progress->busy, 0);
}

static void maps_a_slot_once_and_keeps_it(void **state)
{
	struct scene *scene = *state;
	char *memory;

	assert_int_equal(take(scene, 0, scene->plans[0]), 0);
	memory = scene->taken[0]->memory;
	assert_non_null(memory);
	assert_int_equal((uintptr_t)scene->taken[0]->stage % 16, 0);
	assert_int_equal((uintptr_t)scene->taken[0]->room % sizeof(char *), 0);
	slots_release(&scene->slots, scene->taken[0]);
	assert_int_equal(take(scene, 0, scene->plans[1]), 0);
	assert_ptr_equal(scene->taken[0]->memory, memory);
	assert_int_equal(take(scene, 1, scene->plans[1]), 0);
	assert_ptr_not_equal(scene->taken[1]->memory, memory);
}

/* A step that went deeper than its stack would otherwise write to somebody's memory. */
static void has_a_page_below_the_stack_that_nobody_may_touch(void **state)
{
	struct scene *scene = *state;
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	const struct slot *slot;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	assert_int_not_equal(fd, -1);
	assert_int_equal(take(scene, 0, scene->plans[0]), 0);
	slot = scene->taken[0];
	assert_int_equal(read(fd, slot->memory + page - 1, 1), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(read(fd, slot->memory + page, 1), 1);
	assert_int_equal(read(fd, (char *)slot->room + slot->room_size - 1, 1), 1);
	assert_int_equal(close(fd), 0);
}

static void makes_room_for_a_larger_environment(void **state)
{
	struct scene *scene = *state;
	struct service *service = service_new();
	struct plan *large;

	assert_non_null(service);
	for (int i = 0; i < 4000; i++) {
		char text[] = "V0000=";

		text[1] = (char)('0' + i / 1000);
		text[2] = (char)('0' + i / 100 % 10);
		text[3] = (char)('0' + i / 10 % 10);
		text[4] = (char)('0' + i % 10);
		assert_int_equal(strings_add(&service->program.env, text), 0);
	}
	large = plan_for(service);
	assert_int_equal(take(scene, 0, scene->plans[0]), 0);
	assert_true(scene->taken[0]->room_size < plan_environment_size(large));
	slots_release(&scene->slots, scene->taken[0]);
	assert_int_equal(take(scene, 0, large), 0);
	assert_true(scene->taken[0]->room_size >= plan_environment_size(large));
	slots_release(&scene->slots, scene->taken[0]);
	plan_unref(large);
	service_unref(service);
}

static void tells_an_attempt_how_far_its_child_came(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(take(scene, 0, scene->plans[0]), 0);
	assert_false(slot_is_left(scene->taken[0]));
	assert_ptr_equal(scene->attempts[0].slot, scene->taken[0]);
	assert_int_equal(scene->plans[0]->references, 2);
	leave(scene->taken[0]);
	assert_true(slot_is_left(scene->taken[0]));
	slots_release(&scene->slots, scene->taken[0]);
	assert_null(scene->attempts[0].slot);
	assert_int_equal(scene->attempts[0].step, 3);
	assert_int_equal(scene->attempts[0].error, -ENOENT);
	assert_int_equal(scene->plans[0]->references, 1);
}

/* For children that are there. */
static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	assert_int_not_equal(pid, -1);
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void occupy(struct scene *scene, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(take(scene, i, scene->plans[i % 2]), 0);
		scene->taken[i]->pid = pid;
	}
}

/* The attempts of the others need not be asked first. */
static void takes_back_what_has_been_left_when_none_is_free(void **state)
{
	struct scene *scene = *state;
	pid_t pid = sleeper();

	occupy(scene, SLOT_COUNT, pid);
	leave(scene->taken[5]);
	assert_int_equal(take(scene, SLOT_COUNT, scene->plans[2]), 0);
	assert_ptr_equal(scene->taken[SLOT_COUNT], scene->taken[5]);
	assert_null(scene->attempts[5].slot);
	assert_int_equal(scene->attempts[5].error, -ENOENT);
	assert_non_null(scene->attempts[6].slot);
	end(pid);
}

static void waits_in_vain_once_and_not_again_for_a_while(void **state)
{
	struct scene *scene = *state;
	pid_t pid = sleeper();
	uint64_t begin;

	occupy(scene, SLOT_COUNT, pid);
	begin = clock_monotonic_ns();
	assert_int_equal(take(scene, SLOT_COUNT, scene->plans[2]), -EAGAIN);
	assert_true(clock_monotonic_ns() - begin >= 50 * CLOCK_NS_PER_MS);
	assert_true(clock_monotonic_ns() - begin < LONG_NS);
	/* A thousand waits would be 50 s. */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(take(scene, SLOT_COUNT, scene->plans[2]), -EAGAIN);
	assert_true(clock_monotonic_ns() - begin < LONG_NS);
	/* That nobody waits does not mean that nobody looks. */
	leave(scene->taken[7]);
	assert_int_equal(take(scene, SLOT_COUNT, scene->plans[2]), 0);
	end(pid);
}

static void lets_no_plan_have_more_than_half(void **state)
{
	struct scene *scene = *state;
	pid_t pid = sleeper();

	for (size_t i = 0; i < SLOT_PLAN_MAX; i++) {
		assert_int_equal(take(scene, i, scene->plans[0]), 0);
		scene->taken[i]->pid = pid;
	}
	assert_int_equal(take(scene, SLOT_COUNT, scene->plans[0]), -EAGAIN);
	assert_int_equal(take(scene, SLOT_PLAN_MAX, scene->plans[1]), 0);
	leave(scene->taken[0]);
	assert_int_equal(take(scene, SLOT_COUNT, scene->plans[0]), 0);
	end(pid);
}

/* The word is zeroed by another process, as by the kernel. */
static void waits_for_a_slot_that_is_left_meanwhile(void **state)
{
	struct scene *scene = *state;
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = sleeper();
	pid_t waker;

	assert_ptr_not_equal(progress, MAP_FAILED);
	occupy(scene, SLOT_COUNT, pid);
	scene->taken[0]->progress = progress;
	atomic_store(&progress->busy, 1);
	waker = fork();
	if (waker == 0) {
		atomic_store(&progress->busy, 0);
		_exit(0);
	}
	assert_int_equal(take(scene, SLOT_COUNT, scene->plans[2]), 0);
	assert_ptr_equal(scene->taken[SLOT_COUNT], scene->taken[0]);
	assert_int_equal(waitpid(waker, NULL, 0), waker);
	end(pid);
}

/* There is no state from which only a restart would help. */
static void takes_a_forsaken_slot_back_when_it_is_left_at_last(void **state)
{
	struct scene *scene = *state;
	pid_t pid = sleeper();

	occupy(scene, SLOT_COUNT, pid);
	for (size_t i = 0; i < SLOT_COUNT; i++)
		slots_forsake(&scene->slots, scene->taken[i]);
	assert_null(scene->attempts[0].slot);
	assert_int_equal(scene->slots.forsaken, SLOT_COUNT);
	assert_int_equal(scene->plans[0]->references, 1 + SLOT_COUNT / 2);
	assert_int_equal(take(scene, SLOT_COUNT, scene->plans[2]), -EAGAIN);
	for (size_t i = 0; i < SLOT_COUNT; i++)
		leave(scene->taken[i]);
	assert_int_equal(take(scene, SLOT_COUNT, scene->plans[2]), 0);
	assert_int_equal(scene->slots.forsaken, 0);
	assert_int_equal(scene->plans[0]->references, 1);
	end(pid);
}

/* Of one that dumped core an old kernel does not zero the word. */
static void takes_a_slot_back_whose_child_is_gone_for_certain(void **state)
{
	struct scene *scene = *state;
	pid_t pid = sleeper();

	occupy(scene, SLOT_COUNT, pid);
	end(pid);
	assert_int_equal(take(scene, SLOT_COUNT, scene->plans[2]), 0);
}

static void drains_in_time_or_not_at_all(void **state)
{
	struct scene *scene = *state;
	pid_t pid = sleeper();
	uint64_t begin = clock_monotonic_ns();

	occupy(scene, 2, pid);
	slots_drain(&scene->slots, 20);
	assert_true(clock_monotonic_ns() - begin >= 20 * CLOCK_NS_PER_MS);
	assert_non_null(scene->attempts[0].slot);
	leave(scene->taken[0]);
	leave(scene->taken[1]);
	slots_drain(&scene->slots, 60000);
	assert_null(scene->attempts[0].slot);
	assert_null(scene->attempts[1].slot);
	assert_true(clock_monotonic_ns() - begin < LONG_NS);
	end(pid);
}

/* What a child may still write to is nobody else's, for as long as that may be. */
static void leaves_memory_alone_that_is_still_in_use(void **state)
{
	struct scene *scene = *state;
	pid_t pid = sleeper();
	struct slot *slot;

	occupy(scene, 2, pid);
	slot = scene->taken[0];
	leave(scene->taken[1]);
	slots_done(&scene->slots);
	assert_null(scene->taken[1]->memory);
	assert_int_equal(atomic_load(&slot->progress->busy), 1);
	assert_int_equal(scene->plans[0]->references, 2);
	end(pid);
}

static int take_without(void *argument)
{
	struct scene *scene = argument;

	if (intercept(SCMP_ACT_ERRNO(ENOMEM), SCMP_SYS(mprotect), -1) != 0)
		return 2;
	if (take(scene, 0, scene->plans[0]) != -ENOMEM ||
	    scene->slots.items[0].memory != NULL)
		return 3;
	return scene->slots.free == UINT64_MAX && scene->plans[0]->starts == 0 ? 0 : 4;
}

static void reports_that_no_slot_could_be_made(void **state)
{
	assert_exit(in_child(take_without, *state), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(maps_a_slot_once_and_keeps_it),
		CASE(has_a_page_below_the_stack_that_nobody_may_touch),
		CASE(makes_room_for_a_larger_environment),
		CASE(tells_an_attempt_how_far_its_child_came),
		CASE(takes_back_what_has_been_left_when_none_is_free),
		CASE(waits_in_vain_once_and_not_again_for_a_while),
		CASE(lets_no_plan_have_more_than_half),
		CASE(waits_for_a_slot_that_is_left_meanwhile),
		CASE(takes_a_forsaken_slot_back_when_it_is_left_at_last),
		CASE(takes_a_slot_back_whose_child_is_gone_for_certain),
		CASE(drains_in_time_or_not_at_all),
		CASE(leaves_memory_alone_that_is_still_in_use),
		CASE(reports_that_no_slot_could_be_made),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
