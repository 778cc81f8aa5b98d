/* SPDX-License-Identifier: ISC */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usherd/conf/source.h"

static char folder[] = "/tmp/usherd-source-XXXXXX";

static const char *at(const char *name)
{
	static char path[4][256];
	static unsigned next;
	char *result = path[next++ % 4];
	(void)snprintf(result, sizeof(path[0]), "%s/%s", folder, name);
	return result;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(close(fd), 0);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
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
	return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void assert_unreadable(const char *path, int code, const char *sentence)
{
	struct source source = { .length = 77 };
	struct error err = { 0 };
	assert_int_equal(source_read(path, &source, &err), code);
	assert_string_equal(err.text, sentence);
	assert_int_equal(source.length, 77);
}

static void reads_a_file_whole(void **state)
{
	(void)state;
	struct source source;
	write_file("plain", "port\n", 5);
	assert_int_equal(source_read(at("plain"), &source, NULL), 0);
	assert_int_equal(source.length, 5);
	assert_string_equal(source.text, "port\n");
	struct stat status;
	assert_int_equal(stat(at("plain"), &status), 0);
	assert_true(source.inode == status.st_ino && source.device == status.st_dev);
	source_done(&source);
	assert_null(source.text);
}

static void reads_an_empty_file(void **state)
{
	(void)state;
	struct source source;
	write_file("empty", "", 0);
	assert_int_equal(source_read(at("empty"), &source, NULL), 0);
	assert_int_equal(source.length, 0);
	assert_string_equal(source.text, "");
	source_done(&source);
}

static void follows_a_symbolic_link(void **state)
{
	(void)state;
	struct source source;
	write_file("target", "x", 1);
	assert_int_equal(symlink("target", at("link")), 0);
	assert_int_equal(source_read(at("link"), &source, NULL), 0);
	assert_string_equal(source.text, "x");
	source_done(&source);
}

static void reads_files_that_claim_no_size(void **state)
{
	(void)state;
	struct source source;
	assert_int_equal(source_read("/proc/self/limits", &source, NULL), 0);
	assert_true(source.length > 0);
	source_done(&source);
}

/* libconfuse trap 4: a directory ends the process there. */
static void refuses_a_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir(at("foo.conf"), 0755), 0);
	assert_unreadable(at("foo.conf"), -EISDIR, "is a directory, not a file");
}

static void refuses_what_is_not_a_regular_file(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(at("fifo"), 0644), 0);
	assert_unreadable(at("fifo"), -EINVAL, "is not a regular file");
	assert_unreadable("/dev/null", -EINVAL, "is not a regular file");
}

static void says_why_a_file_cannot_be_opened(void **state)
{
	(void)state;
	assert_unreadable(at("missing"), -ENOENT,
			  "cannot be opened: No such file or directory");
	assert_int_equal(symlink("loop", at("loop")), 0);
	assert_unreadable(at("loop"), -ELOOP,
			  "cannot be opened: Too many levels of symbolic links");
}

static void says_why_a_file_cannot_be_read(void **state)
{
	(void)state;
	/* An address space cannot be read at 0. */
	assert_unreadable("/proc/self/mem", -EIO, "cannot be read: Input/output error");
}

/* libconfuse trap 13: a NUL cuts a word there. */
static void refuses_a_nul_byte(void **state)
{
	(void)state;
	write_file("nul", "a\0b", 3);
	assert_unreadable(at("nul"), -EINVAL, "is not text: it contains a NUL byte");
}

static void refuses_byte_order_marks(void **state)
{
	(void)state;
	write_file("bom", "\xef\xbb\xbfx", 4);
	assert_unreadable(at("bom"), -EINVAL,
			  "begins with a byte order mark; save it without one");
	write_file("bom16", "\xff\xfex\xff", 4);
	assert_unreadable(at("bom16"), -EINVAL, "is UTF-16, not plain text");
	write_file("bom16b", "\xfe\xffx", 3);
	assert_unreadable(at("bom16b"), -EINVAL, "is UTF-16, not plain text");
}

