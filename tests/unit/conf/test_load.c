/* SPDX-License-Identifier: ISC */
/* Files, includes, and that failed loads leave nothing behind. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_test.h"

static char folder[] = "/tmp/usherd-load-XXXXXX";

static int enter_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int kind,
			struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return chdir("/") == 0 ? nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS) : -1;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	assert_int_not_equal(fputs(text, file), EOF);
	assert_int_equal(fclose(file), 0);
}

static struct loaded load_files(const char *first, const char *second)
{
	struct conf_request request = { .root = true,
					.internal_exists = conf_test_internal };
	struct loaded loaded = { 0 };
	assert_int_equal(strings_add(&request.files, first), 0);
	if (second != NULL)
		assert_int_equal(strings_add(&request.files, second), 0);
	loaded.result = conf_load(&request, &loaded.table, &loaded.diagnostics);
	strings_done(&request.files);
	return loaded;
}

static void loads_several_files(void **state)
{
	(void)state;
	write_file("a.conf", "service a { port = 1 internal = echo }\n");
	write_file("b.conf", "service b { port = 2 internal = echo }\n"
			     "defaults { instances = 3 }\n");
	struct loaded loaded = load_files("a.conf", "b.conf");
	assert_errors(&loaded.diagnostics, "");
	assert_int_equal(loaded.table->count, 2);
	assert_int_equal(table_find(loaded.table, "a")->policy.instances, 3);
	assert_string_equal(table_find(loaded.table, "b")->file, "b.conf");
	loaded_done(&loaded);
}

static void reports_duplicates_across_files_with_both_places(void **state)
{
	(void)state;
	write_file("a.conf", "\nservice x { port = 1 internal = echo }\nlog = stderr\n");
	write_file("b.conf", "service x { port = 2 internal = echo }\nlog = syslog\n");
	struct loaded loaded = load_files("a.conf", "b.conf");
	assert_int_equal(loaded.result, -EINVAL);
	assert_errors(&loaded.diagnostics,
		      "b.conf:1: error: service 'x' is already defined at a.conf:2\n"
		      "b.conf:2: error: 'log' is already set at a.conf:3\n");
	loaded_done(&loaded);
}

static void goes_on_with_the_next_file_after_an_error(void **state)
{
	(void)state;
	write_file("a.conf", "service x {\n");
	write_file("b.conf", "service y { port = 0 internal = echo }\n");
	struct loaded loaded = load_files("a.conf", "b.conf");
	assert_errors(&loaded.diagnostics,
		      "a.conf:1: error: '{' of this section is never closed\n"
		      "b.conf:1: error: port: port '0' is out of range: 1 to 65535 "
		      "expected\n");
	loaded_done(&loaded);
	loaded = load_files("missing.conf", "b.conf");
	assert_errors(&loaded.diagnostics,
		      "missing.conf: error: cannot be opened: No such file or directory\n"
		      "b.conf:1: error: port: port '0' is out of range: 1 to 65535 "
		      "expected\n");
	loaded_done(&loaded);
}

static void reads_a_file_once(void **state)
{
	(void)state;
	write_file("a.conf", "include = { b.conf, 'b*.conf', './b.conf' }\n");
	write_file("b.conf", "service x { port = 1 internal = echo }\n");
	struct loaded loaded = load_files("a.conf", "b.conf");
	assert_errors(&loaded.diagnostics, "");
	assert_int_equal(loaded.table->count, 1);
	loaded_done(&loaded);
}

static void finds_a_file_that_includes_itself(void **state)
{
	(void)state;
	assert_int_equal(unlink("b.conf"), 0);
	assert_int_equal(symlink("a.conf", "b.conf"), 0);
	write_file("a.conf", "\ninclude = b.conf\n");
	struct loaded loaded = load_files("a.conf", NULL);
	assert_errors(&loaded.diagnostics,
		      "a.conf:2: error: include: 'b.conf' includes itself\n");
	loaded_done(&loaded);
	assert_int_equal(unlink("b.conf"), 0);
}

static void stops_at_sixteen_files_deep(void **state)
{
	(void)state;
	for (int i = 0; i <= 17; i++) {
		char name[32];
		char text[64];
		(void)snprintf(name, sizeof(name), "deep%d", i);
		(void)snprintf(text, sizeof(text), "include = deep%d\n", i + 1);
		write_file(name, i == 17 ? "" : text);
	}
	struct loaded loaded = load_files("deep0", NULL);
	assert_errors(&loaded.diagnostics,
		      "deep16:1: error: include: more than 16 files deep\n");
	loaded_done(&loaded);
	loaded = load_files("deep1", NULL);
	assert_errors(&loaded.diagnostics, "");
	loaded_done(&loaded);
}

/* libconfuse trap 4: a directory called x.conf ends the process there. */
static void survives_a_directory_among_the_files(void **state)
{
	(void)state;
	assert_int_equal(mkdir("dir.d", 0755), 0);
	assert_int_equal(mkdir("dir.d/foo.conf", 0755), 0);
	write_file("a.conf", "include = 'dir.d/*.conf'\n");
	struct loaded loaded = load_files("a.conf", NULL);
	assert_errors(&loaded.diagnostics,
		      "a.conf:1: error: include: 'dir.d/foo.conf' is a directory, not a "
		      "file\n");
	loaded_done(&loaded);
}

