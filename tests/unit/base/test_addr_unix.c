/* SPDX-License-Identifier: ISC */
/* UNIX socket addresses: exact lengths, abstract names with any byte, paths. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "usherd/base/addr.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PATH_OFFSET     offsetof(struct sockaddr_un, sun_path)
#define PATH_SIZE       sizeof(((struct sockaddr_un *)NULL)->sun_path)

static struct addr unix_name(const char *bytes, size_t length)
{
	struct addr addr = { .length = (socklen_t)(PATH_OFFSET + length) };

	addr.u.un.sun_family = AF_UNIX;
	memcpy(addr.u.un.sun_path, bytes, length);
	return addr;
}

static void assert_text(const struct addr *addr, const char *expected)
{
	char buffer[ADDR_TEXT_SIZE];

	assert_ptr_equal(addr_format(addr, buffer), buffer);
	assert_string_equal(buffer, expected);
}

static void reads_unix_paths_with_exact_length(void **state)
{
	char buffer[ADDR_TEXT_SIZE];
	struct addr addr;

	(void)state;
	assert_int_equal(addr_parse_unix("/run/x.sock", &addr, NULL), 0);
	assert_int_equal(addr_family(&addr), AF_UNIX);
	assert_int_equal(addr.length, PATH_OFFSET + strlen("/run/x.sock") + 1);
	assert_string_equal(addr.u.un.sun_path, "/run/x.sock");
	assert_ptr_equal(addr_format_host(&addr, buffer), buffer);
	assert_string_equal(buffer, "/run/x.sock");
	assert_text(&addr, "/run/x.sock");
}

static void reads_abstract_names_with_exact_length(void **state)
{
	struct addr addr;

	(void)state;
	assert_int_equal(addr_parse_unix("@name", &addr, NULL), 0);
	assert_int_equal(addr.length, PATH_OFFSET + 1 + 4);
	assert_memory_equal(addr.u.un.sun_path, "\0name", 5);
	assert_text(&addr, "@name");
	assert_int_equal(addr_parse_unix("@@", &addr, NULL), 0);
	assert_int_equal(addr.length, PATH_OFFSET + 2);
	assert_text(&addr, "@@");
}

static void unix_names_end_at_107_bytes(void **state)
{
	char text[PATH_SIZE + 2];
	struct addr addr = { .length = 77 };
	struct error err = { 0 };

	(void)state;
	memset(text, 'a', sizeof(text));
	text[0] = '/';
	text[PATH_SIZE] = '\0';
	assert_int_equal(addr_parse_unix(text, &addr, &err), -ENAMETOOLONG);
	assert_int_equal(err.code, -ENAMETOOLONG);
	assert_int_equal(addr.length, 77);
	text[PATH_SIZE - 1] = '\0';
	assert_int_equal(addr_parse_unix(text, &addr, NULL), 0);
	assert_int_equal(addr.length, sizeof(struct sockaddr_un));
	text[0] = '@';
	text[PATH_SIZE - 1] = 'a';
	text[PATH_SIZE] = 'a';
	text[PATH_SIZE + 1] = '\0';
	assert_int_equal(addr_parse_unix(text, &addr, &err), -ENAMETOOLONG);
	text[PATH_SIZE] = '\0';
	assert_int_equal(addr_parse_unix(text, &addr, NULL), 0);
	assert_int_equal(addr.length, sizeof(struct sockaddr_un));
}

static void rejects_what_is_no_unix_name(void **state)
{
	static const char *const texts[] = { "", "/", "@", "run/x", "./x", "x" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct addr addr = { .length = 77 };
		struct error err = { 0 };

		assert_int_equal(addr_parse_unix(texts[i], &addr, &err), -EINVAL);
		assert_int_equal(addr.length, 77);
		assert_int_equal(err.code, -EINVAL);
	}
}

static void the_kernel_agrees_about_abstract_names(void **state)
{
	struct addr addr;
	struct addr bound = { .length = sizeof(bound.u) };
	char name[64];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	(void)snprintf(name, sizeof(name), "@usherd-test-%ld", (long)getpid());
	assert_int_equal(addr_parse_unix(name, &addr, NULL), 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, &addr.u.any, addr.length), 0);
	assert_int_equal(getsockname(fd, &bound.u.any, &bound.length), 0);
	(void)close(fd);
	assert_int_equal(bound.length, addr.length);
	assert_true(addr_equal(&bound, &addr));
	assert_text(&bound, name);
}

static void abstract_names_may_hold_any_byte(void **state)
{
	struct addr a = unix_name("\0a\0b\n'\xff", 7);
	struct addr b = unix_name("\0a\0c\n'\xff", 7);
	struct addr shorter = unix_name("\0a", 2);
	struct addr longer = unix_name("\0a\0", 3);

	(void)state;
	assert_text(&a, "@a\\x00b\\n\\'\\xff");
	assert_true(addr_equal(&a, &a));
	assert_false(addr_equal(&a, &b));
	assert_false(addr_equal(&shorter, &longer));
	assert_text(&shorter, "@a");
	assert_text(&longer, "@a\\x00");
}

static void a_path_ends_at_its_nul_whether_counted_or_not(void **state)
{
	struct addr counted = unix_name("/x", 3);
	struct addr not_counted = unix_name("/x", 2);
	struct addr padded = unix_name("/x\0\0\0\0", 6);
	struct addr other = unix_name("/xy", 4);

	(void)state;
	assert_true(addr_equal(&counted, &not_counted));
	assert_true(addr_equal(&counted, &padded));
	assert_false(addr_equal(&counted, &other));
	assert_text(&not_counted, "/x");
}

static void a_path_without_nul_stays_within_the_address(void **state)
{
	char bytes[PATH_SIZE];
	char buffer[ADDR_TEXT_SIZE];
	struct addr addr;

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	bytes[0] = '/';
	addr = unix_name(bytes, sizeof(bytes));
	assert_int_equal(strlen(addr_format(&addr, buffer)), PATH_SIZE);
	addr.length += 50;
	assert_int_equal(strlen(addr_format(&addr, buffer)), PATH_SIZE);
}

static void long_escaped_names_are_cut(void **state)
{
	char bytes[PATH_SIZE] = { 0 };
	char buffer[ADDR_TEXT_SIZE];
	struct addr addr = unix_name(bytes, sizeof(bytes));

	(void)state;
	assert_in_range(strlen(addr_format(&addr, buffer)), ADDR_TEXT_SIZE - 4,
			ADDR_TEXT_SIZE - 1);
}

static void names_that_are_no_absolute_path_are_not_shown(void **state)
{
	static const char *const names[] = { "203.0.113.9", "1.1.1.1 from=198.51.100.7",
					     "::1",         " /x",
					     "@x",          "./x" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct addr addr = unix_name(names[i], strlen(names[i]) + 1);

		assert_text(&addr, "<no address>");
	}
}

static void spaces_in_names_are_escaped(void **state)
{
	static const char path[] = "/a b  c\\";
	struct addr addr = unix_name(path, sizeof(path));
	struct addr abstract = unix_name("\0 x from=y ", 11);

	(void)state;
	assert_text(&addr, "/a\\x20b\\x20\\x20c\\\\");
	assert_text(&abstract, "@\\x20x\\x20from=y\\x20");
}

static void escaped_spaces_are_not_cut_in_half(void **state)
{
	char bytes[PATH_SIZE];
	char buffer[ADDR_TEXT_SIZE];
	struct addr addr;

	(void)state;
	memset(bytes, ' ', sizeof(bytes));
	for (size_t plain = 1; plain < 6; plain++) {
		memset(bytes, '/', plain);
		addr = unix_name(bytes, sizeof(bytes));
		(void)addr_format(&addr, buffer);
		assert_int_equal((strlen(buffer) - plain) % 4, 0);
		assert_in_range(strlen(buffer), ADDR_TEXT_SIZE - 4, ADDR_TEXT_SIZE - 1);
	}
}

static void a_socket_without_name_has_no_address(void **state)
{
	struct addr unnamed = unix_name("", 0);
	struct addr named = unix_name("/x", 3);

	(void)state;
	assert_int_equal(addr_family(&unnamed), AF_UNIX);
	assert_text(&unnamed, "<no address>");
	assert_true(addr_equal(&unnamed, &unnamed));
	assert_false(addr_equal(&unnamed, &named));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_unix_paths_with_exact_length),
		cmocka_unit_test(reads_abstract_names_with_exact_length),
		cmocka_unit_test(unix_names_end_at_107_bytes),
		cmocka_unit_test(rejects_what_is_no_unix_name),
		cmocka_unit_test(the_kernel_agrees_about_abstract_names),
		cmocka_unit_test(abstract_names_may_hold_any_byte),
		cmocka_unit_test(a_path_ends_at_its_nul_whether_counted_or_not),
		cmocka_unit_test(a_path_without_nul_stays_within_the_address),
		cmocka_unit_test(long_escaped_names_are_cut),
		cmocka_unit_test(names_that_are_no_absolute_path_are_not_shown),
		cmocka_unit_test(spaces_in_names_are_escaped),
		cmocka_unit_test(escaped_spaces_are_not_cut_in_half),
		cmocka_unit_test(a_socket_without_name_has_no_address),
	};

	return cmocka_run_group_tests_name("base/addr_unix", tests, NULL, NULL);
}