static void takes_exactly_the_largest_size(void **state)
{
	(void)state;
	char *bytes = malloc(SOURCE_SIZE_MAX + 1);
	struct source source;
	assert_non_null(bytes);
	memset(bytes, '\n', SOURCE_SIZE_MAX + 1);
	write_file("largest", bytes, SOURCE_SIZE_MAX);
	write_file("larger", bytes, SOURCE_SIZE_MAX + 1);
	assert_int_equal(source_read(at("largest"), &source, NULL), 0);
	assert_int_equal(source.length, SOURCE_SIZE_MAX);
	source_done(&source);
	assert_unreadable(at("larger"), -EFBIG, "is larger than 1048576 bytes");
	assert_int_equal(source_check_text(bytes, SOURCE_SIZE_MAX + 1, NULL), -EFBIG);
	free(bytes);
}

static void expands_a_pattern_in_order(void **state)
{
	(void)state;
	struct strings paths = { 0 };
	assert_int_equal(mkdir(at("d"), 0755), 0);
	write_file("d/20.conf", "", 0);
	write_file("d/10.conf", "", 0);
	write_file("d/.hidden.conf", "", 0);
	write_file("d/30.conf~", "", 0);
	/* trap 6: relative to the including file, not to the working directory */
	assert_int_equal(source_expand("d/*.conf", at("main"), &paths, NULL), 0);
	assert_int_equal(paths.count, 2);
	assert_string_equal(paths.items[0], at("d/10.conf"));
	assert_string_equal(paths.items[1], at("d/20.conf"));
	strings_done(&paths);
}

static void expands_absolute_and_local_names(void **state)
{
	(void)state;
	struct strings paths = { 0 };
	assert_int_equal(source_expand("/nowhere/x", "a/b", &paths, NULL), 0);
	assert_int_equal(source_expand("x", "b", &paths, NULL), 0);
	assert_int_equal(source_expand("x", "a/b", &paths, NULL), 0);
	assert_int_equal(source_expand("nothing*", "a/b", &paths, NULL), 0);
	assert_int_equal(paths.count, 3);
	assert_string_equal(paths.items[0], "/nowhere/x");
	assert_string_equal(paths.items[1], "x");
	assert_string_equal(paths.items[2], "a/x");
	strings_done(&paths);
}

static void refuses_to_expand_nothing(void **state)
{
	(void)state;
	struct strings paths = { 0 };
	struct error err = { 0 };
	assert_int_equal(source_expand("", "a", &paths, &err), -EINVAL);
	assert_string_equal(err.text, "include: the path is empty");
}

static void reports_a_folder_it_may_not_look_through(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip();
	struct strings paths = { 0 };
	struct error err = { 0 };
	assert_int_equal(mkdir(at("locked"), 0), 0);
	assert_true(source_expand("locked/*", at("x"), &paths, &err) < 0);
	assert_non_null(strstr(err.text, "cannot look through"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_file_whole),
		cmocka_unit_test(reads_an_empty_file),
		cmocka_unit_test(follows_a_symbolic_link),
		cmocka_unit_test(reads_files_that_claim_no_size),
		cmocka_unit_test(refuses_a_directory),
		cmocka_unit_test(refuses_what_is_not_a_regular_file),
		cmocka_unit_test(says_why_a_file_cannot_be_opened),
		cmocka_unit_test(says_why_a_file_cannot_be_read),
		cmocka_unit_test(refuses_a_nul_byte),
		cmocka_unit_test(refuses_byte_order_marks),
		cmocka_unit_test(takes_exactly_the_largest_size),
		cmocka_unit_test(expands_a_pattern_in_order),
		cmocka_unit_test(expands_absolute_and_local_names),
		cmocka_unit_test(refuses_to_expand_nothing),
		cmocka_unit_test(reports_a_folder_it_may_not_look_through),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
