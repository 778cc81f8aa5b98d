/* SPDX-License-Identifier: ISC */
/* A load beside the loop: when the outcome comes, and that none is lost or left over. */
#include "daemon_bench.h"
#include "usherd/daemon/loader.h"

#define ECHO "service echo {\n\tport = 7007\n\tinternal = echo\n}\n"

struct scene {
	struct bench *bench;
	struct options options;
	struct loop *loop;
	struct loader loader;
	unsigned calls;
	unsigned more; /* loads to begin from the callback */
	int result;
	size_t services;
	size_t errors;
};

static void loaded(void *data, struct loader_outcome *outcome)
{
	struct scene *scene = data;

	assert_false(scene->loader.under_way);
	scene->calls++;
	scene->result = outcome->result;
	scene->services = outcome->table != NULL ? outcome->table->count : 0;
	scene->errors = outcome->diagnostics.errors;
	table_free(outcome->table);
	diagnostics_done(&outcome->diagnostics);
	if (scene->more > 0) {
		scene->more--;
		assert_int_equal(loader_start(&scene->loader, scene->loop), 0);
	}
	if (!scene->loader.under_way)
		loop_stop(scene->loop);
}

static void begin(struct scene *scene, struct bench *bench, const char *text)
{
	*scene = (struct scene){ .bench = bench };
	bench_write(bench->path, text);
	assert_int_equal(strings_add(&scene->options.files, bench->path), 0);
	assert_int_equal(loop_new(&scene->loop, NULL), 0);
	scene->loader.options = &scene->options;
	scene->loader.loaded = loaded;
	scene->loader.data = scene;
	assert_int_equal(loader_start(&scene->loader, scene->loop), 0);
	assert_true(scene->loader.under_way);
}

static void finish(struct scene *scene)
{
	loader_done(&scene->loader);
	assert_int_equal(loop_watch_count(scene->loop), 0);
	loop_free(scene->loop);
	options_done(&scene->options);
}

static void hands_over_what_was_loaded(void **state)
{
	struct scene scene;

	begin(&scene, *state, ECHO);
	assert_int_equal(scene.calls, 0);
	assert_int_equal(loop_run(scene.loop), 0);
	assert_int_equal(scene.calls, 1);
	assert_int_equal(scene.result, 0);
	assert_int_equal(scene.services, 1);
	finish(&scene);
}

static void hands_over_what_was_wrong(void **state)
{
	struct scene scene;

	begin(&scene, *state, "nonsense = 1\nservice a { }\n");
	assert_int_equal(loop_run(scene.loop), 0);
	assert_int_equal(scene.calls, 1);
	assert_int_equal(scene.result, -EINVAL);
	assert_int_equal(scene.services, 0);
	assert_true(scene.errors >= 2);
	finish(&scene);
}

/* As before a fork: the thread is gone then, the outcome comes with the next turn. */
static void can_be_waited_for(void **state)
{
	struct scene scene;

	begin(&scene, *state, ECHO);
	loader_wait(&scene.loader);
	loader_wait(&scene.loader);
	assert_true(scene.loader.under_way);
	assert_int_equal(scene.calls, 0);
	assert_int_equal(loop_run(scene.loop), 0);
	assert_int_equal(scene.calls, 1);
	assert_int_equal(scene.services, 1);
	loader_wait(&scene.loader);
	finish(&scene);
}

static void begins_the_next_load_from_the_callback(void **state)
{
	struct scene scene;

	begin(&scene, *state, ECHO);
	scene.more = 2;
	assert_int_equal(loop_run(scene.loop), 0);
	assert_int_equal(scene.calls, 3);
	assert_int_equal(scene.services, 1);
	finish(&scene);
}

static void forgets_a_load_that_nobody_waits_for(void **state)
{
	struct scene scene;

	begin(&scene, *state, ECHO);
	finish(&scene);
	assert_int_equal(scene.calls, 0);
	assert_false(scene.loader.under_way);
}

static void does_nothing_when_all_is_zero(void **state)
{
	struct loader loader = { .under_way = false };

	(void)state;
	loader_wait(&loader);
	loader_done(&loader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hands_over_what_was_loaded, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(hands_over_what_was_wrong, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(can_be_waited_for, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(begins_the_next_load_from_the_callback,
						bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(forgets_a_load_that_nobody_waits_for,
						bench_setup, bench_teardown),
		cmocka_unit_test(does_nothing_when_all_is_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
