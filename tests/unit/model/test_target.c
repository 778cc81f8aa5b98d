/* SPDX-License-Identifier: ISC */
/* Targets: every way to write one, what it means and how it is printed. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/model/target.h"

/* Numbers, and "http"; no services database. */
static int find_port(const struct target_ports *ports, const char *text, uint16_t *ret,
		     struct error *err)
{
	char *end;
	unsigned long port = strcmp(text, "http") == 0 ? 80 : strtoul(text, &end, 10);

	(void)ports;
	if (port < 1 || port > 65535)
		return error_set(err, -EINVAL, "'%s' is not a port", text);
	*ret = (uint16_t)port;
	return 0;
}

static const struct target_ports ports = { .find = find_port };

static void assert_parses(const char *word, const char *text, int family)
{
	struct target target = { 0 };

	assert_int_equal(target_parse(word, &ports, &target, NULL), 0);
	assert_string_equal(target.text, text);
	assert_null(target.name);
	assert_int_equal(target.at.count, 1);
	assert_int_equal(addr_family(&target.at.addresses[0]), family);
	assert_int_equal(target_is_path(&target), family == AF_UNIX);
	assert_int_equal(addr_port(&target.at.addresses[0]), target.port);
	target_done(&target);
	/* What is printed is read as the same. */
	assert_int_equal(target_parse(text, &ports, &target, NULL), 0);
	assert_string_equal(target.text, text);
	target_done(&target);
}

static void reads_addresses_and_paths(void **state)
{
	(void)state;
	assert_parses("192.0.2.1:80", "192.0.2.1:80", AF_INET);
	assert_parses("192.0.2.1:http", "192.0.2.1:80", AF_INET);
	assert_parses("[2001:DB8::1]:8080", "[2001:db8::1]:8080", AF_INET6);
	assert_parses("[::1]:http", "[::1]:80", AF_INET6);
	assert_parses("[::ffff:192.0.2.1]:80", "192.0.2.1:80", AF_INET);
	assert_parses("[fe80::1%lo]:80", "[fe80::1%lo]:80", AF_INET6);
	assert_parses("/run/app.sock", "/run/app.sock", AF_UNIX);
	assert_parses("/run/a:b.sock", "/run/a:b.sock", AF_UNIX);
	assert_parses("@app", "@app", AF_UNIX);
}

static void leaves_names_to_be_looked_up(void **state)
{
	struct target target = { 0 };

	(void)state;
	assert_int_equal(target_parse("DB.internal:5432", &ports, &target, NULL), 0);
	assert_string_equal(target.text, "DB.internal:5432");
	assert_string_equal(target.name, "DB.internal");
	assert_int_equal(target.port, 5432);
	assert_int_equal(target.at.count, 0);
	target_done(&target);
}

static void reads_a_pair(void **state)
{
	static const struct {
		const char *host, *port, *text;
	} pairs[] = { { "192.0.2.1", "80", "192.0.2.1:80" },
		      { "::1", "http", "[::1]:80" },
		      { "db", "5432", "db:5432" } };

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct target target = { 0 };

		assert_true(target_is_bare(pairs[i].host));
		assert_true(target_is_bare(pairs[i].port));
		assert_int_equal(target_parse_pair(pairs[i].host, pairs[i].port, &ports,
						   &target, NULL),
				 0);
		assert_string_equal(target.text, pairs[i].text);
		target_done(&target);
	}
}

/* No word is both the half of a pair and a target. */
static void tells_targets_from_halves_of_pairs(void **state)
{
	static const char *const bare[] = { "db", "80", "::1", "10.0.0.1", "fe80::1%lo" };
	static const char *const whole[] = { "db:80", "[::1]:80", "[::1]", "/x",
					     "@x",    "db:",      ":80" };

	(void)state;
	for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
		struct target target = { 0 };

		assert_true(target_is_bare(bare[i]));
		assert_int_equal(target_parse(bare[i], &ports, &target, NULL), -EINVAL);
		assert_null(target.text);
	}
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		assert_false(target_is_bare(whole[i]));
}

static void assert_refused(const char *word, const char *expected)
{
	struct target target = { .port = 7 };
	struct error err = { 0 };

	assert_true(target_parse(word, &ports, &target, &err) < 0);
	if (strncmp(err.text, expected, strlen(expected)) != 0)
		print_error("'%s'\n", err.text);
	assert_memory_equal(err.text, expected, strlen(expected));
	/* Untouched. */
	assert_int_equal(target.port, 7);
	assert_null(target.text);
}

static void refuses_what_is_no_target(void **state)
{
	char name[300];

	(void)state;
	assert_refused("", "'' has no port");
	assert_refused(":", "':' has no port");
	assert_refused(":80", "':80' has no host");
	assert_refused("[]:80", "'[]:80' has no host");
	assert_refused("[::1]80", "'[::1]80' has no port");
	assert_refused("[db]:80", "'db' is no IPv6 address");
	assert_refused("[::1:80", "'[::1:80' has no port");
	assert_refused("a\nb:80", "'a\\nb' is neither");
	assert_refused("-x:80", "'-x' is neither");
	assert_refused("a..b:80", "'a..b' is neither");
	assert_refused("300.1.1.1:80", "'300.1.1.1' is neither");
	assert_refused("255.255.255.255:80",
		       "'255.255.255.255:80' is no address to connect to");
	assert_refused("[ff02::1]:80", "'[ff02::1]:80' is no address to connect to");
	assert_refused("[::]:80", "'[::]:80' is no address to connect to");
	assert_refused("/", "expected an absolute path or @name");
	memset(name, 'a', sizeof(name) - 4);
	memcpy(name + sizeof(name) - 4, ":80", 4);
	assert_refused(name, "'aaaaaaaaa");
	/* 254 bytes fit the buffer and are no name. */
	assert_refused(name + 296 - 254, "'aaaaaaaaa");
}

static void copies_a_list(void **state)
{
	struct target_list list = { .items = calloc(2, sizeof(struct target)) };
	struct target_list copy = { 0 };

	(void)state;
	assert_non_null(list.items);
	assert_int_equal(target_parse("db:80", &ports, &list.items[list.count++], NULL),
			 0);
	assert_int_equal(target_parse("/x", &ports, &list.items[list.count++], NULL), 0);
	assert_int_equal(target_list_copy(&list, &copy), 0);
	assert_int_equal(copy.count, 2);
	assert_string_equal(copy.items[0].name, "db");
	assert_ptr_not_equal(copy.items[0].text, list.items[0].text);
	assert_true(addr_equal(&copy.items[1].at.addresses[0],
			       &list.items[1].at.addresses[0]));
	target_list_done(&list);
	assert_int_equal(list.count, 0);
	target_list_done(&copy);
	assert_int_equal(target_list_copy(&list, &copy), 0);
	assert_null(copy.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_addresses_and_paths),
		cmocka_unit_test(leaves_names_to_be_looked_up),
		cmocka_unit_test(reads_a_pair),
		cmocka_unit_test(tells_targets_from_halves_of_pairs),
		cmocka_unit_test(refuses_what_is_no_target),
		cmocka_unit_test(copies_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
