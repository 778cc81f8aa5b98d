/* SPDX-License-Identifier: ISC */
/* Files on a billboard, and who sees what is on it. */
#include "duty_bench.h"

#include <sys/stat.h>

#include "usherd/serve/billboard.h"
#include "usherd/serve/billboards.h"

static char directory[] = "/tmp/usherd-billboard-XXXXXX";

static const char *path_of(const char *name, char buffer[128])
{
	(void)snprintf(buffer, 128, "%s/%s", directory, name);
	return buffer;
}

static void write_file(const char *name, const char *text, size_t length)
{
	char path[128];
	FILE *file = fopen(path_of(name, path), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static struct post *make_post(struct bench *bench)
{
	struct service *service = service_new();
	struct post *post;
	char path[128];
	struct error err;

	assert_non_null(service);
	service->id = bench_copy("shown");
	service->internal = bench_copy("echo");
	service->banners[SERVICE_BANNER_GREETING] = bench_copy(path_of("banner", path));
	assert_int_equal(post_new(&bench->engine, service, &post, &err), 0);
	service_unref(service);
	assert_non_null(post->billboard);
	return post;
}

static bool bench_shows(const struct post *post, const char *expected)
{
	size_t length;
	const void *text =
		billboard_text(post->billboard, SERVICE_BANNER_GREETING, &length);

	return length == strlen(expected) && memcmp(text, expected, length) == 0;
}

static void assert_shown(const struct billboard *billboard, const char *expected)
{
	size_t length;
	const void *text = billboard_text(billboard, SERVICE_BANNER_GREETING, &length);

	assert_int_equal(length, strlen(expected));
	assert_memory_equal(text, expected, length);
}

static void shows_the_file_as_it_is(void **state)
{
	struct bench *bench = *state;
	struct post *post = make_post(bench);
	struct billboard *elsewhere;
	size_t length;
	char path[128];

	write_file("banner", "one", 3);
	assert_shown(post->billboard, "");
	assert_int_equal(billboard_open(billboard_fd(post->billboard), &elsewhere), 0);
	billboards_refresh(post);
	assert_shown(post->billboard, "one");
	assert_shown(elsewhere, "one");
	/* As long as the one before, and perhaps written in the same moment. */
	write_file("banner", "two", 3);
	billboards_refresh(post);
	assert_shown(elsewhere, "two");
	assert_int_equal(unlink(path_of("banner", path)), 0);
	for (int i = 0; i < 3; i++) {
		billboards_refresh(post);
		assert_shown(elsewhere, "");
	}
	assert_int_equal(bench_said(bench, "cannot read"), 1);
	(void)billboard_text(elsewhere, SERVICE_BANNER_FAIL, &length);
	assert_int_equal(length, 0);
	billboard_unref(elsewhere);
	post_unref(post);
}

static void cuts_what_is_too_long(void **state)
{
	struct bench *bench = *state;
	struct post *post = make_post(bench);
	static char text[BILLBOARD_TEXT_MAX + 100];
	size_t length;

	memset(text, 'x', sizeof(text));
	write_file("banner", text, sizeof(text));
	billboards_refresh(post);
	(void)billboard_text(post->billboard, SERVICE_BANNER_GREETING, &length);
	assert_int_equal(length, BILLBOARD_TEXT_MAX);
	post_unref(post);
}

static void goes_on_looking(void **state)
{
	struct bench *bench = *state;
	struct post *post = make_post(bench);

	write_file("banner", "old", 3);
	assert_int_equal(engine_reserve(&bench->engine, 1), 0);
	engine_enlist(&bench->engine, post);
	billboards_tend(&bench->engine);
	assert_shown(post->billboard, "old");
	write_file("banner", "newer", 5);
	UNTIL(bench, bench_shows(post, "newer"));
	assert_true(loop_timer_is_armed(&bench->engine.billboards));
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
	char path[128];

	(void)state;
	(void)unlink(path_of("banner", path));
	return rmdir(directory);
}

static void reads_no_more_than_it_may(void **state)
{
	char buffer[4], path[128];

	(void)state;
	write_file("banner", "hello", 5);
	assert_int_equal(billboard_read(path_of("banner", path), buffer, 4), 4);
	assert_memory_equal(buffer, "hell", 4);
	assert_int_equal(billboard_read("/nonexistent", buffer, 4), -ENOENT);
	assert_int_equal(billboard_read(directory, buffer, 4), -EISDIR);
	assert_int_equal(billboard_read("/dev/null", buffer, 4), 0);
}

static void waits_for_no_fifo(void **state)
{
	char buffer[4], path[128];

	(void)state;
	assert_int_equal(mkfifo(path_of("fifo", path), 0600), 0);
	assert_int_equal(billboard_read(path, buffer, 4), 0);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(shows_the_file_as_it_is),
		CASE(cuts_what_is_too_long),
		CASE(goes_on_looking),
		cmocka_unit_test(reads_no_more_than_it_may),
		cmocka_unit_test(waits_for_no_fifo),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