/* libconfuse trap 5: there, ten failed includes make every further one fail. */
static void leaves_nothing_behind_after_failed_loads(void **state)
{
	(void)state;
	write_file("a.conf", "include = { bad.conf, missing.conf, good.conf }\n"
			     "log = nowhere\nservice x { port = 0 internal = echo }\n");
	write_file("bad.conf", "service y { service = 1 }\nservice z { \"\n");
	write_file("good.conf", "service v { port = 1 internal = echo }\n"
				"service v { port = 2 internal = echo }\n"
				"service w { server = /bin/sh user = root groups = yes "
				"only_from = { 10.0.0.0/8 } port = 3 }\n");
	int before = dup(0);
	for (int i = 0; i < 100; i++) {
		struct loaded loaded = load_files("a.conf", NULL);
		assert_int_equal(loaded.result, -EINVAL);
		loaded_done(&loaded);
	}
	int after = dup(0);
	assert_int_equal(before + 1, after);
	assert_int_equal(close(before), 0);
	assert_int_equal(close(after), 0);
	struct loaded loaded = load_files("missing.conf", NULL);
	loaded_done(&loaded);
	write_file("good.conf", "service v { port = 1 internal = echo }\n");
	loaded = load_files("good.conf", NULL);
	assert_errors(&loaded.diagnostics, "");
	loaded_done(&loaded);
}

static void loads_text_with_checks_of_its_bytes(void **state)
{
	(void)state;
	const struct conf_request request = { .root = true };
	struct loaded loaded = { 0 };
	loaded.result = conf_load_text(&request, DIALECT_NATIVE, "mem", "a\0b", 3,
				       &loaded.table, &loaded.diagnostics);
	assert_int_equal(loaded.result, -EINVAL);
	assert_errors(&loaded.diagnostics,
		      "mem: error: is not text: it contains a NUL byte\n");
	loaded_done(&loaded);
}

static void reports_ten_mistakes_in_one_run(void **state)
{
	(void)state;
	assert_int_equal(chdir(USHERD_SOURCE_DIR "/tests/conf"), 0);
	struct loaded loaded = load_files("bad/ten-mistakes.conf", NULL);
	assert_true(loaded.diagnostics.errors >= 10);
	loaded_done(&loaded);
	assert_int_equal(chdir(folder), 0);
}

static void loads_thousands_of_services(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	for (int i = 1; i <= 5000; i++)
		(void)fprintf(out,
			      "service s%d { # number\nport = %d internal = echo }\n", i,
			      i);
	(void)fclose(out);
	struct loaded loaded;
	assert_loads(&loaded, text);
	assert_int_equal(loaded.table->count, 5000);
	assert_int_equal(table_find(loaded.table, "s5000")->line, 9999);
	loaded_done(&loaded);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_several_files),
		cmocka_unit_test(reports_duplicates_across_files_with_both_places),
		cmocka_unit_test(goes_on_with_the_next_file_after_an_error),
		cmocka_unit_test(reads_a_file_once),
		cmocka_unit_test(finds_a_file_that_includes_itself),
		cmocka_unit_test(stops_at_sixteen_files_deep),
		cmocka_unit_test(survives_a_directory_among_the_files),
		cmocka_unit_test(leaves_nothing_behind_after_failed_loads),
		cmocka_unit_test(loads_text_with_checks_of_its_bytes),
		cmocka_unit_test(reports_ten_mistakes_in_one_run),
		cmocka_unit_test(loads_thousands_of_services),
	};
	return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
